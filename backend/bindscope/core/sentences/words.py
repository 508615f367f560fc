"""Shared by all findings: shares and intervals in words, and what a binding score says."""

from dataclasses import dataclass
from typing import Literal, Protocol

from bindscope.core.binding_rules import LEAST_BAGS, Origin, Says, says

#: Whose colour and sign a finding takes on a page.
Tone = Literal["binds", "bag_of_concepts", "blind", "undecided"]


class Interval(Protocol):
    """A figure with its 95 % interval over n units; None without one."""

    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def n(self) -> int: ...


class Unpaired(Protocol):
    """Scenes against all their swaps, beside what the labels' habits reach."""

    @property
    def forced_choice(self) -> Interval: ...
    @property
    def bag_baseline(self) -> Interval: ...
    @property
    def difference(self) -> Interval: ...


class Twin(Protocol):
    """The random-weights twin."""

    @property
    def forced_choice(self) -> Interval: ...
    @property
    def difference(self) -> Interval: ...
    @property
    def origin(self) -> Origin: ...
    @property
    def seeds(self) -> int: ...
    @property
    def train_ratio(self) -> float | None: ...


class Control(Protocol):
    """The same analysis after the vectors of each bag were dealt out anew among its scenes."""

    @property
    def forced_choice(self) -> Interval: ...
    @property
    def difference(self) -> Interval: ...


class Binding(Protocol):
    """The binding score and what stands beside it."""

    @property
    def forced_choice(self) -> Interval | None: ...
    @property
    def undecided(self) -> Interval: ...
    @property
    def says(self) -> Says: ...
    @property
    def unpaired(self) -> Unpaired | None: ...
    @property
    def twin(self) -> Twin | None: ...
    @property
    def double_difference(self) -> Interval | None: ...
    @property
    def control(self) -> Control | None: ...


@dataclass(frozen=True)
class Finding:
    """A title, a sentence, and the tone that the page gives it."""

    title: str
    sentence: str
    tone: Tone


def percent(share: float | None) -> str:
    """``54 %``; a dash where there is no number; no rounding up to a certainty that was not reached."""
    if share is None:
        return "–"
    if share < 1 and f"{100 * share:.1f}" == "100.0":
        return "> 99.9 %"
    if share > 0 and f"{100 * share:.1f}" == "0.0":
        return "< 0.1 %"
    whole = f"{100 * share:.0f}"
    return f"{100 * share:.1f} %" if (whole == "100" and share < 1) or (whole == "0" and share > 0) else f"{whole} %"


def with_interval(interval: Interval, unit: str = "") -> str:
    """``54 % (47 to 61 %, n = 200)``; with a ``unit``, ``n = 200 bags``."""
    if interval.value is None or interval.low is None or interval.high is None:
        return "no such scene"
    n = f"n = {interval.n}{' ' + unit if unit else ''}"
    return f"{percent(interval.value)} ({100 * interval.low:.0f} to {100 * interval.high:.0f} %, {n})"


def score_text(binding: Binding) -> str:
    """The figure behind the word: ``58 % (55 to 61 %, n = 84 bags)``, chance named by the caller's sentence."""
    if binding.forced_choice is None or binding.forced_choice.value is None:
        return "no scene was scored together with its swap"
    return with_interval(binding.forced_choice, "bags")


def unpaired_text(unpaired: Unpaired) -> str:
    """Both figures where too few scenes have their swap among the data."""
    return (
        f"unpaired {with_interval(unpaired.forced_choice, 'bags')}, and what the labels' habits alone reach is "
        f"{percent(unpaired.bag_baseline.value)}"
    )


def too_few(binding: Binding) -> str:
    """Why a figure supports no claim."""
    n = binding.forced_choice.n if binding.forced_choice is not None else 0
    if n < LEAST_BAGS:
        return f"only {n} sets of values were scored together with a swap of theirs, and a claim takes {LEAST_BAGS}"
    if not at_odds(binding):
        return "the interval is too wide to say either"
    if binding.control is not None:
        return (
            f"its control, in which labels alone speak, reaches {with_interval(binding.control.forced_choice, 'bags')}"
        )
    return "the strength of the probe is at an end of its grid, so that another might find more"


def at_odds(binding: Binding) -> bool:
    """Whether nothing is said although the figure by itself would support a claim: the probe or its control forbids."""
    found = binding.forced_choice
    return binding.says == "too few" and found is not None and says(found.low, found.high, found.n) != "too few"

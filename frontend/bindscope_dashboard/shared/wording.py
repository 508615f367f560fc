"""Words for what the service sends: diagnoses, outcomes, numbers, devices."""

from collections.abc import Mapping
from dataclasses import dataclass

from bindscope.core.wire import Interval, Provenance
from bindscope.features.verdicts.schemas import Diagnosis


@dataclass(frozen=True)
class Named:
    """A diagnosis in words: its title, what it means, and a sign."""

    title: str
    meaning: str
    sign: str


DIAGNOSES: Mapping[Diagnosis, Named] = {
    "binds": Named("Binds", "It knows which property belongs to which object.", "✓"),
    "bag_of_concepts": Named(
        "Bag of concepts", "It recognises the properties, but not which belongs to which object.", "⇄"
    ),
    "blind": Named("Blind", "It does not even recognise the properties.", "∅"),
    "undecided": Named("Undecided", "No caption wins, or a change by a hair changes the winner.", "≈"),
}


def percent(share: float | None) -> str:
    """``54 %``; a dash where there is no number."""
    return "–" if share is None else f"{100 * share:.0f} %"


def with_interval(interval: Interval) -> str:
    """``54 % (47 to 61 %, n = 200)``."""
    if interval.value is None or interval.low is None or interval.high is None:
        return "no such scene"
    return f"{percent(interval.value)} ({100 * interval.low:.0f} to {100 * interval.high:.0f} %, n = {interval.n})"


def spread(interval: Interval) -> str:
    """The ends of an interval for a card: ``96–99 %``."""
    if interval.low is None or interval.high is None:
        return ""
    return f"{100 * interval.low:.0f}–{100 * interval.high:.0f} %"


def score(value: float) -> str:
    """A cosine with three decimals and a real minus sign."""
    return f"{value:.3f}".replace("-", "−")


def tiny(value: float) -> str:
    """A noise floor: ``1.2e−07``, or 0."""
    return "0" if value == 0 else f"{value:.1e}".replace("-", "−")


def device(provenance: Provenance) -> str:
    """``CPU, float32``."""
    return runs_on(provenance.device, provenance.dtype)


def runs_on(name: str, dtype: str) -> str:
    """``CPU, float32`` or ``CUDA 0, float16``."""
    kind, _, number = name.partition(":")
    return f"{kind.upper()}{' ' + number if number else ''}, {dtype}"


def model_title(model: str) -> str:
    """A short name for headings: the family stays, long folders lose their middle."""
    return model if len(model) <= 48 else f"{model[:24]}…{model[-22:]}"


def literal(text: str) -> str:
    """Text that Streamlit shows as it is: a link or a model's name must not become markdown."""
    return "".join("\\" + char if char in "\\`*_{}[]()<>#+!|$:~" else char for char in text)


def plain_number(value: float | None, digits: int = 3) -> str:
    """A number with a real minus sign; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def duration(seconds: float) -> str:
    """``8.4 s``, ``45 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {int(seconds) % 60} s" if minutes else f"{seconds:.0f} s"


def roughly(seconds: float) -> str:
    """A time that is only estimated: ``10 s``, ``50 s``, ``5 min``, ``2 h 5 min``."""
    if seconds <= 50:
        return f"{max(10, 10 * round(seconds / 10))} s"
    return f"{max(1, round(seconds / 60))} min" if seconds < 3600 else duration(seconds)


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """``1 family``; ``3 families``."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"

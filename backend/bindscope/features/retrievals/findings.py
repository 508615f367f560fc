"""What a search among swapped twins says."""

from collections.abc import Mapping
from typing import Protocol

from bindscope.core.binding_rules import CHANCE
from bindscope.core.sentences.words import Binding, Finding, Interval, Tone, percent, score_text, too_few

_COIN = f"chance {percent(CHANCE)}"


class Retrieval(Protocol):
    """A search: the paired forced choice between twins, and the strict figures of the ranking."""

    @property
    def binding(self) -> Binding: ...
    @property
    def recall(self) -> Mapping[str, Interval]: ...
    @property
    def swapped_first(self) -> Interval: ...
    @property
    def swapped_first_chance(self) -> float | None: ...


def retrieval_finding(found: Retrieval) -> Finding:
    """Is the right scene ahead of its swapped twin? The strict figures of the ranking stand behind it."""
    binding = found.binding
    if binding.forced_choice is None or binding.forced_choice.value is None:
        return Finding(
            "No twins", "No scene and its swapped twin are both there, so nothing can be confused.", "undecided"
        )
    title, tone, meaning = _word(binding)
    sentence = f"{meaning}: {score_text(binding)}; {_COIN}"
    if binding.says == "too few" and not _ties(binding):
        sentence += f"; {too_few(binding)}"
    return Finding(title, f"{sentence}. {ranking_sentence(found)}", tone)


def ranking_sentence(found: Retrieval) -> str:
    """The strict figures, each with the level that needs no binding."""
    first = f"The right scene comes first of all in {percent(found.recall['1'].value)} of the searches"
    if found.swapped_first_chance is None:
        return f"{first}."
    return (
        f"{first}, a twin before every right one in {percent(found.swapped_first.value)} (with scores at random among "
        f"the two {percent(found.swapped_first_chance)})."
    )


def _ties(binding: Binding) -> bool:
    """Whether most trials are ties: that can be said however many there are."""
    low = binding.undecided.low
    return low is not None and low > CHANCE


def _word(binding: Binding) -> tuple[str, Tone, str]:
    ahead = "the right scene is ahead of its swapped twin"
    if _ties(binding):
        ties = percent(binding.undecided.value)
        return (
            "It cannot tell them apart",
            "bag_of_concepts",
            f"In {ties} of the choices the right scene and its swapped twin score the same, and a tie is half a win",
        )
    words: Mapping[str, tuple[str, Tone, str]] = {
        "present": ("It finds the right scene", "binds", f"{ahead.capitalize()}"),
        "weak": ("More often the right scene", "undecided", f"{ahead.capitalize()} more often than not"),
        "not found": ("A coin between twins", "bag_of_concepts", f"Whether {ahead} is as good as a coin"),
        "below chance": (
            "The twin is preferred",
            "bag_of_concepts",
            "The swapped twin is ahead more often; share of the right scene",
        ),
        "too few": ("Too few twins to say", "undecided", f"{ahead.capitalize()} in these few choices"),
    }
    return words[binding.says]

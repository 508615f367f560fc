"""What a board of models says: who leads, who is not separable from chance, and where two of them differ."""

from collections.abc import Sequence
from typing import Protocol

from bindscope.core.binding_rules import CHANCE, LEAST_COMPARED, Standing
from bindscope.core.sentences.words import Binding, Finding, Interval, percent, score_text

_COIN = f"chance {percent(CHANCE)}"
#: What the captions of a contest are compared with.
ANCHORS = {"image": "pictures with captions", "text": "captions with captions"}


class Row(Protocol):
    """One model of a board; ``kind`` is ``model`` or a control."""

    @property
    def model(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def rank(self) -> int | None: ...
    @property
    def anchor(self) -> str: ...
    @property
    def binding(self) -> Binding: ...
    @property
    def standing(self) -> Standing: ...


class Pair(Protocol):
    """Two models on the same bags."""

    @property
    def first(self) -> str: ...
    @property
    def second(self) -> str: ...
    @property
    def difference(self) -> Interval: ...
    @property
    def adjusted(self) -> float | None: ...
    @property
    def separate(self) -> bool: ...


def board_finding(rows: Sequence[Row]) -> Finding:
    """``rows`` of one anchor: who leads, and whether the lead is one."""
    models = [row for row in rows if row.kind == "model"]
    if len(models) == 1:
        return _alone(models[0])
    leaders = [row for row in models if row.rank == 1]
    above = [row for row in leaders if row.standing == "above chance"]
    behind = _behind(models, leaders)
    if len(leaders) == len(models):
        return Finding("No difference shown", f"No two models separate: {_all(models)}; {_COIN}.{behind}", "undecided")
    if not above:
        title = "None is separable from chance"
        return Finding(title, f"The best of them: {_all(leaders)}; {_COIN}.{behind}", "bag_of_concepts")
    if len(leaders) > 1:
        sentence = f"{len(leaders)} models share the first rank: {_all(leaders)}; {_COIN}.{behind}"
        return Finding("A shared lead", sentence, "undecided")
    best = leaders[0]
    sentence = f"{_named(best)}; {_COIN}. It is better than each of the others on the same scenes.{behind}"
    return Finding(f"{best.model} leads", sentence, "binds" if best.binding.says == "present" else "undecided")


def anchor_sentence(anchor: str) -> str:
    """What the models of one table were asked, and why tables are not put together."""
    return (
        f"These models compare {ANCHORS[anchor]}. Models with another question stand in a table of their own: their "
        "figures answer something else, so they have no common rank."
    )


def rank_sentence(bags: int, models: int) -> str:
    """How ranks come about; empty for one model."""
    if models < 2:
        return ""
    if bags < LEAST_COMPARED:
        return (
            f"Only {bags} sets of values occur with a swap of theirs, and two models are compared on {LEAST_COMPARED} "
            "or more: no ranks are claimed."
        )
    return (
        f"Ranks: sign-flip tests over {bags} sets of values (Holm over all pairs); models that do not separate share "
        "a rank, and so do all whose interval holds chance."
    )


def pair_sentence(pair: Pair) -> str:
    """Whether one of two models is better."""
    if pair.adjusted is None:
        n = pair.difference.n
        return f"{pair.first} and {pair.second} are not compared: {n} common sets of values, {LEAST_COMPARED} needed"
    test = f"{change_text(pair.difference)}; p = {pair.adjusted:.2g}, sign-flip, Holm"
    if not pair.separate:
        return f"{pair.first} and {pair.second} do not separate ({test})"
    ahead = (pair.difference.value or 0.0) > 0
    better, worse = (pair.first, pair.second) if ahead else (pair.second, pair.first)
    return f"{better} is better than {worse} ({pair.first} − {pair.second}: {test})"


def change_text(difference: Interval) -> str:
    """``+12 points (+5 to +19, n = 77 bags)``."""
    if difference.value is None or difference.low is None or difference.high is None:
        return "no common scene"
    ends = " to ".join(f"{100 * end:+.0f}" for end in (difference.low, difference.high))
    return f"{100 * difference.value:+.0f} points ({ends}, n = {difference.n} bags)".replace("-", "−")


def disagreement_sentence(difference: Interval | None, p: float | None) -> str:
    """What the scenes on which two models differ show together."""
    if difference is None:
        return (
            "One compares pictures with captions and the other captions with captions: the scenes can be looked at, "
            "the figures not compared."
        )
    if p is None:
        return f"Too few common sets of values to compare them ({difference.n}, {LEAST_COMPARED} needed)."
    return f"Their binding scores differ by {change_text(difference)}; sign-flip p = {p:.2g}."


def _alone(row: Row) -> Finding:
    title = {
        "above chance": "Above chance",
        "not separable from chance": "Not separable from chance",
        "below chance": "Below chance",
        "too few": "Too few scenes to say",
    }[row.standing]
    tone = "binds" if row.binding.says == "present" else "undecided"
    return Finding(title, f"{_named(row)}; {_COIN}. Add another model to compare.", tone)  # type: ignore[arg-type]


def _behind(models: Sequence[Row], leaders: Sequence[Row]) -> str:
    """The groups that a rank alone does not tell."""
    even = [row for row in models if row.standing == "not separable from chance"]
    below = [row for row in models if row.standing == "below chance"]
    said = ""
    if even:
        alike = {row.model for row in even} == {row.model for row in leaders}
        said += " None of these is separable from chance." if alike else f" Not separable from chance: {_all(even)}."
    if below:
        said += f" Below chance, the swapped caption is preferred: {_all(below)}."
    return said


def _named(row: Row) -> str:
    return f"{row.model} prefers the true caption in {score_text(row.binding)}"


def _all(rows: Sequence[Row]) -> str:
    return ", ".join(
        f"{row.model} {percent(row.binding.forced_choice.value if row.binding.forced_choice else None)}" for row in rows
    )

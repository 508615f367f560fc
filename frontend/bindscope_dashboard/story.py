"""What the numbers of Probe and Surgery say, in one sentence each: plain functions of intervals and scenes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bindscope.schemas.base import Interval
from bindscope.schemas.surgeries import EditResponse
from bindscope.schemas.verdicts import Diagnosis
from bindscope_dashboard.wording import percent, with_interval

#: From this share on an encoder holds, or two encoders share, the binding as a whole and not in part.
MOST = 0.9


@dataclass(frozen=True)
class Reading:
    """Recognition of objects on held-out scenes with a valid swap, and chance there."""

    found: Interval
    chance: float

    @property
    def encodes(self) -> bool:
        """The whole interval lies above chance."""
        return self.found.low is not None and self.found.low > self.chance


@dataclass(frozen=True)
class Contest:
    """The cross-modal contest over many scenes: swap accuracy, and how much of it was undecided."""

    accuracy: Interval
    undecided: Interval

    @property
    def wins(self) -> bool:
        """The whole interval lies above the coin's one half."""
        return self.accuracy.low is not None and self.accuracy.low > 0.5


@dataclass(frozen=True)
class Story:
    """A title, a sentence, and the diagnosis whose colour and sign it takes."""

    title: str
    sentence: str
    tone: Diagnosis


def binding_story(readings: Mapping[str, Reading], contest: Contest | None) -> Story:
    """``readings`` by modality (one or both): is the binding there, and do the two encoders share it?"""
    measured = {name: reading for name, reading in readings.items() if reading.found.value is not None}
    if not measured:
        return Story(
            "Nothing to bind", "No held-out scene has a valid swap, so there is no binding to find.", "undecided"
        )
    told = [name for name, reading in measured.items() if reading.encodes]
    figures = ", ".join(f"{name} {percent(reading.found.value)}" for name, reading in measured.items())
    figures += f"; chance {percent(next(iter(measured.values())).chance)}"
    if len(measured) == 1:
        return _one_tower(next(iter(measured)), figures, bool(told), contest=contest)
    if len(told) == 2:
        return _both(figures, contest)
    if len(told) == 1:
        return _one_of_two(told[0], figures, contest)
    sentence = f"Neither probe tells a scene from its swap better than chance ({figures}). {_against_coin(contest)}"
    return Story("No sign of binding", sentence.strip(), "bag_of_concepts")


def _both(figures: str, contest: Contest | None) -> Story:
    if contest is None or contest.accuracy.value is None:
        return Story("The information is there", f"Both encoders hold it ({figures}).", "undecided")
    if not contest.wins:
        sentence = f"The information is there ({figures}), but the two encoders do not share it: {_accuracy(contest)}."
        return Story("There, but not shared", sentence, "bag_of_concepts")
    if contest.accuracy.value < MOST:
        sentence = f"The information is there ({figures}), and the two encoders share part of it: {_accuracy(contest)}."
        return Story("There, and shared in part", sentence, "undecided")
    sentence = f"The information is there ({figures}), and the two encoders share it: {_accuracy(contest)}."
    return Story("There, and shared", sentence, "binds")


def _one_of_two(encoder: str, figures: str, contest: Contest | None) -> Story:
    start = f"Probes find which value belongs to which object in the {encoder} encoder only ({figures})"
    if contest is None or contest.accuracy.value is None:
        return Story(f"Only in the {encoder} encoder", f"{start}.", "undecided")
    if contest.wins:
        sentence = f"{start}; even so the true caption wins more often than a coin: {_accuracy(contest)}."
        return Story(f"Mostly in the {encoder} encoder", sentence, "undecided")
    sentence = f"{start}, so the two have nothing to share: {_accuracy(contest)}."
    return Story(f"Only in the {encoder} encoder", sentence, "bag_of_concepts")


def _one_tower(name: str, figures: str, told: bool, *, contest: Contest | None) -> Story:
    where = "these embeddings" if name == "upload" else f"the {name} encoder"
    verb = "finds" if told else "does not find"
    shown = figures.removeprefix("upload ")
    sentence = f"A linear probe {verb} in {where} which value belongs to which object ({shown})."
    if contest is not None and contest.accuracy.value is not None:
        sentence += f" Between captions in another order and swapped ones: {_accuracy(contest)}."
    return Story("The information is there" if told else "No sign of binding", sentence,
                 "binds" if told else "bag_of_concepts")  # fmt: skip


def _against_coin(contest: Contest | None) -> str:
    if contest is None or contest.accuracy.value is None:
        return ""
    if contest.wins:
        return f"Even so the true caption wins more often than a coin: {_accuracy(contest)}."
    return f"The caption contest agrees: {_accuracy(contest)}."


def _accuracy(contest: Contest) -> str:
    ties = contest.undecided.value or 0.0
    return f"swap accuracy {percent(contest.accuracy.value)}" + (f", {percent(ties)} undecided" if ties >= 0.05 else "")


def probe_note(reading: Reading) -> str:
    """What one probe says, for its card."""
    if reading.found.value is None:
        return "no held-out scene has a valid swap"
    if not reading.encodes:
        return "no better than chance"
    return "the binding is there" if reading.found.value >= MOST else "part of the binding is there"


def landing(found: EditResponse, original: Sequence[Mapping[str, str]]) -> Story:
    """Where one edited vector landed among the real scenes."""
    wanted = [o.values for o in found.edited.objects]
    if found.right:
        return Story("Lands on the wanted scene", "The nearest real scene is the one that the edit aims at.", "binds")
    first = found.nearest[0]
    objects = [o.values for o in first.scene.objects]
    if first.wanted:
        return Story("Ties with another scene", "The wanted scene is nearest, and another one is as near: not right.",
                     "undecided")  # fmt: skip
    if objects == list(original):
        return Story(
            "Stays nearest to the original", "The edit does not leave the scene that it started from.", "blind"
        )
    if _as_set(objects) == _as_set(wanted):
        return Story("Right objects, other places", "It lands on the wanted objects in another order.", "undecided")
    if _concepts(objects) == _concepts(wanted):
        return Story("Lands on a swap", "It lands on the right values, bound to the wrong objects.", "bag_of_concepts")
    return Story(
        "Lands on another scene", "The nearest real scene is neither the wanted one nor the original.", "blind"
    )


def _as_set(objects: Sequence[Mapping[str, str]]) -> Counter[tuple[tuple[str, str], ...]]:
    return Counter(tuple(sorted(values.items())) for values in objects)


def _concepts(objects: Sequence[Mapping[str, str]]) -> Counter[tuple[str, str]]:
    return Counter(item for values in objects for item in values.items())


def twin_note(test: float | None, twin: float | None) -> str:
    """What the random twin's R2 says about the model's."""
    if test is None or twin is None:
        return ""
    if twin >= test:
        return "Random weights reach as much or more: this R² does not show that training made the vectors additive."
    return f"Training adds {test - twin:.3f} to what random weights reach."


def accuracy_note(interval: Interval) -> str:
    """An interval for a card: ``96–99 %``."""
    if interval.low is None or interval.high is None:
        return ""
    return f"{100 * interval.low:.0f}–{100 * interval.high:.0f} %"


def retrieval_sentence(retrieval: Interval, published: Interval) -> str:
    """Why two retrievals are shown."""
    return (
        f"The edited scene is the nearest one in {with_interval(retrieval)} of the edits. The published procedure "
        f"also averages over the two scenes of the edit itself, which tells it part of the answer: "
        f"{with_interval(published)}."
    )

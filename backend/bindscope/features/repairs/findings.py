"""What a repair of the text tower says: whether a map was kept, what it gains on unseen objects, what it costs."""

from collections.abc import Mapping
from typing import Protocol

from bindscope.core.binding_rules import CHANCE
from bindscope.core.sentences.words import Binding, Finding, Interval, percent, with_interval
from bindscope.core.specs import MOST_LOST, REPAIR_LEVEL
from bindscope.features.probes.findings import tower_sentence

_FREE = {"mean_removed": "removing the means of both sides", "whitened": "whitening both sides"}


class Figures(Protocol):
    """The binding score of pictures among captions, and what may be lost."""

    @property
    def binding(self) -> Binding: ...
    @property
    def recall_at_1(self) -> Interval: ...
    @property
    def concepts(self) -> Interval: ...


class Confirmation(Protocol):
    """The part of the map that was chosen, and its gain on bags that had no say in the choice."""

    @property
    def t(self) -> float: ...
    @property
    def choosing(self) -> Interval: ...
    @property
    def confirming(self) -> Interval: ...
    @property
    def p(self) -> float: ...


class Repair(Protocol):
    """A repair, kept (``t`` above 0) or not."""

    @property
    def t(self) -> float: ...
    @property
    def before(self) -> Figures: ...
    @property
    def after(self) -> Figures: ...
    @property
    def gain(self) -> Interval: ...
    @property
    def confirmation(self) -> Confirmation: ...
    @property
    def text_probe(self) -> Binding: ...
    @property
    def baselines(self) -> Mapping[str, Figures]: ...


def points(change: Interval, unit: str = "") -> str:
    """``+42 points (30 to 54, n = 20)``, of a difference of shares."""
    if change.value is None or change.low is None or change.high is None:
        return "no difference to measure"
    n = f"n = {change.n}{' ' + unit if unit else ''}"
    text = f"{100 * change.value:+.0f} points ({100 * change.low:+.0f} to {100 * change.high:+.0f}, {n})"
    return text.replace("-", "−")


def repair_finding(found: Repair) -> Finding:
    """A kept map by its gain on objects that neither learning nor choice has seen; else why none was kept."""
    if found.t == 0:
        return _refused(found)
    gain, lost = found.gain, _lost(found)
    figures = (
        f"On unseen objects the true caption beats the swapped one in {percent(_score(found.before))} before and "
        f"{_text(found.after)} after, {points(gain)}; chance {percent(CHANCE)}. Ordinary recall@1 goes "
        f"from {percent(found.before.recall_at_1.value)} to {percent(found.after.recall_at_1.value)}, concepts from "
        f"{percent(found.before.concepts.value)} to {percent(found.after.concepts.value)}."
    )
    if gain.low is None or gain.high is None or gain.low <= 0:
        worse = gain.high is not None and gain.high < 0
        meaning = "and the test contradicts it" if worse else "but the test does not show it"
        title = "It does not hold on unseen objects" if worse else "A gain that the test does not show"
        return Finding(title, f"A map was confirmed on validation scenes, {meaning}. {figures}", "undecided")
    if lost > MOST_LOST:
        return Finding("A gain that costs", f"{figures}{_free(found)}", "undecided")
    return Finding("Repaired", f"{figures}{_free(found)}", "binds")


def _refused(found: Repair) -> Finding:
    if found.before.binding.says == "present":
        sentence = f"On unseen objects the true caption beats the swapped one in {_text(found.before)} as it is"
        return Finding("Nothing to repair", f"{sentence}; chance {percent(CHANCE)}.", "binds")
    tried = found.confirmation
    if tried.t == 0:
        why = "No map is better than the model as it is on the scenes that choose"
    elif tried.choosing.low is None or tried.choosing.low <= 0:
        why = (
            f"The best map (t = {tried.t:g}) changes the binding score by {points(tried.choosing, 'bags')} on the "
            "scenes that chose it, which chance does as well"
        )
    else:
        why = (
            f"The best map (t = {tried.t:g}) changes the binding score by {points(tried.confirming, 'bags')} on scenes "
            f"that had no say in the choice (p = {tried.p:.2g}), and one is kept below {REPAIR_LEVEL:g}"
        )
    return Finding("No repair found", f"{why}, so the model stays as it is. {_text_side(found)}", "bag_of_concepts")


def _text_side(found: Repair) -> str:
    """Only a text side in which the probe does not find the binding is said to have none to give."""
    said = tower_sentence("text", found.text_probe)
    if found.text_probe.says == "not found":
        return f"{said} What the text side does not hold, no map can bring back."
    if found.text_probe.says == "present":
        return f"{said} But no linear map that was tried carries it over to the pictures of unseen objects."
    return said


def _text(own: Figures) -> str:
    """The score with its interval; its n counts bags, or unseen objects where these are fewer."""
    return "no scene" if own.binding.forced_choice is None else with_interval(own.binding.forced_choice)


def _score(own: Figures) -> float | None:
    return None if own.binding.forced_choice is None else own.binding.forced_choice.value


def _lost(found: Repair) -> float:
    return (found.before.recall_at_1.value or 0.0) - (found.after.recall_at_1.value or 0.0)


def _free(found: Repair) -> str:
    """What costs no training, where it reaches anything."""
    free = [(score, name) for name, own in found.baselines.items() if (score := _score(own)) is not None]
    if not free:
        return ""
    best, name = max(free)
    return f" Without any training, {_FREE.get(name, name)} reaches {percent(best)}."

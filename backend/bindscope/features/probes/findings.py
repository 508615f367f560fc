"""What linear probes of one or two towers say, beside the contest of captions."""

from collections.abc import Mapping

from bindscope.core.sentences.words import (
    Binding,
    Finding,
    Tone,
    at_odds,
    percent,
    score_text,
    too_few,
    unpaired_text,
    with_interval,
)

_HOLDS = ("present",)


def tower_sentence(name: str, binding: Binding) -> str:
    """What a probe of one tower (``image``, ``text`` or ``upload``) shows. Chance is 50 %, exactly."""
    where = "these vectors" if name == "upload" else f"the {name} tower's vectors"
    if binding.says == "present":
        what = "which value belongs to which object"
        return f"A linear probe reads from {where} {what}: {score_text(binding)}; chance 50 %."
    if binding.says == "weak" and binding.unpaired is not None:
        return (
            f"A linear probe reads from {where} more than the labels' habits explain "
            f"({unpaired_text(binding.unpaired)}); without scenes and their swaps side by side no more can be said."
        )
    if binding.says == "weak":
        return f"A linear probe reads a trace of the binding from {where}: {score_text(binding)}; chance 50 %."
    if binding.says == "not found":
        return (
            f"A linear probe of this kind does not find the binding in {where}: {score_text(binding)}; chance 50 %. "
            "Other readers might."
        )
    if binding.says == "below chance":
        return (
            f"The probe of {where} scores below chance ({score_text(binding)}; chance 50 %), which is a fault of the "
            "procedure and says nothing about the model: report it."
        )
    if binding.unpaired is not None:
        return f"Nothing can be said of {where}: {unpaired_text(binding.unpaired)}; {too_few(binding)}."
    return f"Nothing can be said of {where}: {score_text(binding)}; {too_few(binding)}."


def origin_sentence(binding: Binding) -> str:
    """What the random-weights twin adds; empty where there is none."""
    twin = binding.twin
    if twin is None:
        return ""
    gap = twin.difference
    figures = f"random weights reach {with_interval(twin.forced_choice, 'bags')}"
    if gap.value is not None and gap.low is not None and gap.high is not None:
        change = f"{100 * gap.value:+.0f} points ({100 * gap.low:+.0f} to {100 * gap.high:+.0f})".replace("-", "−")
        figures += f", a difference of {change}"
    if twin.train_ratio is not None:
        figures += f", both with {percent(twin.train_ratio)} of the scenes for training"
    meaning = {
        "more than random weights": "Training put it there",
        "less than random weights": "Training took some of it away",
        "already in the input representation": "It is already in the input representation; training did not remove it",
        "not separable from random weights": "Whether training put it there is not shown",
    }[twin.origin]
    return f"{meaning}: {figures} over {twin.seeds} initialisation{'' if twin.seeds == 1 else 's'}."


def binding_finding(towers: Mapping[str, Binding], contest: Binding | None) -> Finding:
    """``towers`` by modality (one or both), and the ``contest`` of captions: is it there, and do they share it?"""
    sentence = " ".join(tower_sentence(name, found) for name, found in towers.items())
    if any(found.says == "below chance" for found in towers.values()):
        return Finding("Something is wrong with this probe", sentence, "undecided")
    held = [name for name, found in towers.items() if found.says in _HOLDS]
    missed = [name for name, found in towers.items() if found.says == "not found"]
    used = _contest(contest, text_only="image" not in towers)
    sentence = f"{sentence} {used}".strip()
    title, tone = _title(towers, held, missed, contest)
    return Finding(title, sentence, tone)


def _contest(contest: Binding | None, *, text_only: bool) -> str:
    """What the cosine makes of it."""
    if contest is None or contest.forced_choice is None:
        return ""
    who = "the vectors' own cosine" if text_only else "the cosine between the towers"
    figure = f"{score_text(contest)}; chance 50 %"
    if contest.says == "present":
        return f"And {who} uses it: {figure}."
    if contest.says == "weak":
        return f"And {who} uses a part of it: {figure}."
    if contest.says == "below chance":
        return f"But {who} prefers the swapped one: {figure}."
    if contest.says == "not found":
        return f"But {who} does not use it: {figure}."
    return f"Whether {who} uses it cannot be said: {figure}; {too_few(contest)}."


def _title(
    towers: Mapping[str, Binding], held: list[str], missed: list[str], contest: Binding | None
) -> tuple[str, Tone]:
    word = contest.says if contest is not None and contest.forced_choice is not None else None
    if len(towers) == 1:
        if not held:
            only = next(iter(towers.values()))
            names: dict[str, tuple[str, Tone]] = {
                "weak": ("A trace of it", "undecided"),
                "not found": ("Not found by a linear probe", "bag_of_concepts"),
            }
            return names.get(only.says, ("No clear answer" if at_odds(only) else "Too few scenes to say", "undecided"))
        if word in ("not found", "below chance"):
            return "There, but not used", "bag_of_concepts"
        return "The information is there", "binds"
    if len(held) == len(towers):
        return {
            "present": ("There, and shared", "binds"),
            "weak": ("There, and shared in part", "undecided"),
            "not found": ("There, but not shared", "bag_of_concepts"),
            "below chance": ("There, but not shared", "bag_of_concepts"),
        }.get(word or "", ("The information is there", "undecided"))  # type: ignore[return-value]
    if held:
        other = next(name for name in towers if name not in held)
        if other in missed:
            return f"Found in the {held[0]} tower only", "bag_of_concepts"
        if towers[other].says == "too few":
            return f"In the {held[0]} tower, and not to be told of the {other} tower", "undecided"
        return f"In the {held[0]} tower, and little in the {other} tower", "undecided"
    if len(missed) == len(towers):
        return "Not found by a linear probe", "bag_of_concepts"
    return "No clear answer", "undecided"


def probe_note(binding: Binding) -> str:
    """What one probe says, for its card."""
    return {
        "present": "the binding is there",
        "weak": "a trace of the binding" if binding.unpaired is None else "beyond what the labels' habits explain",
        "not found": "not found by a linear probe",
        "below chance": "below chance: a fault of the procedure",
        "too few": "no clear answer" if at_odds(binding) else "too few scenes to say",
    }[binding.says]

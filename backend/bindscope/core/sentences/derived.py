"""What probes read from vectors that labels helped to make: rebuilt from parts, with parts taken out, edited."""

from typing import Protocol

from bindscope.core.binding_rules import CHANCE
from bindscope.core.sentences.words import Binding, Interval, percent, score_text, too_few, unpaired_text


class Control(Protocol):
    """The same analysis after the vectors of each bag were dealt out anew among its scenes."""

    @property
    def forced_choice(self) -> Interval: ...
    @property
    def difference(self) -> Interval: ...


class Derived(Binding, Protocol):
    """A binding score beside its control."""

    @property
    def control(self) -> Control | None: ...


def derived_sentence(binding: Derived, *, vectors: str) -> str:
    """What a probe reads from ``vectors``, a plural noun such as "the rebuilt vectors"."""
    figure = f"{score_text(binding)}; chance 50 %{_control_text(binding.control)}"
    if binding.forced_choice is None and binding.unpaired is not None:
        figure = unpaired_text(binding.unpaired)
    if binding.says == "present":
        return f"A linear probe reads from {vectors} which value belongs to which object: {figure}."
    if binding.says == "weak" and binding.unpaired is not None:
        return f"A linear probe reads from {vectors} more than the labels' habits explain: {figure}."
    if binding.says == "weak":
        return f"A linear probe reads a trace of the binding from {vectors}: {figure}."
    if binding.says == "not found" and labels_alone(binding):
        return f"What a probe reads from {vectors} the labels put there, whatever the model holds: {figure}."
    if binding.says == "not found":
        return f"A linear probe of this kind does not find the binding in {vectors}: {figure}."
    if binding.says == "below chance":
        return f"The probe of {vectors} scores below chance, a fault of the procedure: {figure}."
    if labels_alone(binding):
        return f"Whether {vectors} hold more binding than the labels put there can not be said: {figure}."
    return f"Nothing can be said of {vectors}: {figure}; {too_few(binding)}."


def derived_note(binding: Derived) -> str:
    """The same in a few words, for a card or a cell."""
    if binding.says in ("not found", "too few") and labels_alone(binding):
        return "no more than labels put there" if binding.says == "not found" else "not separable from its control"
    return {
        "present": "the binding is there",
        "weak": "a trace of the binding",
        "not found": "not found by a linear probe",
        "below chance": "below chance: a fault of the procedure",
        "too few": "too few scenes to say",
    }[binding.says]


def labels_alone(binding: Derived) -> bool:
    """Whether the control too is above chance: labels put something there."""
    control = binding.control
    return control is not None and control.forced_choice.low is not None and control.forced_choice.low > CHANCE


def _control_text(control: Control | None) -> str:
    if control is None:
        return ""
    gap = control.difference
    change = ""
    if gap.value is not None and gap.low is not None and gap.high is not None:
        change = f", a difference of {100 * gap.value:+.0f} points ({100 * gap.low:+.0f} to {100 * gap.high:+.0f})"
    told = f"; its control, what labels alone put there, {percent(control.forced_choice.value)}{change}"
    return told.replace("-", "−")

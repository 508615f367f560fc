"""What an additive decomposition says."""

from bindscope.core.sentences.derived import Derived, derived_sentence


def rebuilt_sentence(binding: Derived, *, level: int) -> str:
    """What a probe of the real vectors reads from those rebuilt from parts."""
    said = derived_sentence(binding, vectors="the rebuilt vectors")
    if level == 1:
        return f"{said} A sum of object vectors is told who owns what, so only more than its control says anything."
    return f"{said} A sum of concept vectors has no place for the binding."


def twin_note(test: float | None, twin: float | None) -> str:
    """What the random twin's R2 says about the model's."""
    if test is None or twin is None:
        return ""
    if twin >= test:
        return "Random weights reach as much or more: this R² does not show that training made the vectors additive."
    return f"Random weights reach {test - twin:.3f} less."

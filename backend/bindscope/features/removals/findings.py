"""What targeted removal says."""

from collections.abc import Mapping

from bindscope.core.sentences.derived import Derived, derived_sentence
from bindscope.core.sentences.words import score_text

#: How each variant is called.
VARIANTS: Mapping[str, str] = {
    "original": "as they are",
    "minus_concepts": "concepts taken out",
    "minus_objects": "objects taken out",
    "random_subspace_concepts": "control: as many random dimensions as the concepts span",
    "random_subspace_objects": "control: as many random dimensions as the objects span",
    "permuted_concepts": "as published: other concepts taken out",
    "permuted_objects": "as published: other objects taken out",
}


def removal_sentence(bindings: Mapping[str, Derived]) -> str:
    """What is left without the objects, beside the control of equal rank."""
    original, without = bindings["original"], bindings["minus_objects"]
    control = bindings["random_subspace_objects"]
    said = derived_sentence(without, vectors="what is left without the objects")
    if original.says == "not found":
        return f"{said} The vectors as they are: {score_text(original)}, so there is little to take out."
    if control.forced_choice is None:
        return f"{said} The objects span all dimensions: a random subspace of as many leaves nothing to compare with."
    return f"{said} Without as many random dimensions it is {score_text(control)}."


def published_note() -> str:
    """Why the permuted variants are no control."""
    return (
        "As published, the control takes out the vectors of other objects: that adds a signal which probes read, and "
        "makes even a pure bag of concepts seem to bind. It stands here for reproduction."
    )


def rank_note(ranks: Mapping[str, int]) -> str:
    """How much is taken out."""
    return f"The concepts span {ranks.get('concepts', 0)} dimensions, the objects {ranks.get('objects', 0)}."

"""What edits of vectors say: where one lands, and what many show."""

from collections import Counter
from collections.abc import Mapping, Sequence

from bindscope.core.sentences.derived import Derived, derived_sentence
from bindscope.core.sentences.words import Finding, Interval, with_interval

#: The values of each object of a scene, in order.
Objects = Sequence[Mapping[str, str]]


def landing_finding(
    *, right: bool, first_is_wanted: bool, nearest: Objects, wanted: Objects, original: Objects
) -> Finding:
    """Where one edited vector landed among the real scenes; ``right``: strictly nearest to the wanted one."""
    if right:
        return Finding("Lands on the wanted scene", "The nearest real scene is the one that the edit aims at.", "binds")
    if first_is_wanted:
        told = "The wanted scene is nearest, and another one is as near: not right."
        return Finding("Ties with another scene", told, "undecided")
    if list(nearest) == list(original):
        told = "The edit does not leave the scene that it started from."
        return Finding("Stays nearest to the original", told, "blind")
    if _as_set(nearest) == _as_set(wanted):
        told = "It lands on the wanted objects in another order."
        return Finding("Right objects, other places", told, "undecided")
    if _concepts(nearest) == _concepts(wanted):
        told = "It lands on the right values, bound to the wrong objects."
        return Finding("Lands on a swap", told, "bag_of_concepts")
    told = "The nearest real scene is neither the wanted one nor the original."
    return Finding("Lands on another scene", told, "blind")


def edited_sentence(binding: Derived) -> str:
    """What a probe reads from edited vectors, asked for the scene that the edit aims at."""
    return derived_sentence(binding, vectors="the edited vectors")


def retrieval_sentence(retrieval: Interval, published: Interval) -> str:
    """Why two retrievals are shown."""
    return (
        f"The edited scene is the nearest one in {with_interval(retrieval, 'bags')} of the edits. The published "
        "procedure also averages over the two scenes of the edit itself, which tells it part of the answer, and leaves "
        f"out scenes whose objects differ in the edited concept alone: {with_interval(published, 'bags')}."
    )


def _as_set(objects: Objects) -> Counter[tuple[tuple[str, str], ...]]:
    return Counter(tuple(sorted(values.items())) for values in objects)


def _concepts(objects: Objects) -> Counter[tuple[str, str]]:
    return Counter(item for values in objects for item in values.items())

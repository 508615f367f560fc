"""What controlled trainings say: does a run bind objects that it never saw, and what do many runs show together?"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bindscope.core.binding_rules import CHANCE
from bindscope.core.sentences.held_out import held_out_text, held_out_too_few
from bindscope.core.sentences.words import Binding, Finding, Interval, percent, with_interval

_COIN = f"chance {percent(CHANCE)}"
#: Probability with which chance alone gives a relation that is told.
_LEVEL = 0.05


class StrictChance(Protocol):
    """What strict recognition of objects reaches without binding."""

    @property
    def given_bag(self) -> float | None: ...
    @property
    def ceiling_bag(self) -> float | None: ...


class Run(Protocol):
    """A finished training."""

    @property
    def binding(self) -> Binding | None: ...
    @property
    def seen_binding(self) -> Binding | None: ...
    @property
    def unseen(self) -> Mapping[str, Interval]: ...
    @property
    def object_chance(self) -> StrictChance | None: ...


class Course(Protocol):
    """The shape of the score of one space against coverage."""

    @property
    def space(self) -> str: ...
    @property
    def n(self) -> int: ...
    @property
    def shape(self) -> str | None: ...
    @property
    def at(self) -> tuple[float, float] | None: ...


class Relation(Protocol):
    """Does what a product adds to the sum go with binding unseen objects?"""

    @property
    def part(self) -> str: ...
    @property
    def n(self) -> int: ...
    @property
    def rank(self) -> float | None: ...
    @property
    def partial(self) -> float | None: ...
    @property
    def p(self) -> float | None: ...


def training_finding(run: Run) -> Finding:
    """Whether a run binds objects that it never saw; the strict figure stands behind it with its levels."""
    unseen, seen = run.binding, run.seen_binding
    if unseen is None or unseen.forced_choice is None:
        return Finding(
            "Not measured",
            "No scene of unseen objects has a swap that is made of unseen objects too, so binding can not be told from "
            f"concepts there: take a lower coverage or a larger space. {strict_sentence(run)}",
            "undecided",
        )
    figures = f"unseen objects {held_out_text(unseen)}, seen objects {held_out_text(seen)}; {_COIN}"
    tail = strict_sentence(run)
    if unseen.says == "present":
        return Finding("It generalises", f"It binds objects that it has never seen: {figures}. {tail}", "binds")
    if unseen.says == "weak":
        return Finding("It generalises in part", f"It binds unseen objects in part: {figures}. {tail}", "undecided")
    if seen is not None and seen.says in ("not found", "below chance"):
        return Finding("Not learnt", f"It does not bind the objects of its training either: {figures}. {tail}", "blind")
    if unseen.says in ("not found", "below chance"):
        return Finding(
            "It does not generalise", f"It does not bind unseen objects: {figures}. {tail}", "bag_of_concepts"
        )
    sentence = f"Whether it binds unseen objects is not shown: {figures}; {held_out_too_few(unseen)}. {tail}"
    return Finding("Too few unseen objects to say", sentence, "undecided")


def strict_sentence(run: Run) -> str:
    """Strict recognition of unseen objects where a swap exists, and what it takes to show binding."""
    found = run.unseen.get("object_on_valid_swaps")
    if found is None or found.value is None:
        return ""
    sentence = f"Strictly recognised where a swap exists: {with_interval(found)}"
    levels = run.object_chance
    if levels is not None and levels.ceiling_bag is not None:
        sentence += (
            f"; knowing the concepts alone gives {percent(levels.given_bag)} by guessing and at most "
            f"{percent(levels.ceiling_bag)}"
        )
    return f"{sentence}."


def course_sentence(course: Course) -> str:
    """A jump only where one was tested against smooth climbs."""
    if course.shape is None:
        return f"{course.space}: no shape stands out over {course.n} runs with enough unseen objects."
    if course.shape == "jump" and course.at is not None:
        low, high = course.at
        return (
            f"{course.space}: two levels with a jump between coverages {low:g} and {high:g} fit better than any smooth "
            f"climb (BIC, {course.n} runs)."
        )
    said = {
        "climb": "a smooth climb fits better than a line, and a jump does not fit better",
        "line": "a line does, and nothing shows a jump",
        "constant": "it does not change with coverage",
    }[course.shape]
    return f"{course.space}: {said} (BIC, {course.n} runs)."


def relation_sentence(relation: Relation) -> str:
    """What is left of a rank correlation among runs of equal space and coverage."""
    where = f"scenes of {relation.part} objects"
    if relation.rank is None:
        return f"On {where}: {relation.n} runs have both figures, too few, or too alike, to tell a relation."
    plain = f"rank correlation {relation.rank:.2f} over {relation.n} runs".replace("-", "−")
    if relation.partial is None or relation.p is None:
        return f"On {where}: {plain}, but no two runs share space and coverage, which drive both: nothing is shown."
    partial = f"{relation.partial:.2f}, p = {relation.p:.2g}".replace("-", "−")
    if relation.p >= _LEVEL:
        return f"On {where}: {plain}; among runs of equal space and coverage nothing is shown ({partial})."
    more = "the better" if relation.partial > 0 else "the less"
    return (
        f"On {where}: the more a product adds to the sum, {more} a run binds unseen objects, among runs of equal space "
        f"and coverage too ({plain}; {partial})."
    )


def diagram_finding(courses: Sequence[Course]) -> str:
    """All spaces of a diagram."""
    return " ".join(course_sentence(course) for course in courses)

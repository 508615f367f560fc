"""What the curves of Complexity say, in one sentence: the simplest family that predicts scenes of unseen objects."""

from collections.abc import Sequence
from dataclasses import dataclass

from bindscope.schemas.complexity import ComplexityCellResult
from bindscope_dashboard.complexity_links import Measure
from bindscope_dashboard.plots.complexity import ceiling, chance, curve, kind_name, kinds_of
from bindscope_dashboard.story import Story
from bindscope_dashboard.wording import percent, plain_number

#: A family predicts the vectors from this share of the R2 that noise leaves ...
VECTORS = 1 / 2
#: ... and the binding from this share of the object recognition of the true embeddings.
BINDING = 1 / 2
#: Objects are told from their swaps where they are recognised more often than this: whoever knows the concepts alone
#: picks two right ones of four candidates in one case of six.
BOUND = 1 / 4
#: A simpler family is as good as another one whose R2 is at most this much higher.
NEAR = 0.05
#: The coverage that the sentence is about, or the nearest one that was asked for.
COVERAGE = 0.6
#: From simple to complex; networks and trees come after these.
_SIMPLE = ("additive", "per_object_product", "global_product")
_REMARKS = {
    "additive": ("Simple: a sum", "this binding function is simple and additive"),
    "per_object_product": ("Simple: products per object", "this binding function is simple and multiplicative"),
    "global_product": ("Simple: a product", "this binding function is simple and multiplicative"),
}


@dataclass(frozen=True)
class Fitness:
    """One family at one coverage; ``objects`` is recognition on its predictions (of the head of its slice)."""

    kind: str
    r2: float
    objects: float | None


@dataclass(frozen=True)
class Slice:
    """All families at one coverage, with what can be reached.

    ``head``: objects where a swap exists, which only binding recognises; all objects where no scene has a swap.
    """

    coverage: float
    head: Measure
    families: tuple[Fitness, ...]
    r2_ceiling: float
    objects_ceiling: float | None
    objects_chance: float

    @property
    def binds(self) -> bool:
        """Whether the true embeddings tell unseen objects apart at all."""
        return self.objects_ceiling is not None and self.objects_ceiling > max(BOUND, self.objects_chance)

    def predicts_vectors(self, found: Fitness) -> bool:
        """Most of the variance that is not noise."""
        return found.r2 >= VECTORS * self.r2_ceiling

    def predicts_binding(self, found: Fitness) -> bool:
        """The objects too, where the true embeddings hold them."""
        return not self.binds or (found.objects or 0.0) >= BINDING * (self.objects_ceiling or 0.0)


def slice_of(cells: Sequence[ComplexityCellResult]) -> Slice | None:
    """The families at the coverage nearest to ``COVERAGE`` that most of them have; None without a scored fit."""
    points = {kind: {p.coverage: p.value for p in curve(cells, kind, "r2")} for kind in kinds_of(cells)}
    every = {c for values in points.values() for c in values}
    if not every:
        return None
    at = min(every, key=lambda c: (-sum(c in v for v in points.values()), abs(c - COVERAGE), c))
    own = [cell for cell in cells if cell.coverage == at]
    head: Measure = "object_on_valid_swaps" if ceiling(own, "object_on_valid_swaps") else "object"
    families = [
        Fitness(kind, values[at], next((p.value for p in curve(own, kind, head)), None))
        for kind, values in points.items()
        if at in values
    ]
    return Slice(
        coverage=at,
        head=head,
        families=tuple(sorted(families, key=lambda f: _rank(f.kind))),
        r2_ceiling=next((v for _, v in ceiling(own, "r2")), 1.0),
        objects_ceiling=next((v for _, v in ceiling(own, head)), None),
        objects_chance=next((v for _, v in chance(own, head)), 0.0),
    )


def _rank(kind: str) -> tuple[int, int]:
    if kind in _SIMPLE:
        return _SIMPLE.index(kind), 0
    family, _, width = kind.partition(":")
    return (len(_SIMPLE), int(width)) if family == "mlp" else (len(_SIMPLE) + 1, 0)


def complexity_story(cells: Sequence[ComplexityCellResult]) -> Story | None:
    """The simplest family that predicts vectors and binding of unseen objects, or that none does."""
    found = slice_of(cells)
    if found is None:
        return None
    winner = _winner(found)
    if winner is None:
        return _nobody(found)
    at = f" at coverage {found.coverage:g}"
    losers = [f for f in found.families if _rank(f.kind) < _rank(winner.kind) and f.r2 < winner.r2 - NEAR]
    against = ""
    if losers:
        last = max(losers, key=lambda f: f.r2)
        less = "does so less well" if found.predicts_vectors(last) and found.predicts_binding(last) else "does not"
        against = f", the {kind_name(last.kind)} {less} ({_figures(last, found)})"
    title, remark = _REMARKS.get(winner.kind, ("Predictable, but not simple", "it takes more than sums and products"))
    sentence = f"The {kind_name(winner.kind)} predicts unseen objects ({_figures(winner, found, at=at)}){against}"
    if not found.binds:
        return Story(
            "Nothing bound",
            f"{sentence}. But the embeddings themselves do not tell these objects from their swaps "
            f"({percent(found.objects_ceiling)} recognised, chance {percent(found.objects_chance)}): there is no "
            "binding to explain.",
            "bag_of_concepts",
        )
    return Story(title, f"{sentence}: {remark}.", "binds" if winner.kind in _SIMPLE else "undecided")


def _winner(found: Slice) -> Fitness | None:
    """The simplest family that predicts and is about as good as the best of its sort."""
    able = [f for f in found.families if found.predicts_vectors(f) and found.predicts_binding(f)]
    able = [f for f in able if f.kind in _SIMPLE] or able
    best = max((f.r2 for f in able), default=0.0)
    return next((f for f in able if f.r2 >= best - NEAR), None)


def _nobody(found: Slice) -> Story:
    best = max(found.families, key=lambda f: f.r2)
    figures = _figures(best, found, at=f" at coverage {found.coverage:g}")
    if found.predicts_vectors(best):
        return Story(
            "The vectors, but not the binding",
            f"The {kind_name(best.kind)} predicts much of the vectors of unseen objects ({figures}), but on its "
            f"predictions the objects are hardly recognised (true embeddings {percent(found.objects_ceiling)}): what "
            "the families miss is the binding.",
            "bag_of_concepts",
        )
    return Story(
        "No simple rule found",
        f"No family predicts unseen objects (the best is the {kind_name(best.kind)}, {figures}): this binding function "
        "is not simple, or it was learnt object by object.",
        "bag_of_concepts",
    )


def _figures(fitness: Fitness, found: Slice, *, at: str = "") -> str:
    where = " where a swap exists" if found.head == "object_on_valid_swaps" else ""
    objects = f", objects {percent(fitness.objects)}{where}" if found.binds and fitness.objects is not None else ""
    return f"R² {plain_number(fitness.r2, 2)}{objects}{at}"

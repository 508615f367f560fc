"""What fits of simple functions to the embeddings say: do their predictions of unseen objects hold the binding?

The score is of the predictions, by probes of the true embeddings. R2 measures variance, most of which has nothing to do
with who owns what, and is said as that. A family that does not recover the binding says nothing of other families.
"""

from collections.abc import Sequence
from typing import Protocol

from bindscope.core.binding_rules import CHANCE
from bindscope.core.sentences.held_out import held_out_text, held_out_too_few
from bindscope.core.sentences.words import Binding, Finding, percent, score_text

#: The coverage that the sentence is about, or the nearest one that was asked for.
COVERAGE = 0.6
#: How a family is called; those with widths are said with their width.
KIND_NAMES = {
    "additive": "sum",
    "per_object_product": "product per object",
    "global_product": "global product",
    "random_forest": "random forest",
    "gradient_boosting": "gradient boosting",
}
#: From simple to complex; networks and trees come after these.
_SIMPLE = ("additive", "per_object_product", "global_product")
_COIN = f"chance {percent(CHANCE)}"


class Point(Protocol):
    """One family at one coverage, over its seeds."""

    @property
    def kind(self) -> str: ...
    @property
    def coverage(self) -> float: ...
    @property
    def binding(self) -> Binding: ...
    @property
    def test_r2(self) -> float | None: ...


class Recovery(Protocol):
    """What the same fit reaches where the truth is such a product."""

    @property
    def rank(self) -> int: ...
    @property
    def noise(self) -> float: ...
    @property
    def test_r2(self) -> float | None: ...
    @property
    def sum_r2(self) -> float | None: ...


class Cell(Protocol):
    """One fit."""

    @property
    def kind(self) -> str: ...
    @property
    def coverage(self) -> float: ...
    @property
    def ceiling_binding(self) -> Binding | None: ...
    @property
    def recovery(self) -> Recovery | None: ...


def kind_name(kind: str) -> str:
    """``global product``; ``MLP, 256 wide``."""
    family, _, width = kind.partition(":")
    return f"MLP, {width} wide" if family == "mlp" else KIND_NAMES.get(kind, kind)


def complexity_finding(points: Sequence[Point], cells: Sequence[Cell]) -> Finding | None:
    """The simplest family whose predictions of unseen objects hold the binding; None without a finished fit.

    ``cells`` are the fits behind the ``points``: the ceiling and the calibration come from them.
    """
    own = _at_one_coverage(points)
    ceiling = next((cell.ceiling_binding for cell in cells if cell.ceiling_binding is not None), None)
    if not own:
        return None
    coverage = own[0].coverage
    best = max(own, key=_score)
    if ceiling is not None and ceiling.says in ("not found", "below chance"):
        return Finding(
            "Nothing to recover",
            f"In the true embeddings a linear probe does not find the binding ({score_text(ceiling)}; {_COIN}), so "
            f"there is none that a function of the concepts could recover. {_variance(own, coverage)}",
            "bag_of_concepts",
        )
    top = "" if ceiling is None else f"; the true embeddings reach {score_text(ceiling)}"
    holding = [point for point in own if point.binding.says == "present"]
    weak = [point for point in own if point.binding.says == "weak"]
    if holding or weak:
        first = (holding or weak)[0]
        how = "hold the binding" if holding else "hold a part of the binding"
        sentence = (
            f"The {kind_name(first.kind)}'s predictions of scenes of unseen objects {how}: "
            f"{held_out_text(first.binding)}; {_COIN}{top}.{_simpler(own, first)} {_variance(own, coverage)}"
        )
        title = f"Recovered by the {kind_name(first.kind)}" if holding else "Recovered in part"
        return Finding(title, sentence, "binds" if holding else "undecided")
    figures = f"{held_out_text(best.binding)}; {_COIN}{top}"
    said = f"at coverage {coverage:g} the best is the {kind_name(best.kind)}, {figures}"
    if all(point.binding.says in ("not found", "below chance") for point in own):
        sentence = f"The binding is not recovered by these families here: {said}. {_scale(cells, coverage)}"
        return Finding("Not recovered by these families", f"{sentence}{_variance(own, coverage)}", "undecided")
    return Finding(
        "Too few unseen objects to say",
        f"Whether any of these families recovers the binding is not shown: {said}; {held_out_too_few(best.binding)}. "
        f"{_variance(own, coverage)}",
        "undecided",
    )


def recovery_sentence(kind: str, found: Recovery) -> str:
    """What the same fit makes of a product that was made for it."""
    return (
        f"On a synthetic {kind_name(kind)} of this size ({found.rank} dimensions, noise {percent(found.noise)} of the "
        f"spread) the same fit reaches R² {_number(found.test_r2)} of unseen objects, and the sum "
        f"{_number(found.sum_r2)}."
    )


def rank_of(kind: str) -> tuple[int, int]:
    """Families from simple to complex, networks by width."""
    if kind in _SIMPLE:
        return _SIMPLE.index(kind), 0
    family, _, width = kind.partition(":")
    return (len(_SIMPLE), int(width)) if family == "mlp" else (len(_SIMPLE) + 1, 0)


def _at_one_coverage(points: Sequence[Point]) -> list[Point]:
    """The families at the coverage that most of them have, nearest to ``COVERAGE``, from simple to complex."""
    if not points:
        return []
    coverages = [point.coverage for point in points]
    at = min(set(coverages), key=lambda c: (-coverages.count(c), abs(c - COVERAGE), c))
    return sorted((point for point in points if point.coverage == at), key=lambda point: rank_of(point.kind))


def _score(point: Point) -> float:
    score = point.binding.forced_choice
    return -1.0 if score is None or score.value is None else score.value


def _simpler(own: Sequence[Point], first: Point) -> str:
    """The best of the simpler families, which do less."""
    behind = [point for point in own if rank_of(point.kind) < rank_of(first.kind)]
    if not behind:
        return ""
    best = max(behind, key=_score)
    return f" The {kind_name(best.kind)} reaches {held_out_text(best.binding)}."


def _variance(own: Sequence[Point], coverage: float) -> str:
    """R2 of the families, as variance."""
    known = [f"{kind_name(point.kind)} {_number(point.test_r2)}" for point in own if point.test_r2 is not None]
    listed = ", ".join(known) or "none could be scored"
    return f"Variance explained at coverage {coverage:g} (R², which is not binding): {listed}."


def _scale(cells: Sequence[Cell], coverage: float) -> str:
    """How much "not recovered" weighs: the calibration of each product family, from its first seed."""
    found: dict[str, Recovery] = {}
    for cell in cells:
        if cell.coverage == coverage and cell.recovery is not None:
            found.setdefault(cell.kind, cell.recovery)
    return "".join(f"{recovery_sentence(kind, one)} " for kind, one in found.items())


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "−")

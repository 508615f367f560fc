"""Complexity of the binding function: how simple a function predicts scenes of unseen objects."""

from pydantic import Field, model_validator

from bindscope.core.specs import ComplexityCell
from bindscope.core.wire import Binding, Endpoint, Provenance, Recognition, RequestModel, ResponseModel, StrictChance
from bindscope.features.jobs.schemas import JobModel
from bindscope.scenes.sources import SourceModel

#: Fits of one request; more are refused before any work is done.
MAX_CELLS = 2_000


class ComplexityRequest(RequestModel):
    """Every kind at every coverage with every seed; ``seeds`` are those of the object splits and the fits."""

    source: SourceModel
    kinds: list[str] = Field(
        default=["additive", "per_object_product", "global_product", "mlp:256"], min_length=1, max_length=32
    )
    coverages: list[float] = Field(default=[0.2, 0.4, 0.6, 0.8], min_length=1, max_length=32)
    seeds: list[int] = Field(default=[0, 1, 2], min_length=1, max_length=64)

    @model_validator(mode="after")
    def _cells_exist(self) -> "ComplexityRequest":
        count = len(self.kinds) * len(self.coverages) * len(self.seeds)
        if count > MAX_CELLS:
            raise ValueError(f"This asks for {count:,} fits; one job holds at most {MAX_CELLS:,}: split it.")
        self.cells()
        return self

    def cells(self) -> list[ComplexityCell]:
        """Each fit once, kinds slowest."""
        every = (
            ComplexityCell(kind, coverage, seed)
            for kind in self.kinds
            for coverage in self.coverages
            for seed in self.seeds
        )
        return list(dict.fromkeys(every))


class Recovery(ResponseModel):
    """What the same fit reaches where the truth is such a product: a synthetic one of the same size with ``rank``
    dimensions, a ``noise`` share of its spread, and ``sum_share`` of the rest explained by a sum. R2 on unseen objects,
    of the fit and of the sum alone."""

    rank: int
    noise: float
    sum_share: float
    test_r2: float | None
    sum_r2: float | None


class ComplexityCellResult(ResponseModel):
    """One fit, scored on scenes made only of unseen objects (``train``: of seen ones).

    ``binding``: the paired forced choice of its predictions for scenes of unseen objects against their swaps, by probes
    of the true embeddings; chance is 1/2, n counts unseen objects where these are fewer than bags.
    ``ceiling_binding``: of the true embeddings of scenes that the probes did not learn from. ``recovery`` (product
    families) calibrates what is not recovered. ``ceiling`` is strict recognition in those true embeddings,
    ``r2_ceiling`` the share of variance that is not noise where it can be estimated. ``chosen`` lists the settings
    picked inside the training split.
    """

    kind: str
    coverage: float
    seed: int
    train_scenes: int
    test_scenes: int
    unseen_objects: int | None = None
    binding: Binding | None = None
    ceiling_binding: Binding | None = None
    train_r2: float | None
    test_r2: float | None
    r2_ceiling: float | None = None
    train: Recognition
    test: Recognition
    ceiling: Recognition
    chance: Recognition
    object_chance: StrictChance | None = None
    recovery: Recovery | None = None
    chosen: dict[str, float] = Field(default_factory=dict)
    seconds: float


class ComplexityPoint(ResponseModel):
    """One family at one coverage over all its seeds: the binding score with each bag once and n from the objects that
    are unseen in any of them, and the mean of R2."""

    kind: str
    coverage: float
    seeds: int
    binding: Binding
    test_r2: float | None


class ComplexityResult(ResponseModel):
    """``result`` of a job of kind ``complexity``."""

    cells: list[ComplexityCellResult]
    points: list[ComplexityPoint] = Field(default_factory=list)
    provenance: Provenance | None = None


class ComplexityKinds(ResponseModel):
    """The families on offer; any ``mlp:WIDTH`` is valid."""

    kinds: list[str]


COMPLEXITY = Endpoint("/v1/complexity", ComplexityRequest, JobModel)

"""What each page shows: the request that it sends, and the little beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Field, StringConstraints, model_validator

from bindscope.core.errors import InvalidInput
from bindscope.core.wire import ModelId, RequestModel
from bindscope.features.comparisons.schemas import ComparisonRequest
from bindscope.features.complexity.schemas import ComplexityRequest
from bindscope.features.decompositions.schemas import DecompositionRequest, SceneShareRequest
from bindscope.features.interventions.schemas import EditRequest, InterventionRequest
from bindscope.features.near_duplicates.schemas import NearDuplicatesRequest
from bindscope.features.probes.schemas import ProbeRequest
from bindscope.features.projections.schemas import ProjectionRequest
from bindscope.features.removals.schemas import RemovalRequest
from bindscope.features.repairs.schemas import RepairRequest
from bindscope.features.retrievals.schemas import RetrievalRequest
from bindscope.features.surveys.schemas import VerdictBatchRequest
from bindscope.features.trainings.schemas import PhaseRequest, TrainingRequest
from bindscope.features.verdicts.schemas import Articles, Orders, VerdictRequest
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.controlled import ControlledConfig
from bindscope.scenes.sources import DATASET_ID, SourceModel
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.shared.links import Modality, PageState, Spaces, body_of

MODALITIES: tuple[Modality, ...] = get_args(Modality)
#: Initialisations of the random-weights twin.
TWINS = 3
#: Edits of Interventions' totals.
EDITS = 2000
Measure = Literal["binding", "r2", "object", "object_on_valid_swaps", "concepts"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
#: Settings of a phase diagram that its axes replace.
AXES = frozenset({"space", "coverage", "seed"})
DatasetId = Annotated[str, StringConstraints(pattern=DATASET_ID)]
#: As the service makes them; empty for none.
JobId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{0,64}$")]


@dataclass(frozen=True)
class Wording:
    """How scenes become captions. Fields as in ``VerdictRequest``."""

    template: str = "plain"
    articles: Articles = "a"
    orders: Orders = "all"


class _Worded(PageState):
    """A state whose request says how scenes become captions."""

    @model_validator(mode="after")
    def _template_can_be_used(self) -> Self:
        Captioner(self.wording.template, self.wording.articles)
        return self

    @property
    def wording(self) -> Wording:
        """The wording of the request."""
        values = self.values
        return Wording(values["template"], values["articles"], values["orders"])


class ComposeState(_Worded):
    """``second``: the model beside the first; ``guess``: verdicts wait for a guess."""

    request: VerdictRequest
    second: ModelId | None = None
    guess: bool = False

    def written(self, link: dict[str, str]) -> dict[str, str]:
        return {"second": "none", **link}

    @property
    def scene(self) -> SceneModel:
        """What is judged."""
        return self.request.scene

    def asks(self, model: str) -> dict[str, Any]:
        """The request to one of the models."""
        return body_of(self.request.model_copy(update={"model": model}))


class SurveyState(_Worded):
    """``run``: the link shows results, not only the settings."""

    request: VerdictBatchRequest
    run: bool = False


class _Captions(RequestModel):
    """What is asked about a photo; ``other`` empty: the first exchange that is offered."""

    model: ModelId
    caption: str
    other: str = ""


class PhotoState(PageState):
    """The photo itself is never in a link."""

    request: _Captions
    second: ModelId | None = None

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        return {name: text[:500] for name, text in link.items()}

    def written(self, link: dict[str, str]) -> dict[str, str]:
        return {"second": "none", **link}


class _OfASource(PageState):
    """A state whose request asks about a source."""

    OPENING: ClassVar[Mapping[str, Any]] = {"modality": "image"}

    @property
    def limit(self) -> int:
        """Most scenes of the source."""
        return int(self.values["limit"])

    @property
    def source(self) -> SourceModel:
        """The source of the request."""
        found: SourceModel = self.request.source  # type: ignore[attr-defined]
        return found


class ProbeState(_OfASource):
    """Both towers are asked. ``dataset``: an upload in place of model and space."""

    request: ProbeRequest
    dataset: DatasetId | None = None

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        found = _of_percent(link, "train_percent", "train_ratio")
        return {**found, "twins": str(TWINS)} if found.get("twins") == "1" else found

    def written(self, link: dict[str, str]) -> dict[str, str]:
        return {name: text for name, text in link.items() if name != "modality"}

    def asks(self, modality: Modality) -> dict[str, Any]:
        """The request about one tower, or about the upload."""
        if self.dataset:
            return {**body_of(self.changed(twins=0).request), "source": {"dataset": self.dataset}}
        return body_of(self.changed(modality=modality).request)


class _OfAScene(_OfASource):
    """A state with a scene of two objects; the space of the source is that of the scene."""

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        found = {name: text for name, text in link.items() if name != "space"}
        return {**found, "space": found["scene"].split("~~")[0]} if found.get("scene") else found

    def written(self, link: dict[str, str]) -> dict[str, str]:
        return {name: text for name, text in link.items() if name != "space"}

    def checked(self, link: Mapping[str, str], spaces: Spaces) -> Self:
        count = len(self.values["scene"].objects)
        if count != 2:
            raise InvalidInput(f"This page shows scenes of 2 objects, the link has {count}.")
        return self


class DecomposeState(_OfAScene):
    """``compare``: all estimators, also where that takes a while."""

    request: DecompositionRequest
    scene: SceneModel
    compare: bool = False

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        return super().read(_of_percent(link, "test_percent", "test_ratio"))

    @property
    def shares(self) -> dict[str, Any]:
        """The request for the shares of the scene, down to its concepts."""
        return body_of(SceneShareRequest(source=self.source, scene=self.scene, estimator=self.request.estimator))


class InterventionState(_OfAScene):
    """``edits`` and ``removal``: the link shows those results too."""

    request: EditRequest
    edits: bool = False
    removal: bool = False

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        return super().read(_moved(link, "object", -1))

    def written(self, link: dict[str, str]) -> dict[str, str]:
        return super().written(_moved({"object": "0", **link}, "object", 1))

    def checked(self, link: Mapping[str, str], spaces: Spaces) -> Self:
        found = super().checked(link, spaces)
        if found.number > 1:
            raise InvalidInput(f"object must be 1 or 2, got {link['object']!r}.")
        return found if "replacement" in link else found.with_another_object(spaces[found.space])

    def with_another_object(self, space: ConceptSpace) -> Self:
        """The edit that puts another object in the place of the one that is there."""
        return self.changed(replacement=another_object(self.scene.objects[self.number].values, space))

    @property
    def scene(self) -> SceneModel:
        """What is edited."""
        return self.request.scene

    @property
    def number(self) -> int:
        """Which object is replaced, from 0."""
        return self.request.object

    @property
    def many(self) -> dict[str, Any]:
        """The request over many edits."""
        return body_of(InterventionRequest(source=self.source, estimator=self.request.estimator, limit=EDITS))

    @property
    def removed(self) -> dict[str, Any]:
        """The request of the removal."""
        return body_of(RemovalRequest(source=self.source))


def another_object(values: Mapping[str, str], space: ConceptSpace) -> dict[str, str]:
    """The object with the next value of its first concept: a replacement that is always another object."""
    first = space.concepts[0]
    following = (first.index[values[first.name]] + 1) % len(first.values)
    return {**values, first.name: first.values[following]}


class ComplexityState(_OfASource):
    """``second``: a source beside the first; ``dataset``: an upload in place of the first; ``jobs``: one for each."""

    request: ComplexityRequest
    second: SourceModel | None = None
    dataset: DatasetId | None = None
    measure: Measure = "binding"
    jobs: tuple[JobId, ...] = ()

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        found = _in_order(_counted(link, "seeds"), "coverages")
        found |= {"measure": link["figure"]} if "figure" in link else {}
        found["jobs"] = "~".join(link[name] for name in ("job", "second_job") if link.get(name))
        # A link that names a model means that one, not the upload of the page as it was.
        return {"dataset": "", **found} if "model" in link else found

    def written(self, link: dict[str, str]) -> dict[str, str]:
        jobs = dict(zip(("job", "second_job"), self.jobs, strict=False))
        kept = {name: text for name, text in link.items() if name not in ("jobs", "measure", "seeds")}
        kept |= {"seeds": str(len(self.request.seeds))} if "seeds" in link else {}
        return jobs | kept | ({"figure": self.measure} if "measure" in link else {})

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The request for each source."""
        first = body_of(self.request) | ({"source": {"dataset": self.dataset}} if self.dataset else {})
        return [first, *([body_of(self.request) | {"source": body_of(self.second)}] if self.second else [])]

    @property
    def fits(self) -> int:
        """Fits of one source."""
        return len(self.request.kinds) * len(self.request.coverages) * len(self.request.seeds)

    def of_requests(self, requests: Sequence[Mapping[str, Any]]) -> Self:
        """The settings that the shown jobs were started with."""
        first, *others = [ComplexityRequest.model_validate(request) for request in requests]
        found = self.model_copy(update={"second": others[0].source if others else None})
        found = found.changed(kinds=first.kinds, coverages=sorted(first.coverages), seeds=first.seeds)
        if first.source.dataset:
            return found.changed(dataset=first.source.dataset)
        return found.changed(
            model=first.source.model, space=first.source.space, modality=first.source.modality, limit=first.source.limit
        )


class MapState(_OfASource):
    """``color``: a slot and concept (``1.color``), ``verdict`` or ``probe``. ``scene``: placed on the map with its
    swapped twin; apart from the request, so that the map stays."""

    OPENING: ClassVar[Mapping[str, Any]] = {"modality": "image", "limit": 2000}
    HIDDEN: ClassVar[frozenset[str]] = frozenset({"color_by"})
    request: ProjectionRequest
    color: str = ""
    scene: SceneModel | None = None

    def checked(self, link: Mapping[str, str], spaces: Spaces) -> Self:
        if self.scene is not None and self.scene.space != self.space:
            raise InvalidInput(f"The map is of space {self.space!r}, the scene of {self.scene.space!r}.")
        known = ("", *color_options(spaces[self.space]))
        if self.color not in known:
            raise InvalidInput(f"color must be one of {', '.join(known[1:])}, got {self.color!r}.")
        return self

    @property
    def body(self) -> dict[str, Any]:
        """The request of the map."""
        by = self.color if self.color in ("verdict", "probe") else "concepts"
        return body_of(self.changed(color_by=by).request)


def color_options(space: ConceptSpace) -> tuple[str, ...]:
    """What a map can be coloured by: concepts of the first and the second object, verdict, probe."""
    return (*(f"{slot}.{name}" for slot in (1, 2) for name in space.names), "verdict", "probe")


class CompareState(PageState):
    """``pair``: numbers of the two models whose disagreements are shown."""

    OPENING: ClassVar[Mapping[str, Any]] = {"count": 200}
    request: ComparisonRequest
    pair: tuple[int, int] = (0, 1)

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        if "pair" not in link:
            return dict(link)
        first, _, second = link["pair"].partition("-")
        if not (first.isdecimal() and second.isdecimal()):
            raise InvalidInput(f"pair names two models by number, such as 1-2, got {link['pair']!r}.")
        return {**link, "pair": f"{int(first) - 1}~{int(second) - 1}"}

    def written(self, link: dict[str, str]) -> dict[str, str]:
        return {**link, "pair": "-".join(str(n + 1) for n in self.pair)} if "pair" in link else link

    def checked(self, link: Mapping[str, str], spaces: Spaces) -> Self:
        count = len(self.models)
        if "pair" in link and (self.pair[0] == self.pair[1] or not all(0 <= n < count for n in self.pair)):
            raise InvalidInput(f"pair names two different ones of {count} models, got {link['pair']!r}.")
        return self

    @property
    def models(self) -> list[str]:
        """The models of the board."""
        return list(self.request.models)

    @property
    def differing(self) -> dict[str, Any]:
        """The request for the scenes on which the two models of the pair differ."""
        body = body_of(self.request) | {"models": [self.models[number] for number in self.pair]}
        return {name: value for name, value in body.items() if name not in ("repair", "limit")}


class RetrieveState(PageState):
    """``close``: the tab of captions that share a vector."""

    OPENING: ClassVar[Mapping[str, Any]] = {"queries": 100}
    request: RetrievalRequest
    close: bool = False

    @property
    def near_duplicates(self) -> dict[str, Any]:
        """The request for captions that share a vector."""
        return body_of(NearDuplicatesRequest(model=self.model, space=self.space))


class RepairState(PageState):
    """``run``: the link shows results; ``tenths`` of the map, None for the chosen part."""

    request: RepairRequest
    run: bool = False
    tenths: int | None = Field(None, ge=0, le=10)

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        return _of_percent(link, "percent", "coverage")


class JobsState(PageState):
    """``job``: the one whose details are shown; empty for none."""

    job: JobId = ""


class TrainState(PageState):
    """``preset`` is what the settings started from; ``job`` is empty for none."""

    request: TrainingRequest
    preset: str = ""
    job: JobId = ""

    @property
    def config(self) -> ControlledConfig:
        """The settings."""
        return self.request.config


class PhaseState(PageState):
    """``config`` of the request is shared by all runs; ``square`` is the one with its curves."""

    HIDDEN: ClassVar[frozenset[str]] = AXES
    request: PhaseRequest
    preset: str = ""
    job: JobId = ""
    square: str = ""

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        return _in_order(_counted(link, "seeds"), "coverages")

    def written(self, link: dict[str, str]) -> dict[str, str]:
        return {**link, "seeds": str(len(self.request.seeds))}

    @property
    def body(self) -> dict[str, Any]:
        """The request; its axes stand outside of the settings."""
        found = super().body
        config = {name: value for name, value in found.pop("config", {}).items() if name not in AXES}
        return {**found, "config": config} if config else found

    @property
    def config(self) -> ControlledConfig:
        """The settings."""
        return self.request.config


# ---- forms of links ----------------------------------------------------------------------------------------


def _of_percent(link: Mapping[str, str], old: str, name: str) -> dict[str, str]:
    """Links had whole percents in place of a share."""
    found = dict(link)
    text = found.pop(old, None)
    if text is not None:
        if not text.isdecimal():
            raise InvalidInput(f"{old} must be a whole number between 1 and 99, got {text!r}.")
        found[name] = str(int(text) / 100)
    return found


def _moved(link: Mapping[str, str], name: str, by: int) -> dict[str, str]:
    """People count from 1."""
    text = link.get(name, "")
    return {**link, name: str(int(text) + by)} if text.isdecimal() else dict(link)


def _counted(link: Mapping[str, str], name: str) -> dict[str, str]:
    """A link says how many seeds there are: 0, 1, 2, ..."""
    text = link.get(name, "")
    if not text.isdecimal():
        return dict(link)
    return {**link, name: "~".join(str(n) for n in range(min(int(text), 10_000)))}


def _in_order(link: dict[str, str], name: str) -> dict[str, str]:
    """Numbers from small to large; what is none is left for the schema to refuse."""
    try:
        return {**link, name: "~".join(sorted(link[name].split("~"), key=float))} if link.get(name) else link
    except ValueError:
        return link

"""Client methods for questions: ``ask`` sends any of them, the others have names and types for those asked most."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, overload

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from bindscope import features
from bindscope.client.connection import Connection
from bindscope.client.errors import ApiError
from bindscope.core.errors import UnknownName
from bindscope.core.wire import Answer, Asked, Endpoint
from bindscope.features.comparisons.schemas import (
    COMPARISON,
    DISAGREEMENTS,
    ComparisonLine,
    ComparisonProgress,
    ComparisonResponse,
    DisagreementResponse,
)
from bindscope.features.counterexamples.schemas import COUNTEREXAMPLE, Counterexample
from bindscope.features.decompositions.schemas import (
    DECOMPOSITION,
    SCENE_SHARES,
    DecompositionResponse,
    SceneShareResponse,
)
from bindscope.features.interventions.schemas import EDIT, INTERVENTIONS, EditResponse, InterventionResponse
from bindscope.features.near_duplicates.schemas import NEAR_DUPLICATES, NearDuplicatesResponse
from bindscope.features.probes.schemas import PROBE, ProbeResponse
from bindscope.features.projections.schemas import PROJECTION, ProjectionResponse
from bindscope.features.removals.schemas import REMOVAL, RemovalResponse
from bindscope.features.repairs.schemas import REPAIR, RepairList, RepairModel
from bindscope.features.retrievals.schemas import RETRIEVAL, RetrievalResponse
from bindscope.features.surveys.schemas import SURVEY, BatchLine, BatchProgress, VerdictBatch
from bindscope.features.verdicts.schemas import VERDICT, Verdict
from bindscope.scenes.sources import SourceModel
from bindscope.scenes.wire import SceneModel

SceneLike = SceneModel | Mapping[str, Any]
SourceLike = SourceModel | Mapping[str, Any]


class Analyses(Connection):
    """Keyword options are the fields of the request, as the API documents them."""

    @overload
    def ask(self, question: Endpoint[Asked, Answer], body: Asked | Mapping[str, Any]) -> Answer: ...

    @overload
    def ask(self, question: str, body: Mapping[str, Any]) -> Any: ...

    def ask(self, question: Endpoint[Any, Any] | str, body: BaseModel | Mapping[str, Any]) -> Any:
        """Any question: by its constant of ``features/*/schemas``, or by its name, such as ``probes``.

        The service checks the body: raises ApiError with its sentence. Raises UnknownName."""
        endpoint = _named(question) if isinstance(question, str) else question
        return self._ask(endpoint.answer, "POST", endpoint.path, json=plain(body))

    @staticmethod
    def questions() -> list[str]:
        """The names that ``ask`` knows."""
        return list(_by_name())

    def verdict(self, model: str, scene: SceneLike, **options: Any) -> Verdict:
        """Does the model prefer the true caption or the swapped one? Options: template, articles, orders,
        robustness (False is quicker: no copies that differ by a hair)."""
        return self.ask(VERDICT, {"model": model, "scene": scene, **options})

    def verdict_batch(
        self,
        model: str,
        space: str = "shapes2d",
        *,
        on_progress: Callable[[BatchProgress], None] | None = None,
        **options: Any,
    ) -> VerdictBatch:
        """The verdict over ``count`` seeded random scenes; ``on_progress`` is called while it runs."""
        body = {"model": model, "space": space, **options}
        if on_progress is None:
            return self.ask(SURVEY, body)
        return self._followed(BatchLine, SURVEY.path, plain(body), on_progress)

    def counterexample(self, model: str, scene: SceneLike, **options: Any) -> Counterexample:
        """The smallest edit of the scene that changes the winner of its contest. Options: budget, template, articles,
        orders."""
        return self.ask(COUNTEREXAMPLE, {"model": model, "scene": scene, **options})

    def probe(self, source: SourceLike, **options: Any) -> ProbeResponse:
        """Linear probes. Options: train_ratio, seed, splits, estimator, split, twins."""
        return self.ask(PROBE, {"source": source, **options})

    def decompose(self, source: SourceLike, **options: Any) -> DecompositionResponse:
        """Additive decomposition. Options: estimator, level, test_ratio, seed, splits."""
        return self.ask(DECOMPOSITION, {"source": source, **options})

    def explain_scene(self, source: SourceLike, scene: SceneLike, **options: Any) -> SceneShareResponse:
        """What each object and concept of one scene explains. Options: estimator, level."""
        return self.ask(SCENE_SHARES, {"source": source, "scene": scene, **options})

    def remove(self, source: SourceLike, **options: Any) -> RemovalResponse:
        """Targeted removal. Options: train_ratio, seed, splits."""
        return self.ask(REMOVAL, {"source": source, **options})

    def intervene(self, source: SourceLike, **options: Any) -> InterventionResponse:
        """Interventions over all edits. Options: estimator, concept, limit, seed, splits."""
        return self.ask(INTERVENTIONS, {"source": source, **options})

    def edit(
        self, source: SourceLike, scene: SceneLike, *, object: int, replacement: Mapping[str, str], **options: Any
    ) -> EditResponse:
        """Replaces one object of a scene in embedding space. Options: estimator."""
        own = {"scene": scene, "object": object, "replacement": dict(replacement)}
        return self.ask(EDIT, {"source": source, **own, **options})

    def project(self, source: SourceLike, **options: Any) -> ProjectionResponse:
        """A map of a source's scenes. Options: method, dims, color_by, place, seed."""
        return self.ask(PROJECTION, {"source": source, **options})

    def retrieve(self, model: str, space: str = "clevr2d", **options: Any) -> RetrievalResponse:
        """Retrieval with swapped twins. Options: direction, k, distractors, queries, limit, dataset, seed, ..."""
        return self.ask(RETRIEVAL, {"model": model, "space": space, **options})

    def near_duplicates(
        self, model: str, space: str | None = None, *, texts: Iterable[str] | None = None, **options: Any
    ) -> NearDuplicatesResponse:
        """Captions of a space, or ``texts``, that differ in meaning only. Options: min_cosine, limit, most,
        template."""
        given = {"space": space} if texts is None else {"texts": list(texts)}
        return self.ask(NEAR_DUPLICATES, {"model": model, **given, **options})

    def repair(self, model: str, space: str = "shapes2d", **options: Any) -> RepairModel:
        """A linear map for the text tower; ``id`` is None where none was confirmed. Options: coverage, seed, limit,
        template, dataset."""
        return self.ask(REPAIR, {"model": model, "space": space, **options})

    def repairs(self) -> list[RepairModel]:
        """All repairs of the service."""
        return self._ask(RepairList, "GET", REPAIR.path).repairs

    def repair_file(self, repair_id: str) -> bytes:
        """The .npz with the map ``A`` and the chosen ``t``."""
        return self._send("GET", f"{REPAIR.path}/{repair_id}.npz").content

    def delete_repair(self, repair_id: str) -> None:
        """Takes a repair away; its model is gone after that."""
        self._send("DELETE", f"{REPAIR.path}/{repair_id}")

    def compare(
        self,
        models: Sequence[str],
        space: str = "clevr2d",
        *,
        on_progress: Callable[[ComparisonProgress], None] | None = None,
        **options: Any,
    ) -> ComparisonResponse:
        """A board of models on the same scenes. Options: count, limit, repair, template, seed.

        ``on_progress`` is called before each row is measured.
        """
        body = {"models": list(models), "space": space, **options}
        if on_progress is None:
            return self.ask(COMPARISON, body)
        return self._followed(ComparisonLine, COMPARISON.path, plain(body), on_progress)

    def disagreements(self, first: str, second: str, space: str = "clevr2d", **options: Any) -> DisagreementResponse:
        """Scenes that only one of two models gets right. Options: count, most, template, seed."""
        return self.ask(DISAGREEMENTS, {"models": [first, second], "space": space, **options})


def _by_name() -> dict[str, Endpoint[Any, Any]]:
    return {endpoint.name: endpoint for endpoint in features.endpoints()}


def _named(name: str) -> Endpoint[Any, Any]:
    known = _by_name()
    if name not in known:
        raise UnknownName("question", name, known)
    return known[name]


def plain(body: BaseModel | Mapping[str, Any]) -> Any:
    """As JSON has it, models inside a mapping too; what a model leaves open is left out."""
    try:
        return to_jsonable_python(body, exclude_none=True)
    except ValueError as error:
        raise ApiError(422, "Invalid request", f"The request cannot be written as JSON: {error}.") from error

"""``BindscopeClient``: one typed method per endpoint."""

import base64
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bindscope.client import frames
from bindscope.client.choosing import Choosing
from bindscope.client.connection import Answer
from bindscope.client.long_work import LongWork
from bindscope.client.own_data import OwnData
from bindscope.core.arrays import read_npy
from bindscope.core.wire import Answer as WireAnswer
from bindscope.core.wire import Asked, Endpoint
from bindscope.features.counterexamples.schemas import Counterexample
from bindscope.features.decompositions.schemas import DecompositionResponse, SceneShareResponse
from bindscope.features.embeddings.schemas import EmbeddingResponse
from bindscope.features.interventions.schemas import EditResponse, InterventionResponse
from bindscope.features.model_checks.schemas import ModelCheckReport
from bindscope.features.models.schemas import ModelList, ModelSummary
from bindscope.features.probes.schemas import ProbeResponse
from bindscope.features.removals.schemas import RemovalResponse
from bindscope.features.spaces.schemas import SpaceList, SpaceModel
from bindscope.features.surveys.schemas import BatchLine, BatchProgress, VerdictBatch
from bindscope.features.system.schemas import Readiness, SystemState
from bindscope.features.verdicts.schemas import Verdict
from bindscope.scenes.sources import SourceModel
from bindscope.scenes.wire import SceneModel

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

NPY = "application/x-npy"

SceneLike = SceneModel | Mapping[str, Any]
SourceLike = SourceModel | Mapping[str, Any]


class BindscopeClient(LongWork, Choosing, OwnData):
    """Talks to a running service. Keyword options of the analyses are the fields of API.md.

    Every method raises ``ApiError`` with the service's own sentence; ``ServiceUnreachable`` when nothing answers.
    """

    def report(self, models: Sequence[str], space: str = "clevr2d", **options: Any) -> str:
        """One HTML file that needs nothing else. Options: count, limit, seed, template, dataset."""
        from bindscope.client.report.collect import ReportSpec, gathered
        from bindscope.client.report.page import page_of

        made_at = datetime.now(UTC).isoformat(timespec="minutes")
        spec = ReportSpec(tuple(models), space, **options)
        return page_of(gathered(self, spec, on_progress=lambda what: None, made_at=made_at))

    def ask(self, endpoint: Endpoint[Asked, WireAnswer], body: Asked | Mapping[str, Any]) -> WireAnswer:
        """Any question of ``features/*/schemas``. A mapping is checked before it is sent: raises pydantic's
        ``ValidationError`` for one that the service would refuse."""
        asked = endpoint.request.model_validate(dict(body)) if isinstance(body, Mapping) else body
        return self._ask(endpoint.answer, "POST", endpoint.path, json=asked.model_dump(mode="json", exclude_none=True))

    @staticmethod
    def records(answer: Any) -> list[dict[str, Any]]:
        """Plain rows of an answer."""
        return frames.records(answer)

    @staticmethod
    def frame(answer: Any) -> "pd.DataFrame":
        """An answer as a pandas table."""
        return frames.frame(answer)

    @staticmethod
    def figure(answer: Any) -> "go.Figure":
        """An answer as a plotly figure."""
        return frames.figure(answer)

    def models(self) -> list[ModelSummary]:
        """The models that the service offers."""
        return self._ask(ModelList, "GET", "/v1/models").models

    def model_checks(self, model: str, *, refresh: bool = False) -> ModelCheckReport:
        """Whether a model answers as it should; ``refresh`` repeats the checks."""
        return self._ask(ModelCheckReport, "GET", "/v1/model-checks", params={"model": model, "refresh": refresh})

    def spaces(self) -> list[SpaceModel]:
        """The concept spaces."""
        return self._ask(SpaceList, "GET", "/v1/spaces").spaces

    def add_space(self, text: str) -> SpaceModel:
        """Adds a space of your own, given as YAML or JSON text."""
        headers = {"Content-Type": "application/yaml"}
        return self._ask(SpaceModel, "POST", "/v1/spaces", content=text.encode(), headers=headers)

    def delete_space(self, name: str) -> None:
        """Removes a space of your own."""
        self._send("DELETE", f"/v1/spaces/{name}")

    def render(self, scene: SceneLike, pixels: int = 224) -> bytes:
        """The PNG that the model sees at this size."""
        return self._send("POST", "/v1/scenes/render", json={"scene": _plain(scene), "pixels": pixels}).content

    def embed(
        self,
        model: str,
        *,
        scenes: Iterable[SceneLike] | None = None,
        texts: Iterable[str] | None = None,
        images: Iterable[bytes] | NDArray[np.uint8] | None = None,
    ) -> NDArray[np.float32]:
        """Vectors [item, dim], float32, not normalised, of scenes, texts or pictures: encoded ones (PNG, JPEG, WebP),
        or one array [item, height, width, 3]."""
        accept = {"Accept": NPY}
        if isinstance(images, np.ndarray):
            file = io.BytesIO()
            np.save(file, np.ascontiguousarray(images), allow_pickle=False)
            headers = {**accept, "Content-Type": NPY}
            path, body = "/v1/embeddings/pictures", file.getvalue()
            answer = self._send("POST", path, params={"model": model}, content=body, headers=headers)
        else:
            wanted = _embedding_body(model, scenes=scenes, texts=texts, images=images)
            answer = self._send("POST", "/v1/embeddings", json=wanted, headers=accept)
        vectors: NDArray[np.float32] = read_npy(io.BytesIO(answer.content))
        return vectors

    def embeddings(
        self,
        model: str,
        *,
        scenes: Iterable[SceneLike] | None = None,
        texts: Iterable[str] | None = None,
        images: Iterable[bytes] | None = None,
    ) -> EmbeddingResponse:
        """Like ``embed``, with the cache count and the provenance."""
        body = _embedding_body(model, scenes=scenes, texts=texts, images=images)
        return self._ask(EmbeddingResponse, "POST", "/v1/embeddings", json=body)

    def verdict(self, model: str, scene: SceneLike, **options: Any) -> Verdict:
        """Does the model prefer the true caption or the swapped one? Options: template, articles, orders,
        robustness (False is quicker: no copies that differ by a hair)."""
        body = {"model": model, "scene": _plain(scene), **options}
        return self._ask(Verdict, "POST", "/v1/verdicts", json=body)

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
            return self._ask(VerdictBatch, "POST", "/v1/verdicts/batch", json=body)
        return self._followed(BatchLine, "/v1/verdicts/batch", body, on_progress)

    def counterexample(self, model: str, scene: SceneLike, **options: Any) -> Counterexample:
        """The smallest edit of the scene that changes the winner of its contest. Options: budget, template, articles,
        orders."""
        body = {"model": model, "scene": _plain(scene), **options}
        return self._ask(Counterexample, "POST", "/v1/counterexamples", json=body)

    def probe(self, source: SourceLike, **options: Any) -> ProbeResponse:
        """Linear probes. Options: train_ratio, seed, splits, estimator, split, twins."""
        return self._analyse(ProbeResponse, "probes", source, options)

    def decompose(self, source: SourceLike, **options: Any) -> DecompositionResponse:
        """Additive decomposition. Options: estimator, level, test_ratio, seed, splits."""
        return self._analyse(DecompositionResponse, "decompositions", source, options)

    def explain_scene(self, source: SourceLike, scene: SceneLike, **options: Any) -> SceneShareResponse:
        """What each object and concept of one scene explains. Options: estimator, level."""
        options = {"scene": _plain(scene), **options}
        return self._analyse(SceneShareResponse, "decompositions/scene", source, options)

    def remove(self, source: SourceLike, **options: Any) -> RemovalResponse:
        """Targeted removal. Options: train_ratio, seed, splits."""
        return self._analyse(RemovalResponse, "removals", source, options)

    def intervene(self, source: SourceLike, **options: Any) -> InterventionResponse:
        """Interventions over all edits. Options: estimator, concept, limit, seed, splits."""
        return self._analyse(InterventionResponse, "interventions", source, options)

    def edit(
        self, source: SourceLike, scene: SceneLike, *, object: int, replacement: Mapping[str, str], **options: Any
    ) -> EditResponse:
        """Replaces one object of a scene in embedding space. Options: estimator."""
        options = {"scene": _plain(scene), "object": object, "replacement": dict(replacement), **options}
        return self._analyse(EditResponse, "interventions/edit", source, options)

    def _analyse(self, kind: type[Answer], path: str, source: SourceLike, options: Mapping[str, Any]) -> Answer:
        plain = source.model_dump(mode="json", exclude_none=True) if isinstance(source, SourceModel) else dict(source)
        return self._ask(kind, "POST", f"/v1/{path}", json={"source": plain, **options})

    def system(self) -> SystemState:
        """Models, device, store, cache and versions."""
        return self._ask(SystemState, "GET", "/v1/system")

    def ready(self) -> Readiness:
        """Whether a canary goes through the encoder queue."""
        return self._ask(Readiness, "GET", "/readyz")


def _plain(scene: SceneLike) -> dict[str, Any]:
    if isinstance(scene, SceneModel):
        return scene.model_dump(mode="json", exclude_none=True)
    return dict(scene)


def _embedding_body(
    model: str,
    *,
    scenes: Iterable[SceneLike] | None,
    texts: Iterable[str] | None,
    images: Iterable[bytes] | None,
) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model}
    if scenes is not None:
        body["scenes"] = [_plain(scene) for scene in scenes]
    if texts is not None:
        body["texts"] = list(texts)
    if images is not None:
        body["images"] = [base64.b64encode(image).decode() for image in images]
    return body

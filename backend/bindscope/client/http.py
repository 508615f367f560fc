"""``BindscopeClient``: every question of the service, its models, spaces, uploads and jobs."""

import base64
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bindscope.client import frames
from bindscope.client.analyses import Analyses, SceneLike, plain
from bindscope.client.long_work import LongWork
from bindscope.client.own_data import OwnData
from bindscope.core.arrays import read_npy
from bindscope.features.embeddings.schemas import EMBEDDINGS, EmbeddingResponse
from bindscope.features.model_checks.schemas import MODEL_CHECKS, ModelCheckReport
from bindscope.features.models.schemas import ModelList, ModelSummary
from bindscope.features.spaces.schemas import SpaceList, SpaceModel
from bindscope.features.system.schemas import Readiness, SystemState

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

NPY = "application/x-npy"


class BindscopeClient(LongWork, Analyses, OwnData):
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
        return self.ask(MODEL_CHECKS, {"model": model, "refresh": refresh})

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
        return self._send("POST", "/v1/scenes/render", json={"scene": plain(scene), "pixels": pixels}).content

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
            path, body = f"{EMBEDDINGS.path}/pictures", file.getvalue()
            answer = self._send("POST", path, params={"model": model}, content=body, headers=headers)
        else:
            wanted = _embedding_body(model, scenes=scenes, texts=texts, images=images)
            answer = self._send("POST", EMBEDDINGS.path, json=wanted, headers=accept)
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
        return self.ask(EMBEDDINGS, _embedding_body(model, scenes=scenes, texts=texts, images=images))

    def system(self) -> SystemState:
        """Models, device, store, cache and versions."""
        return self._ask(SystemState, "GET", "/v1/system")

    def ready(self) -> Readiness:
        """Whether a canary goes through the encoder queue."""
        return self._ask(Readiness, "GET", "/readyz")


def _embedding_body(
    model: str,
    *,
    scenes: Iterable[SceneLike] | None,
    texts: Iterable[str] | None,
    images: Iterable[bytes] | None,
) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model}
    if scenes is not None:
        body["scenes"] = [plain(scene) for scene in scenes]
    if texts is not None:
        body["texts"] = list(texts)
    if images is not None:
        body["images"] = [base64.b64encode(image).decode() for image in images]
    return body

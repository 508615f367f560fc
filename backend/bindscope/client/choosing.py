"""Client methods for choosing and mending a model: retrieval, near_duplicates, repair, maps, comparison."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bindscope.client.connection import Connection
from bindscope.features.comparisons.schemas import (
    ComparisonLine,
    ComparisonProgress,
    ComparisonResponse,
    DisagreementResponse,
)
from bindscope.features.near_duplicates.schemas import NearDuplicatesResponse
from bindscope.features.projections.schemas import ProjectionResponse
from bindscope.features.repairs.schemas import RepairList, RepairModel
from bindscope.features.retrievals.schemas import RetrievalResponse
from bindscope.scenes.sources import SourceModel


class Choosing(Connection):
    """Keyword options are the fields of API.md."""

    def retrieve(self, model: str, space: str = "clevr2d", **options: Any) -> RetrievalResponse:
        """Retrieval with swapped twins. Options: direction, k, distractors, queries, limit, dataset, seed, ..."""
        return self._ask(RetrievalResponse, "POST", "/v1/retrievals", json={"model": model, "space": space, **options})

    def near_duplicates(
        self, model: str, space: str | None = None, *, texts: Sequence[str] | None = None, **options: Any
    ) -> NearDuplicatesResponse:
        """Captions of a space, or ``texts``, that differ in meaning only. Options: min_cosine, limit, most,
        template."""
        given = {"space": space} if texts is None else {"texts": list(texts)}
        return self._ask(
            NearDuplicatesResponse, "POST", "/v1/near-duplicates", json={"model": model, **given, **options}
        )

    def repair(self, model: str, space: str = "shapes2d", **options: Any) -> RepairModel:
        """A linear map for the text tower; ``id`` is None where none was confirmed. Options: coverage, seed, limit,
        template, dataset."""
        return self._ask(RepairModel, "POST", "/v1/repairs", json={"model": model, "space": space, **options})

    def repairs(self) -> list[RepairModel]:
        """All repairs of the service."""
        return self._ask(RepairList, "GET", "/v1/repairs").repairs

    def repair_file(self, repair_id: str) -> bytes:
        """The .npz with the map ``A`` and the chosen ``t``."""
        return self._send("GET", f"/v1/repairs/{repair_id}.npz").content

    def delete_repair(self, repair_id: str) -> None:
        """Takes a repair away; its model is gone after that."""
        self._send("DELETE", f"/v1/repairs/{repair_id}")

    def project(self, source: SourceModel | Mapping[str, Any], **options: Any) -> ProjectionResponse:
        """A map of a source's scenes. Options: method, dims, color_by, place, seed."""
        plain = source.model_dump(mode="json", exclude_none=True) if isinstance(source, SourceModel) else dict(source)
        return self._ask(ProjectionResponse, "POST", "/v1/projections", json={"source": plain, **options})

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
            return self._ask(ComparisonResponse, "POST", "/v1/comparisons", json=body)
        return self._followed(ComparisonLine, "/v1/comparisons", body, on_progress)

    def disagreements(self, first: str, second: str, space: str = "clevr2d", **options: Any) -> DisagreementResponse:
        """Scenes that only one of two models gets right. Options: count, most, template, seed."""
        body = {"models": [first, second], "space": space, **options}
        return self._ask(DisagreementResponse, "POST", "/v1/disagreements", json=body)

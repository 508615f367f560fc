"""What Complexity shows."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, get_args

from bindscope.features.complexity.schemas import ComplexityRequest
from bindscope.scenes.sources import SourceModel
from bindscope_dashboard.shared.links import body_of
from bindscope_dashboard.shared.states import DatasetId, JobId, SourceState, counted, in_order

Measure = Literal["binding", "r2", "object", "object_on_valid_swaps", "concepts"]


MEASURES: tuple[Measure, ...] = get_args(Measure)


class ComplexityState(SourceState):
    """``second``: a source beside the first; ``dataset``: an upload in place of the first; ``jobs``: one for each."""

    request: ComplexityRequest
    second: SourceModel | None = None
    dataset: DatasetId | None = None
    measure: Measure = "binding"
    jobs: tuple[JobId, ...] = ()

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        found = in_order(counted(link, "seeds"), "coverages")
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

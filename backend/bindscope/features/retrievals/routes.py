"""Retrieval with swapped twins in the gallery, and captions that share a vector."""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts
from bindscope.core.wire import Provenance
from bindscope.features.retrievals.galleries import Entry, RetrievalSpec
from bindscope.features.retrievals.schemas import RetrievalItem, RetrievalRequest, RetrievalResponse, RetrievedItem
from bindscope.features.retrievals.service import QueryResult, Retrievals
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.scene import Origin, scene_in_slots
from bindscope.scenes.wire import from_scene
from bindscope.services.container import Services
from bindscope.services.response_cache import remembered

router = APIRouter(prefix="/v1", tags=["retrieval"])


@router.post("/retrievals")
def retrieval(body: RetrievalRequest, parts: Parts) -> RetrievalResponse:
    """Whom does a query find: the right scene, or its swapped twin?"""
    spec = RetrievalSpec(**body.model_dump(exclude={"model"}))
    digest = parts.of(Retrievals).digest(body.model, spec)
    return remembered(
        parts.measurements,
        "retrieval",
        digest=digest,
        asked=body,
        kind=RetrievalResponse,
        compute=lambda: _retrieved(body, spec, parts),
    )


def _retrieved(body: RetrievalRequest, spec: RetrievalSpec, parts: Services) -> RetrievalResponse:
    found, space = parts.of(Retrievals).run(body.model, spec), parts.of(Retrievals).space(spec)
    return RetrievalResponse.model_validate(
        {
            **{
                name: getattr(found, name) for name in ("direction", "binding", "swapped_first", "swapped_first_chance")
            },
            **{name: getattr(found, name) for name in ("undecided", "noise_floor")},
            **{name: getattr(found, name) for name in ("gallery", "queries", "approximate_recall", "seconds")},
            "recall": {str(k): share for k, share in found.recall.items()},
            "items": [_item(space, item, body.dataset) for item in found.items],
            "provenance": Provenance.model_validate(found.provenance),
        }
    )


def _item(space: ConceptSpace, item: QueryResult, dataset: str | None) -> RetrievalItem:
    results = [
        RetrievedItem(**_entry(space, hit.entry, dataset), score=hit.score, right=hit.right, twin=hit.twin)
        for hit in item.results
    ]
    scores = {"rank": item.rank, "right_score": item.right_score, "twin_score": item.twin_score}
    return RetrievalItem.model_validate({**_entry(space, item.query, dataset), **scores, "results": results})


def _entry(space: ConceptSpace, entry: Entry, dataset: str | None) -> dict[str, object]:
    origin = Origin(dataset, entry.row) if dataset is not None and entry.row is not None else None
    return {"scene": from_scene(scene_in_slots(space, entry.objects, origin)), "text": entry.text}

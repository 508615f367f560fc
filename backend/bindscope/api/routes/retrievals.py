"""Retrieval with swapped twins in the gallery, and captions that share a vector."""

import time
from dataclasses import asdict

from fastapi import APIRouter

from bindscope.analysis.metrics import Interval
from bindscope.api.dependencies import Parts
from bindscope.api.remembered import remembered
from bindscope.domain.concepts import ConceptSpace
from bindscope.domain.scenes import Origin, scene_in_slots
from bindscope.schemas.base import Provenance
from bindscope.schemas.retrievals import (
    Lookalike,
    LookalikeRequest,
    LookalikeResponse,
    RetrievalItem,
    RetrievalRequest,
    RetrievalResponse,
    RetrievedItem,
)
from bindscope.schemas.scenes import from_scene
from bindscope.services.assembly import Services
from bindscope.services.galleries import Entry, RetrievalSpec
from bindscope.services.lookalikes import pasted
from bindscope.services.provenance import provenance
from bindscope.services.retrievals import QueryResult

router = APIRouter(prefix="/v1", tags=["retrieval"])


@router.post("/retrievals")
def retrieval(body: RetrievalRequest, parts: Parts) -> RetrievalResponse:
    """Whom does a query find: the right scene, or its swapped twin?"""
    spec = RetrievalSpec(**body.model_dump(exclude={"model"}))
    digest = parts.retrievals.digest(body.model, spec)
    return remembered(
        parts,
        "retrieval",
        digest=digest,
        asked=body,
        kind=RetrievalResponse,
        compute=lambda: _retrieved(body, spec, parts),
    )


def _retrieved(body: RetrievalRequest, spec: RetrievalSpec, parts: Services) -> RetrievalResponse:
    found, space = parts.retrievals.run(body.model, spec), parts.retrievals.space(spec)
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


@router.post("/lookalikes")
def lookalikes(body: LookalikeRequest, parts: Parts) -> LookalikeResponse:
    """Captions that mean different things and share a vector."""
    fingerprint = parts.models.info(body.model).fingerprint.digest
    space = [asdict(parts.spaces.get(body.space))] if body.space is not None else []
    return remembered(
        parts,
        "lookalikes",
        digest=f"{fingerprint} {space}",
        asked=body,
        kind=LookalikeResponse,
        compute=lambda: _lookalikes(body, parts),
    )


def _lookalikes(body: LookalikeRequest, parts: Services) -> LookalikeResponse:
    started = time.perf_counter()
    if body.space is None:
        captions = pasted(body.texts or [])
    else:
        captions = parts.lookalikes.captions_of(
            body.space, objects=body.objects, limit=body.limit, template=body.template
        )
    found = parts.lookalikes.find(body.model, captions, least=body.min_cosine, most=body.most)
    pairs = found.pairs
    return LookalikeResponse.model_validate(
        {
            "pairs": [
                Lookalike(
                    first=captions.texts[first], second=captions.texts[second], cosine=cosine, swap=found.swap(number)
                )
                for number, (first, second, cosine) in enumerate(
                    zip(pairs.first.tolist(), pairs.second.tolist(), pairs.cosine.tolist(), strict=True)
                )
            ],
            "total": pairs.total,
            "compared": pairs.compared,
            "share": Interval(pairs.total / pairs.compared if pairs.compared else None, None, None, pairs.compared),
            "captions": len(captions.texts),
            "min_cosine": found.least,
            "noise_floor": found.noise_floor,
            "seconds": round(time.perf_counter() - started, 3),
            "provenance": Provenance.model_validate(
                provenance(found.info, space=body.space, template=body.template if body.space else None)
            ),
        }
    )

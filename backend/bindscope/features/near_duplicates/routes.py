"""Captions whose meanings differ and whose embeddings do not."""

import time
from dataclasses import asdict

from fastapi import APIRouter

from bindscope.analysis.metrics import Interval
from bindscope.api.dependencies import Parts
from bindscope.core.wire import Provenance
from bindscope.features.near_duplicates.schemas import NearDuplicate, NearDuplicatesRequest, NearDuplicatesResponse
from bindscope.features.near_duplicates.service import NearDuplicates, pasted
from bindscope.services.container import Services
from bindscope.services.provenance import provenance
from bindscope.services.response_cache import remembered

router = APIRouter(prefix="/v1/near-duplicates", tags=["choose"])


@router.post("")
def near_duplicates(body: NearDuplicatesRequest, parts: Parts) -> NearDuplicatesResponse:
    """Captions that mean different things and share a vector."""
    fingerprint = parts.models.info(body.model).fingerprint.digest
    space = [asdict(parts.spaces.get(body.space))] if body.space is not None else []
    return remembered(
        parts.measurements,
        "near_duplicates",
        digest=f"{fingerprint} {space}",
        asked=body,
        kind=NearDuplicatesResponse,
        compute=lambda: _near_duplicates(body, parts),
    )


def _near_duplicates(body: NearDuplicatesRequest, parts: Services) -> NearDuplicatesResponse:
    started = time.perf_counter()
    if body.space is None:
        captions = pasted(body.texts or [])
    else:
        captions = parts.of(NearDuplicates).captions_of(
            body.space, objects=body.objects, limit=body.limit, template=body.template
        )
    found = parts.of(NearDuplicates).find(body.model, captions, least=body.min_cosine, most=body.most)
    pairs = found.pairs
    return NearDuplicatesResponse.model_validate(
        {
            "pairs": [
                NearDuplicate(
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

"""Interventions: edit a scene in embedding space and see where it lands."""

import time
from collections.abc import Sequence

import numpy as np
from fastapi import APIRouter
from numpy.typing import NDArray

from bindscope.analysis.interventions import EditedSample, intervene
from bindscope.analysis.metrics import unit
from bindscope.analysis.probes import fit_probes
from bindscope.api.dependencies import Parts, asked_source_of, provenance_of, scene_of, source_of
from bindscope.core.specs import InterventionSpec
from bindscope.features.decompositions.one_scene import SceneEdit, edit_scene, left_to_right
from bindscope.features.interventions.schemas import (
    EditRequest,
    EditResponse,
    InterventionRequest,
    InterventionResponse,
    MeanCosine,
    NearScene,
    ScoreChange,
)
from bindscope.scenes.wire import from_scene
from bindscope.services.container import Services
from bindscope.services.response_cache import remembered
from bindscope.services.sources import DatasetSource, ModelSource

router = APIRouter(prefix="/v1/interventions", tags=["geometry"])

#: Edited vectors that are compared with rendered counterfactuals, and object scores that are sent beside those present.
RENDERED, OTHERS = 512, 5


@router.post("")
def run_interventions(body: InterventionRequest, parts: Parts) -> InterventionResponse:
    """All edits at once: retrieval of the edited scene, probes on the edited vectors, cosine to the counterfactual."""
    digest = parts.sources.digest(source_of(body.source))
    return remembered(
        parts.measurements,
        "interventions",
        digest=digest,
        asked=body,
        kind=InterventionResponse,
        compute=lambda: _computed(body, parts),
    )


def _computed(body: InterventionRequest, parts: Services) -> InterventionResponse:
    started = time.perf_counter()
    source = source_of(body.source)
    data = parts.sources.resolve(source)
    result = intervene(
        data.embeddings,
        data.labels,
        InterventionSpec(body.estimator, body.concept, body.limit, body.seed, body.splits),
        probe_fit=fit_probes,
        singles=parts.sources.singles(source) if body.estimator == "single" else None,
        sample=RENDERED,
    )
    return InterventionResponse.model_validate(
        {
            "edits": result.edits,
            "unsupported": result.unsupported,
            "concept": result.concept,
            "retrieval": result.retrieval,
            "retrieval_published": result.retrieval_published,
            "stayed": result.stayed,
            "binding": result.binding,
            "probing": result.probing,
            "object_chance": result.object_chance,
            "splits": body.splits,
            "rendered_cosine": _rendered(parts, source, result.sample),
            "seconds": round(time.perf_counter() - started, 3),
            "provenance": provenance_of(data, body.seed),
        }
    )


def _rendered(parts: Services, source: ModelSource | DatasetSource, sample: EditedSample) -> MeanCosine | None:
    """Mean cosine with the pictures that the edits aim at, and its normal 95 % interval."""
    if isinstance(source, DatasetSource) or source.modality != "image" or len(sample.labels) < 2:
        return None
    own = parts.sources.embed(source, sample.labels)
    found = (unit(sample.vectors) * unit(own)).sum(1)
    mean, half = float(found.mean()), 1.96 * float(found.std(ddof=1)) / len(found) ** 0.5
    return MeanCosine(mean=mean, low=max(-1.0, mean - half), high=min(1.0, mean + half), n=len(found))


@router.post("/edit")
def edit(body: EditRequest, parts: Parts) -> EditResponse:
    """One edit: the nearest real scenes, and the probes before and after."""
    digest = parts.sources.digest(asked_source_of(body.source))
    return remembered(
        parts.measurements, "edit", digest=digest, asked=body, kind=EditResponse, compute=lambda: _edited(body, parts)
    )


def _edited(body: EditRequest, parts: Services) -> EditResponse:
    started = time.perf_counter()
    source = asked_source_of(body.source)
    scene = scene_of(body.scene, parts)
    scene = left_to_right(scene) if source.modality == "image" else scene
    found = edit_scene(
        parts.sources,
        source,
        scene,
        number=body.object,
        replacement=body.replacement,
        spec=InterventionSpec(body.estimator),
    )
    space = scene.space
    ids = [[space.object_id(o) for o in s.values] for s in (found.original, found.edited)]
    return EditResponse(
        right=found.right,
        nearest=[NearScene(scene=from_scene(n.scene), cosine=n.cosine, wanted=n.wanted) for n in found.nearest],
        rendered_cosine=found.rendered_cosine,
        source_cosine=found.source_cosine,
        concepts=_concept_changes(found),
        objects=_object_changes(found, was=ids[0], now=ids[1]),
        edited=from_scene(found.edited),
        seconds=round(time.perf_counter() - started, 3),
        provenance=provenance_of(parts.sources.resolve(source), 0),
    )


def _concept_changes(found: SceneEdit) -> dict[str, list[ScoreChange]]:
    return {
        concept.name: _changes(
            concept.values,
            found.before.concepts[k][0],
            found.after.concepts[k][0],
            rows=range(len(concept.values)),
            was=[o[k] for o in found.original.values],
            now=[o[k] for o in found.edited.values],
        )
        for k, concept in enumerate(found.edited.space.concepts)
    }


def _object_changes(found: SceneEdit, *, was: Sequence[int], now: Sequence[int]) -> list[ScoreChange]:
    space = found.edited.space
    after = found.after.objects[0]
    highest = [int(i) for i in np.argsort(-after, kind="stable")[: OTHERS + len(now)]]
    rows = list(dict.fromkeys([*now, *was, *highest]))
    names = [" ".join(space.named(o).values()) for o in space.objects()]
    return _changes(names, found.before.objects[0], after, rows=rows, was=was, now=now)


def _changes(
    names: Sequence[str],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    *,
    rows: Sequence[int],
    was: Sequence[int],
    now: Sequence[int],
) -> list[ScoreChange]:
    return [
        ScoreChange(
            name=names[i], before=float(before[i]), after=float(after[i]), present=i in now, was_present=i in was
        )
        for i in rows
    ]

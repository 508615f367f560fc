"""Additive decomposition of a pool of scenes, and of one scene of it."""

from bindscope.analysis.additive import fit_additive
from bindscope.analysis.decomposition import decompose
from bindscope.analysis.probes import fit_probes
from bindscope.core.specs import DecompositionSpec
from bindscope.features.decompositions.schemas import (
    DECOMPOSITION,
    SCENE_SHARES,
    DecompositionRequest,
    DecompositionResponse,
    ObjectShare,
    SceneShareRequest,
    SceneShareResponse,
)
from bindscope.scenes.ordered import labels_of
from bindscope.scenes.scene import Scene
from bindscope.services.container import Services
from bindscope.services.pools import ScenePool


def decomposition(parts: Services, asked: DecompositionRequest) -> DecompositionResponse:
    """Raises as ``ScenePool.digest``, and InvalidInput where the scenes do not vary enough."""
    pool = parts.pools.of(asked.source)
    return parts.analyses.answer(DECOMPOSITION, asked, numbers=pool.digest(), compute=lambda: _computed(pool, asked))


def _computed(pool: ScenePool, asked: DecompositionRequest) -> DecompositionResponse:
    data = pool.embedded()
    found = decompose(
        data.embeddings,
        data.labels,
        DecompositionSpec(asked.estimator, asked.level, asked.test_ratio, asked.seed, asked.splits),
        probe_fit=fit_probes,
        singles=pool.singles() if asked.estimator == "single" else None,
    )
    return DecompositionResponse.of(
        found,
        splits=asked.splits,
        train_scenes=len(found.train),
        test_scenes=len(found.test),
        provenance=data.made_with(asked.seed),
    )


def scene_shares(parts: Services, asked: SceneShareRequest) -> SceneShareResponse:
    """What each object and each concept of a scene explains of its embedding. Raises InvalidInput for a scene that is
    none of the source's, and for vectors without a model."""
    pool, scene = parts.pools.of(asked.source), parts.pools.scene(asked.scene)
    pool.asked_model()
    return parts.analyses.answer(
        SCENE_SHARES, asked, numbers=pool.digest(), compute=lambda: _explained(pool, scene, asked)
    )


def _explained(pool: ScenePool, scene: Scene, asked: SceneShareRequest) -> SceneShareResponse:
    scene = scene.from_left_to_right() if pool.modality == "image" else scene
    pool.check(scene)
    data = pool.embedded()
    singles = pool.singles() if asked.estimator == "single" else None
    model = fit_additive(data.embeddings, data.labels, estimator=asked.estimator, level=asked.level, singles=singles)
    shares = model.shares(pool.vectors_of([scene]), labels_of(scene))
    concepts = shares.concepts[0].tolist() if shares.concepts is not None else None
    objects = [
        ObjectShare(
            values=scene.space.named(o),
            share=float(shares.objects[0, slot]),
            concepts=dict(zip(scene.space.names, concepts[slot], strict=True)) if concepts else None,
        )
        for slot, o in enumerate(scene.values)
    ]
    return SceneShareResponse(objects=objects, residual=float(shares.residual[0]), provenance=data.made_with(0))

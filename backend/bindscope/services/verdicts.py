"""The verdict on one scene."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bindscope.analysis.verdict import Diagnosis, Outcome, diagnose, outcome
from bindscope.domain.scenes import Scene
from bindscope.services.answers import answer
from bindscope.services.embedder import Embedder
from bindscope.services.judging import Judged, Wording, judge
from bindscope.services.noise import NoiseMeter
from bindscope.services.provenance import Provenance, provenance


@dataclass(frozen=True)
class CaptionScore:
    text: str
    kind: Literal["true", "swap"]
    score: float


@dataclass(frozen=True)
class ContestResult:
    outcome: Outcome
    margin: float | None
    noise_floor: float
    captions: list[CaptionScore]


@dataclass(frozen=True)
class ConceptScore:
    concept: str
    value: str
    present: bool
    score: float


@dataclass(frozen=True)
class ConceptScores:
    recognised: bool
    by_concept: Mapping[str, bool]
    scores: list[ConceptScore]


@dataclass(frozen=True)
class ObjectScore:
    values: dict[str, str]
    present: bool
    score: float


@dataclass(frozen=True)
class ObjectScores:
    recognised: bool
    scores: list[ObjectScore]


@dataclass(frozen=True)
class SceneVerdict:
    """Field by field what goes over the wire (``schemas.verdicts.Verdict``)."""

    diagnosis: Diagnosis
    answer: str
    anchor: Literal["image", "text"]
    anchor_text: str | None
    contest: ContestResult
    concepts: ConceptScores
    objects: ObjectScores
    cached: int
    milliseconds: float
    provenance: Provenance


class Verdicts:
    """Judges one scene and says it in words."""

    def __init__(self, embedder: Embedder, noise: NoiseMeter) -> None:
        self.embedder = embedder
        self.noise = noise

    def verdict(self, model_id: str, scene: Scene, *, wording: Wording) -> SceneVerdict:
        """Raises UnknownName, UnsupportedModality, ModelUnavailable, Overloaded."""
        started = time.perf_counter()
        judged = judge(self.embedder, model_id, scenes=[scene], wording=wording)
        return self.describe(judged, 0, wording=wording, started=started)

    def describe(self, judged: Judged, row: int, *, wording: Wording, started: float) -> SceneVerdict:
        """The verdict on scene ``row`` of ``judged``."""
        floor = self.noise.floor(judged, row)
        result = contest_result(judged, row, floor=floor)
        concepts, objects = concept_result(judged, row), object_result(judged, row)
        diagnosis = diagnose(result.outcome, concepts=concepts.recognised, objects=objects.recognised)
        scene = judged.scenes[row]
        named = [scene.space.named(o) for o in scene.values]
        text = answer(
            diagnosis,
            result.outcome,
            seen=[own[name] for name, hit in concepts.by_concept.items() if hit for own in named],
            missed=[own[name] for name, hit in concepts.by_concept.items() if not hit for own in named],
            margin=result.margin or 0.0,
        )
        return SceneVerdict(
            diagnosis=diagnosis,
            answer=text,
            anchor="text" if judged.text_only else "image",
            anchor_text=judged.candidates[row].anchor if judged.text_only else None,
            contest=result,
            concepts=concepts,
            objects=objects,
            cached=judged.cached,
            milliseconds=round(1000 * (time.perf_counter() - started), 3),
            provenance=provenance(judged.info, space=scene.space.name, template=wording.captioner.template),
        )


def contest_result(judged: Judged, row: int, *, floor: float) -> ContestResult:
    """Scores of the captions of one scene, best first within each kind."""
    own = judged.candidates[row]
    true = zip(own.true, judged.true_scores[row], strict=False)
    swaps = zip(own.swap_texts, judged.swap_scores[row], strict=False)
    captions = [CaptionScore(text, "true", float(score)) for text, score in true]
    captions += [CaptionScore(text, "swap", float(score)) for text, score in swaps]
    captions.sort(key=lambda c: (c.kind != "true", -c.score))
    has_swap = bool(judged.contest.has_swap[row])
    margin = float(judged.contest.margin[row])
    return ContestResult(
        outcome(margin, noise_floor=floor, has_swap=has_swap), margin if has_swap else None, floor, captions
    )


def concept_result(judged: Judged, row: int) -> ConceptScores:
    """One query per concept value."""
    space = judged.scenes[row].space
    scores = [
        ConceptScore(concept.name, value, i in set(judged.values[row, :, k].tolist()), float(head[row, i]))
        for k, (concept, head) in enumerate(zip(space.concepts, judged.concept_scores, strict=True))
        for i, value in enumerate(concept.values)
    ]
    by_concept = {name: bool(judged.recognition.by_concept[row, k]) for k, name in enumerate(space.names)}
    return ConceptScores(bool(judged.recognition.concepts[row]), by_concept, scores)


def object_result(judged: Judged, row: int) -> ObjectScores:
    """One query per object of the space."""
    space = judged.scenes[row].space
    present = set(judged.object_ids[row].tolist())
    scores = [
        ObjectScore(space.named(space.object_at(i)), i in present, float(score))
        for i, score in enumerate(judged.object_scores[row])
    ]
    return ObjectScores(bool(judged.recognition.object[row]), scores)

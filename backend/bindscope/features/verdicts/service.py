"""The verdict on one scene."""

import time

from bindscope.analysis.verdict import RESOLUTION, diagnose, outcome
from bindscope.features.verdicts.findings import scene_answer
from bindscope.features.verdicts.schemas import (
    Articles,
    CaptionScore,
    ConceptScore,
    ConceptScores,
    Contest,
    ObjectScore,
    ObjectScores,
    Orders,
    Verdict,
)
from bindscope.features.verdicts.schemas import Robustness as WireRobustness
from bindscope.scenes.captions import Captioner
from bindscope.scenes.scene import Scene
from bindscope.services.container import Services
from bindscope.services.judging import Judged, Wording, judge
from bindscope.services.noise import Robustness, surroundings
from bindscope.services.provenance import provenance


def wording_of(template: str, articles: Articles, orders: Orders) -> Wording:
    """The wording that a request asks for. Raises InvalidInput, UnknownName."""
    return Wording(Captioner(template, articles), orders)


class Verdicts:
    """Judges one scene and says it in words."""

    def __init__(self, parts: Services) -> None:
        self.embedder, self.noise = parts.embedder, parts.noise

    def verdict(self, model_id: str, scene: Scene, *, wording: Wording, robust: bool = True) -> Verdict:
        """``robust``: the scene's copies that differ by a hair are asked too, and its twin; a winner that few of them
        keep is none. Raises UnknownName, UnsupportedModality, ModelUnavailable, Overloaded."""
        started = time.perf_counter()
        judged = judge(self.embedder, model_id, scenes=[scene], wording=wording)
        floor = self.noise.floor(judged, 0)
        found, twin = None, None
        if robust:
            found, twin = surroundings(self.embedder, judged, 0, wording=wording, floor=floor)
        result = contest_result(judged, 0, floor=floor, robustness=found)
        concepts, objects = concept_result(judged, 0), object_result(judged, 0)
        diagnosis = diagnose(result.outcome, concepts=concepts.recognised, objects=objects.recognised)
        return Verdict(
            diagnosis=diagnosis,
            answer=scene_answer(
                diagnosis,
                result,
                seen=_values(scene, concepts, seen=True),
                missed=_values(scene, concepts, seen=False),
                robustness=found,
            ),
            anchor="text" if judged.text_only else "image",
            anchor_text=judged.candidates[0].anchor if judged.text_only else None,
            contest=result,
            robustness=None if found is None else WireRobustness.of(found),
            twin_margin=twin,
            concepts=concepts,
            objects=objects,
            cached=judged.cached,
            milliseconds=round(1000 * (time.perf_counter() - started), 3),
            provenance=provenance(judged.info, space=scene.space.name, template=wording.captioner.template),
        )


def _values(scene: Scene, concepts: ConceptScores, *, seen: bool) -> list[str]:
    """Present values, object by object, that score above every absent value of their concept, or those that do not."""
    best = {own.concept: -1.0 for own in concepts.scores}
    for own in concepts.scores:
        if not own.present:
            best[own.concept] = max(best[own.concept], own.score)
    above = {(own.concept, own.value): own.score > best[own.concept] + RESOLUTION for own in concepts.scores}
    named = [scene.space.named(o) for o in scene.values]
    return [own[name] for name in scene.space.names for own in named if above[name, own[name]] == seen]


def contest_result(judged: Judged, row: int, *, floor: float, robustness: Robustness | None = None) -> Contest:
    """Scores of the captions of one scene, best first within each kind. A winner that too few copies keep is none."""
    own = judged.candidates[row]
    true = zip(own.true, judged.true_scores[row], strict=False)
    swaps = zip(own.swap_texts, judged.swap_scores[row], strict=False)
    captions = [CaptionScore(text=text, kind="true", score=float(score)) for text, score in true]
    captions += [CaptionScore(text=text, kind="swap", score=float(score)) for text, score in swaps]
    captions.sort(key=lambda c: (c.kind != "true", -c.score))
    has_swap = bool(judged.contest.has_swap[row])
    margin = float(judged.contest.margin[row])
    won = outcome(margin, noise_floor=floor, has_swap=has_swap)
    won = "undecided" if robustness is not None and not robustness.stable else won
    return Contest(outcome=won, margin=margin if has_swap else None, noise_floor=floor, captions=captions)


def concept_result(judged: Judged, row: int) -> ConceptScores:
    """One query per concept value."""
    space = judged.scenes[row].space
    scores = [
        ConceptScore(
            concept=concept.name,
            value=value,
            present=i in set(judged.values[row, :, k].tolist()),
            score=float(head[row, i]),
        )
        for k, (concept, head) in enumerate(zip(space.concepts, judged.concept_scores, strict=True))
        for i, value in enumerate(concept.values)
    ]
    by_concept = {name: bool(judged.recognition.by_concept[row, k]) for k, name in enumerate(space.names)}
    return ConceptScores(recognised=bool(judged.recognition.concepts[row]), by_concept=by_concept, scores=scores)


def object_result(judged: Judged, row: int) -> ObjectScores:
    """One query per object of the space."""
    space = judged.scenes[row].space
    present = set(judged.object_ids[row].tolist())
    scores = [
        ObjectScore(values=space.named(space.object_at(i)), present=i in present, score=float(score))
        for i, score in enumerate(judged.object_scores[row])
    ]
    return ObjectScores(recognised=bool(judged.recognition.object[row]), scores=scores)

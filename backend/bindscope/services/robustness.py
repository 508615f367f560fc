"""Whether the winner of a scene's contest survives a change by a hair, and how its twin fares."""

from collections.abc import Sequence

from bindscope.analysis.verdict import outcome
from bindscope.scenes.captions import Captioner
from bindscope.scenes.contests import exchanged
from bindscope.scenes.jitter import TEMPLATES, Robustness, jittered
from bindscope.scenes.scene import Scene
from bindscope.services.embedder import Embedder
from bindscope.services.judging import Contested, Wording, contested


def surroundings(
    embedder: Embedder, judged: Contested, row: int, *, wording: Wording, floor: float
) -> tuple[Robustness | None, float | None]:
    """Robustness of scene ``row`` of ``judged`` and the margin of its twin, encoded in one batch.

    Drawn scenes that a model sees are moved by a hair; captions, and pictures that were uploaded, meet in other
    templates. The twin is the scene that the best swapped caption describes. None where there is no valid swap, for
    vectors that were uploaded (there is nothing else to ask) and for the twin of a scene that was uploaded.
    """
    if not judged.contest.has_swap[row] or judged.info.family == "precomputed":
        return None, None
    scene = judged.scenes[row]
    moved = scene.origin is None and not judged.text_only
    scenes = jittered(scene) if moved else [scene] * len(TEMPLATES)
    wordings = [wording] * len(scenes) if moved else _templates(wording)
    twin = [] if scene.origin is not None else [_twin(judged, row)]
    found = contested(
        embedder, judged.info.id, scenes=[*twin, *scenes], wordings=[*[wording] * len(twin), *wordings]
    ).contest
    own = outcome(float(judged.contest.margin[row]), noise_floor=floor, has_swap=True)
    copies = [outcome(float(margin), noise_floor=floor, has_swap=True) for margin in found.margin[len(twin) :]]
    robust = Robustness(copies.count(own), len(copies), "places" if moved else "templates")
    return robust, float(found.margin[0]) if twin else None


def _templates(wording: Wording) -> Sequence[Wording]:
    return [Wording(Captioner(template, wording.captioner.articles), wording.orders) for template in TEMPLATES]


def _twin(judged: Contested, row: int) -> Scene:
    """The same places, with the objects that the best swapped caption names."""
    own = judged.candidates[row]
    best = own.swap_texts[int(judged.swap_scores[row].argmax())]
    swap = next(swap for swap, texts in own.swaps if best in texts)
    return exchanged(judged.scenes[row], swap)

"""The verdict over many seeded scenes: binding score, recognition and the swap atlas, with progress."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import Binding, StrictChance, share_over_bags, strict_chance
from bindscope.analysis.metrics import Interval, wilson
from bindscope.analysis.verdict import RESOLUTION, Recognition, chance, recognition_intervals, swap_atlas
from bindscope.domain.concepts import ConceptSpace
from bindscope.domain.contests import caption_chance, twins_of
from bindscope.domain.sampling import sample_scenes
from bindscope.domain.scenes import Scene
from bindscope.domain.swaps import Swap
from bindscope.errors import InvalidInput, UnsupportedModality
from bindscope.services.embedder import Control, Embedder
from bindscope.services.judging import (
    ContestScores,
    Judged,
    Wording,
    contest_scores,
    judged_in_chunks,
    pictures_of,
)
from bindscope.services.noise import NoiseMeter
from bindscope.services.provenance import Provenance, provenance
from bindscope.services.sources import Sources

MAX_FAILURES = 24


@dataclass(frozen=True)
class SurveySpec:
    """Which scenes, and how they are shown and said. ``dataset``: scenes of an upload, each at most once."""

    count: int
    seed: int
    objects: int
    layout: str
    only_valid_swaps: bool
    control: Control
    wording: Wording
    dataset: str | None = None


@dataclass(frozen=True)
class Progress:
    done: int
    total: int
    swap_accuracy: Interval


@dataclass(frozen=True)
class AtlasCell:
    concept: str
    value: str
    other: str
    swapped: Interval
    undecided: int
    mean_margin: float
    example: Scene


@dataclass(frozen=True)
class Survey:
    """What ``schemas.verdicts.VerdictBatch`` carries, with domain scenes."""

    scenes: int
    twins: int
    anchor: Literal["image", "text"]
    noise_floor: float
    binding: Binding
    order_against_meaning: Interval | None
    swap_accuracy: Interval
    swap_accuracy_chance: float | None
    undecided: Interval
    no_valid_swap: int
    recognition: Mapping[str, Interval]
    chance: Mapping[str, float]
    object_chance: StrictChance
    atlas: list[AtlasCell]
    failures: list[Scene]
    milliseconds: float
    provenance: Provenance


class Surveys:
    """Judges chunks of scenes and joins them."""

    def __init__(self, embedder: Embedder, noise: NoiseMeter, sources: Sources) -> None:
        self._embedder = embedder
        self._noise = noise
        self._sources = sources

    def run(self, model_id: str, space: ConceptSpace, *, spec: SurveySpec) -> Iterator[Progress | Survey]:
        """Yields progress after each chunk, then the survey. What can be refused is refused at once."""
        started = time.perf_counter()
        info = self._embedder.models.info(model_id)
        if spec.control != "none" and not info.reads("image"):
            raise UnsupportedModality(f"Model {model_id!r} reads no pictures, so there are no pixels to spoil.")
        if spec.dataset is not None:
            scenes = self._sources.sample(
                spec.dataset, model_id, count=spec.count, seed=spec.seed, only_valid_swaps=spec.only_valid_swaps
            )
            twins = self._sources.twins(spec.dataset, scenes, seed=spec.seed)
            return self._chunks(model_id, (scenes, twins), spec=spec, started=started)
        if info.pixels is not None and not space.renderable:
            raise InvalidInput(f"Space {space.name!r} cannot be drawn: choose a text-only model or another space.")
        scenes = sample_scenes(
            space,
            spec.count,
            seed=spec.seed,
            objects=spec.objects,
            layout=spec.layout if space.renderable else "slots",
            only_valid_swaps=spec.only_valid_swaps,
        )
        twins = [twin for own in twins_of(scenes, seed=spec.seed) for twin in own]
        return self._chunks(model_id, (scenes, twins), spec=spec, started=started)

    def _chunks(
        self, model_id: str, shown: tuple[list[Scene], list[Scene]], *, spec: SurveySpec, started: float
    ) -> Iterator[Progress | Survey]:
        """``shown``: the scenes of the survey, and the twins that the paired contest needs beside them."""
        scenes, twins = shown
        parts: list[Judged] = []
        floor = 0.0
        done = 0
        for part in judged_in_chunks(
            self._embedder, model_id, scenes=scenes, wording=spec.wording, control=spec.control, seed=spec.seed
        ):
            if not parts and spec.control == "none":
                floor = self._noise.floor_of(part)
            parts.append(part)
            done += len(part.scenes)
            has_swap = np.concatenate([p.contest.has_swap for p in parts])
            right = np.concatenate([p.contest.margin for p in parts]) > max(floor, RESOLUTION)
            yield Progress(done, len(scenes), wilson(int((right & has_swap).sum()), int(has_swap.sum())))
        anchors = np.concatenate([part.anchors for part in parts])
        if twins and self._embedder.models.info(model_id).reads("image"):
            beside = pictures_of(
                self._embedder, model_id, scenes=twins, control=spec.control, seed=spec.seed + len(scenes)
            )
            anchors = np.concatenate([anchors, beside])
        paired = contest_scores(
            self._embedder, model_id, scenes=[*scenes, *twins], wording=spec.wording, floor=floor, anchors=anchors
        )
        yield _joined(parts, paired, spec=spec, milliseconds=1000 * (time.perf_counter() - started))


def _joined(parts: list[Judged], paired: ContestScores, *, spec: SurveySpec, milliseconds: float) -> Survey:
    space, edge = parts[0].scenes[0].space, paired.resolution
    scenes = [scene for p in parts for scene in p.scenes]
    count = len(scenes)
    labels, bags = paired.labels.take(np.arange(count)), paired.pairs.bag[:count]
    margin = np.concatenate([p.contest.margin for p in parts])
    has_swap = np.concatenate([p.contest.has_swap for p in parts])
    recognition = Recognition.joined((p.recognition for p in parts), concepts=len(space.names))
    lost = np.flatnonzero(has_swap & (margin <= edge))
    order = lost[np.argsort(margin[lost], kind="stable")][:MAX_FAILURES]
    return Survey(
        scenes=count,
        twins=len(paired.scenes) - count,
        anchor="text" if parts[0].text_only else "image",
        noise_floor=edge,
        binding=paired.binding,
        order_against_meaning=paired.order_against_meaning,
        swap_accuracy=_share((margin > edge)[has_swap], bags[has_swap]),
        swap_accuracy_chance=caption_chance([own for p in parts for own in p.candidates]),
        undecided=_share((np.abs(margin) <= edge)[has_swap], bags[has_swap]),
        no_valid_swap=int((~has_swap).sum()),
        recognition=recognition_intervals(recognition, space.names, has_swap=has_swap, bags=bags),
        chance=chance(space.values, space.names, scenes=labels.scenes),
        object_chance=strict_chance(labels),
        atlas=_atlas(parts, edge),
        failures=[scenes[i] for i in order],
        milliseconds=round(milliseconds, 3),
        provenance=provenance(
            parts[0].info,
            space=space.name,
            template=spec.wording.captioner.template,
            seed=spec.seed,
            dataset=spec.dataset,
        ),
    )


def _share(hits: NDArray[np.bool_], bags: NDArray[np.int64]) -> Interval:
    """Share of scenes, which n counts, with its interval over their bags."""
    return replace(share_over_bags(hits, bags), n=len(hits))


def _atlas(parts: list[Judged], floor: float) -> list[AtlasCell]:
    """One trial per valid swap: the best true caption against the best caption of that swap."""
    scenes = [scene for p in parts for scene in p.scenes]
    exchanges: list[tuple[int, int, int]] = []
    margins: list[float] = []
    owners: list[int] = []
    number = 0
    for part in parts:
        best = part.true_scores.max(axis=1, initial=-np.inf)
        for row, own in enumerate(part.candidates):
            score = dict(zip(own.swap_texts, part.swap_scores[row].tolist(), strict=False))
            for swap, texts in own.swaps if np.isfinite(best[row]) else ():
                gap = float(best[row]) - max(score[text] for text in texts)
                for exchange in _exchanges(part.values[row], swap):
                    exchanges.append(exchange)
                    margins.append(gap)
                    owners.append(number)
            number += 1
    concepts = scenes[0].space.concepts
    return [
        AtlasCell(
            concepts[e.concept].name,
            concepts[e.concept].values[e.value],
            concepts[e.concept].values[e.other],
            e.swapped,
            e.undecided,
            e.mean_margin,
            scenes[e.example],
        )
        for e in swap_atlas(
            np.array(exchanges, dtype=np.int64).reshape(-1, 3),
            np.array(margins),
            floor=floor,
            scene_of=np.array(owners, dtype=np.int64),
        )
    ]


def _exchanges(values: NDArray[np.int64], swap: Swap) -> list[tuple[int, int, int]]:
    """(concept, lower value, higher value) that the swap exchanged.

    With two concepts, exchanging one is the same as exchanging the other, so both are counted.
    """
    first, second = values[swap.first], values[swap.second]
    concepts = range(len(first)) if len(first) == 2 else (swap.concept,)
    return [(k, int(min(first[k], second[k])), int(max(first[k], second[k]))) for k in concepts]

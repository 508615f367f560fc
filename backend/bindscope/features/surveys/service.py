"""The verdict over many seeded scenes: binding score, recognition and the swap atlas, with progress."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.atlas import AtlasEntry, enough_scenes, swap_atlas
from bindscope.analysis.binding import Binding, StrictChance, share_over_bags, strict_chance
from bindscope.analysis.metrics import Interval, wilson
from bindscope.analysis.verdict import RESOLUTION, Recognition, chance, recognition_intervals
from bindscope.core.errors import InvalidInput, UnsupportedModality
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.contests import caption_chance, twins_of
from bindscope.scenes.sampling import sample_scenes
from bindscope.scenes.scene import Scene
from bindscope.services.container import Services
from bindscope.services.embedder import Control
from bindscope.services.judging import (
    CHUNK,
    ContestScores,
    Judged,
    Wording,
    contest_scores,
    judged_in_chunks,
    pictures_of,
)
from bindscope.services.provenance import Provenance, provenance
from bindscope.services.robustness import surroundings

MAX_FAILURES = 24


@dataclass(frozen=True)
class SurveySpec:
    """Which scenes, and how they are shown and said. ``dataset``: scenes of an upload, each at most once.
    ``robust_scenes``: how many of the scenes with a winner are changed by a hair, to see whether they keep it."""

    count: int
    seed: int
    objects: int
    layout: str
    only_valid_swaps: bool
    control: Control
    wording: Wording
    dataset: str | None = None
    robust_scenes: int = 12


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
    shrunk: Interval
    shown: bool
    undecided: int
    mean_margin: float
    example: Scene


@dataclass(frozen=True)
class Survey:
    """What ``VerdictBatch`` carries, with scenes in place of their wire form."""

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
    robust: Interval | None
    atlas: list[AtlasCell]
    atlas_needed: int | None
    failures: list[Scene]
    milliseconds: float
    provenance: Provenance


class Surveys:
    """Judges chunks of scenes and joins them."""

    def __init__(self, parts: Services) -> None:
        self._embedder, self._noise, self._sources = parts.embedder, parts.noise, parts.sources

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
        reads_pictures = self._embedder.models.info(model_id).reads("image")
        parts: list[Judged] = []
        beside: list[NDArray[np.float32]] = []
        floor, done = 0.0, 0
        for part in judged_in_chunks(
            self._embedder, model_id, scenes=scenes, wording=spec.wording, control=spec.control, seed=spec.seed
        ):
            if not parts and spec.control == "none":
                floor = self._noise.floor_of(part)
            parts.append(part)
            own = twins[len(twins) * done // len(scenes) : len(twins) * (done + len(part.scenes)) // len(scenes)]
            if own and reads_pictures:
                seed = spec.seed + len(scenes) + done
                beside.append(pictures_of(self._embedder, model_id, scenes=own, control=spec.control, seed=seed))
            done += len(part.scenes)
            has_swap = np.concatenate([p.contest.has_swap for p in parts])
            right = np.concatenate([p.contest.margin for p in parts]) > max(floor, RESOLUTION)
            yield Progress(done, len(scenes), wilson(int((right & has_swap).sum()), int(has_swap.sum())))
        anchors = np.concatenate([*(part.anchors for part in parts), *beside]) if reads_pictures else None
        paired = contest_scores(
            self._embedder, model_id, scenes=[*scenes, *twins], wording=spec.wording, floor=floor, anchors=anchors
        )
        robust = self._robust(parts, paired, spec)
        yield _joined(parts, paired, robust=robust, spec=spec, milliseconds=1000 * (time.perf_counter() - started))

    def _robust(self, parts: Sequence[Judged], paired: ContestScores, spec: SurveySpec) -> Interval | None:
        """Share of some scenes with a winner that keep it when they change by a hair; None where none was tried."""
        if spec.control != "none":
            return None
        decided = [
            (number, row)
            for number, part in enumerate(parts)
            for row in np.flatnonzero(np.abs(part.contest.margin) > paired.resolution).tolist()
        ]
        chosen = np.random.default_rng([spec.seed, len(decided)]).permutation(len(decided))[: spec.robust_scenes]
        stable, bags = [], []
        for number, row in (decided[i] for i in np.sort(chosen)):
            found, _ = surroundings(self._embedder, parts[number], row, wording=spec.wording, floor=paired.resolution)
            if found is not None:
                stable.append(found.stable)
                bags.append(paired.pairs.bag[number * CHUNK + row])
        return share_over_bags(stable, np.array(bags)) if stable else None


def _joined(
    parts: list[Judged], paired: ContestScores, *, robust: Interval | None, spec: SurveySpec, milliseconds: float
) -> Survey:
    space, edge = parts[0].scenes[0].space, paired.resolution
    scenes = [scene for p in parts for scene in p.scenes]
    count = len(scenes)
    labels, bags = paired.labels.take(np.arange(count)), paired.pairs.bag[:count]
    margin = np.concatenate([p.contest.margin for p in parts])
    has_swap = np.concatenate([p.contest.has_swap for p in parts])
    recognition = Recognition.joined((p.recognition for p in parts), concepts=len(space.names))
    lost = np.flatnonzero(has_swap & (margin <= edge))
    order = lost[np.argsort(margin[lost], kind="stable")][:MAX_FAILURES]
    atlas, needed = _atlas(paired, count)
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
        object_chance=strict_chance(labels.take(has_swap)),
        robust=robust,
        atlas=atlas,
        atlas_needed=needed if spec.dataset is None else None,
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


def _atlas(paired: ContestScores, scenes: int) -> tuple[list[AtlasCell], int | None]:
    """Each contest is one trial of the atlas; and how many sampled ``scenes`` would give its cells enough of them."""
    count = len(paired.contestants)
    leads = np.bincount(paired.contest, weights=paired.leads, minlength=count)
    orders = np.bincount(paired.contest, minlength=count)
    row = np.zeros(count, dtype=np.int64)
    row[paired.contest] = paired.trials.row
    trials = [
        (*exchange, number)
        for number in np.flatnonzero(orders).tolist()
        for exchange in paired.contestants[number].exchanges()
    ]
    table = np.array(trials, dtype=np.int64).reshape(-1, 4)
    own = table[:, 3]
    entries = swap_atlas(table[:, :3], leads[own] / orders[own], floor=paired.resolution, scene_of=row[own])
    space = paired.scenes[0].space
    sizes = np.array(space.values)
    met = np.bincount(table[:, 0], minlength=len(sizes))
    return [_cell(paired, entry) for entry in entries], enough_scenes(scenes, met, sizes * (sizes - 1))


def _cell(paired: ContestScores, entry: AtlasEntry) -> AtlasCell:
    concept = paired.scenes[0].space.concepts[entry.concept]
    return AtlasCell(
        concept=concept.name,
        value=concept.values[entry.value],
        other=concept.values[entry.other],
        swapped=entry.swapped,
        shrunk=entry.shrunk,
        shown=entry.shown,
        undecided=entry.undecided,
        mean_margin=entry.mean_margin,
        example=paired.scenes[entry.example],
    )

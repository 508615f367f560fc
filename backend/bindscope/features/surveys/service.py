"""The verdict over many seeded scenes: binding score, recognition and the swap atlas, with progress."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.atlas import AtlasEntry, enough_scenes, swap_atlas
from bindscope.analysis.binding import share_over_bags, strict_chance
from bindscope.analysis.metrics import Interval, wilson
from bindscope.analysis.verdict import RESOLUTION, Recognition, chance, recognition_intervals
from bindscope.core.errors import UnsupportedModality
from bindscope.features.surveys.schemas import SURVEY, AtlasCell, BatchProgress, VerdictBatch, VerdictBatchRequest
from bindscope.features.verdicts.service import wording_of
from bindscope.scenes.contests import caption_chance
from bindscope.scenes.scene import Scene
from bindscope.scenes.wire import from_scene
from bindscope.services.container import Services
from bindscope.services.judging import (
    CHUNK,
    ContestScores,
    Judged,
    Wording,
    contest_scores,
    judged_in_chunks,
    pictures_of,
)
from bindscope.services.noise import surroundings
from bindscope.services.pools import ScenePool

MAX_FAILURES = 24


class Surveys:
    """Judges chunks of scenes and joins them."""

    def __init__(self, parts: Services) -> None:
        self._parts, self._embedder, self._noise = parts, parts.embedder, parts.noise

    def run(self, asked: VerdictBatchRequest) -> Iterator[BatchProgress | VerdictBatch]:
        """Progress after each chunk, then the survey. What can be refused is refused at once.

        Raises UnknownName, UnsupportedModality, InvalidInput.
        """
        pool = self._parts.pools.asked(asked)
        info = self._embedder.models.info(asked.model)
        if asked.control != "none" and not info.reads("image"):
            raise UnsupportedModality(f"Model {asked.model!r} reads no pictures, so there are no pixels to spoil.")
        wording = wording_of(asked.template, asked.articles, asked.orders)
        scenes = pool.sample(
            info,
            count=asked.count,
            seed=asked.seed,
            objects=asked.objects,
            layout=asked.layout,
            only_valid_swaps=asked.only_valid_swaps,
        )
        survey = Survey(asked, pool, wording, scenes, pool.twins(scenes, seed=asked.seed))
        return self._parts.analyses.steps(
            SURVEY, asked, numbers=pool.contents(asked.model), compute=lambda: self._chunks(survey)
        )

    def _chunks(self, survey: "Survey") -> Iterator[BatchProgress | VerdictBatch]:
        asked, scenes, twins = survey.asked, survey.scenes, survey.twins
        reads_pictures = self._embedder.models.info(asked.model).reads("image")
        parts: list[Judged] = []
        beside: list[NDArray[np.float32]] = []
        floor, done = 0.0, 0
        for part in judged_in_chunks(
            self._embedder, asked.model, scenes=scenes, wording=survey.wording, control=asked.control, seed=asked.seed
        ):
            if not parts and asked.control == "none":
                floor = self._noise.floor_of(part)
            parts.append(part)
            own = twins[len(twins) * done // len(scenes) : len(twins) * (done + len(part.scenes)) // len(scenes)]
            if own and reads_pictures:
                seed = asked.seed + len(scenes) + done
                beside.append(pictures_of(self._embedder, asked.model, scenes=own, control=asked.control, seed=seed))
            done += len(part.scenes)
            has_swap = np.concatenate([p.contest.has_swap for p in parts])
            right = np.concatenate([p.contest.margin for p in parts]) > max(floor, RESOLUTION)
            so_far = wilson(int((right & has_swap).sum()), int(has_swap.sum()))
            yield BatchProgress.of(None, done=done, total=len(scenes), swap_accuracy=so_far)
        anchors = np.concatenate([*(part.anchors for part in parts), *beside]) if reads_pictures else None
        paired = contest_scores(
            self._embedder,
            asked.model,
            scenes=[*scenes, *twins],
            wording=survey.wording,
            floor=floor,
            anchors=anchors,
        )
        yield _joined(survey, parts, paired, robust=self._robust(survey, parts, paired))

    def _robust(self, survey: "Survey", parts: Sequence[Judged], paired: ContestScores) -> Interval | None:
        """Share of some scenes with a winner that keep it when they change by a hair; None where none was tried."""
        asked = survey.asked
        if asked.control != "none":
            return None
        decided = [
            (number, row)
            for number, part in enumerate(parts)
            for row in np.flatnonzero(np.abs(part.contest.margin) > paired.resolution).tolist()
        ]
        chosen = np.random.default_rng([asked.seed, len(decided)]).permutation(len(decided))[: asked.robust_scenes]
        stable, bags = [], []
        for number, row in (decided[i] for i in np.sort(chosen)):
            found, _ = surroundings(self._embedder, parts[number], row, wording=survey.wording, floor=paired.resolution)
            if found is not None:
                stable.append(found.stable)
                bags.append(paired.pairs.bag[number * CHUNK + row])
        return share_over_bags(stable, np.array(bags)) if stable else None


@dataclass(frozen=True, eq=False)
class Survey:
    """What is asked, and the scenes with the twins that the paired contest needs beside them."""

    asked: VerdictBatchRequest
    pool: ScenePool
    wording: Wording
    scenes: list[Scene]
    twins: list[Scene]


def _joined(survey: Survey, parts: list[Judged], paired: ContestScores, *, robust: Interval | None) -> VerdictBatch:
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
    return VerdictBatch.of(
        None,
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
        atlas_needed=needed if survey.pool.can_draw else None,
        failures=[from_scene(scenes[i]) for i in order],
        provenance=survey.pool.provenance(parts[0].info, seed=survey.asked.seed),
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
    return AtlasCell.of(
        None,
        concept=concept.name,
        value=concept.values[entry.value],
        other=concept.values[entry.other],
        swapped=entry.swapped,
        shrunk=entry.shrunk,
        shown=entry.shown,
        undecided=entry.undecided,
        mean_margin=entry.mean_margin,
        example=from_scene(paired.scenes[entry.example]),
    )

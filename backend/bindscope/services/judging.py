"""Scores of many scenes at once: caption contests, concept queries, object queries.

The verdict, the survey and the search for counterexamples all read from here. ``contest_scores`` is the paired contest
behind every binding score of captions: over scenes and their twins, like with like.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import BagScores, Binding, Pairs, Trials, bag_interval, binding_of, forced_choice
from bindscope.analysis.contests import Captions, caption_leads, double_differences, picture_leads
from bindscope.analysis.metrics import Interval, cosines
from bindscope.analysis.verdict import RESOLUTION, Contest, Recognition, caption_scores, contest, recognise
from bindscope.core.errors import UnsupportedModality
from bindscope.encoders.protocol import EncoderInfo
from bindscope.scenes.captions import Captioner, mention_orders
from bindscope.scenes.concepts import ConceptSpace, Object
from bindscope.scenes.contests import Candidates, Contestant, Orders, candidates, contestants, spoken
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.scene import Scene
from bindscope.services.embedder import Control, Embedder

#: Scenes that are judged at a time.
CHUNK = 64


@dataclass(frozen=True)
class Wording:
    """How scenes are put into words."""

    captioner: Captioner
    orders: Orders


@dataclass(frozen=True)
class Contested:
    """Caption contests of scenes of one space. Arrays are [scene, ...]; caption scores are padded with -inf.

    ``anchors`` [scene, dim]: the pictures, or the captions as listed where the model reads texts only.
    """

    info: EncoderInfo
    scenes: Sequence[Scene]
    anchors: NDArray[np.float32]
    candidates: Sequence[Candidates]
    true_scores: NDArray[np.float64]
    swap_scores: NDArray[np.float64]
    contest: Contest
    cached: int

    @property
    def text_only(self) -> bool:
        """Whether captions are compared with a caption, not with the picture."""
        return not self.info.reads("image")


@dataclass(frozen=True)
class Judged(Contested):
    """The contests, and what the model recognises in each scene."""

    concept_scores: list[NDArray[np.float64]]
    object_scores: NDArray[np.float64]
    values: NDArray[np.int64]
    object_ids: NDArray[np.int64]
    recognition: Recognition


def contested(
    embedder: Embedder,
    model_id: str,
    *,
    scenes: Sequence[Scene],
    wordings: Sequence[Wording],
    control: Control = "none",
    seed: int = 0,
) -> Contested:
    """The caption contests of ``scenes`` (all of one space), each in a wording of its own, encoded in one batch.
    Raises UnsupportedModality, InvalidInput."""
    info = _reader_of_texts(embedder, model_id)
    text_only = not info.reads("image")
    known: dict[tuple[tuple[Object, ...], Wording], Candidates] = {}
    for scene, wording in zip(scenes, wordings, strict=True):
        if (scene.values, wording) not in known:
            known[scene.values, wording] = candidates(
                wording.captioner, scene.space, objects=scene.values, orders=wording.orders, text_only=text_only
            )
    competing = [known[scene.values, wording] for scene, wording in zip(scenes, wordings, strict=True)]
    row = {text: i for i, text in enumerate(dict.fromkeys(t for c in known.values() for t in c.texts))}
    table = embedder.texts(model_id, list(row))
    if text_only:
        anchors, cached = table.vectors[[row[c.anchor] for c in competing]], table.cached
    else:
        pictures = embedder.scenes(model_id, scenes, control=control, seed=seed)
        anchors, cached = pictures.vectors, table.cached + pictures.cached
    true_scores = caption_scores(anchors, table.vectors, _rows(row, (c.true for c in competing)))
    swap_scores = caption_scores(anchors, table.vectors, _rows(row, (c.swap_texts for c in competing)))
    fought = contest(true_scores, swap_scores)
    return Contested(info, scenes, anchors, competing, true_scores, swap_scores, fought, cached)


def judge(
    embedder: Embedder,
    model_id: str,
    *,
    scenes: Sequence[Scene],
    wording: Wording,
    control: Control = "none",
    seed: int = 0,
) -> Judged:
    """Scores ``scenes`` (all of one space, equally many objects). Raises UnsupportedModality, InvalidInput."""
    wordings = [wording] * len(scenes)
    own = contested(embedder, model_id, scenes=scenes, wordings=wordings, control=control, seed=seed)
    labels = labels_of(scenes)
    concepts, objects = query_scores(embedder, model_id, space=scenes[0].space, wording=wording, anchors=own.anchors)
    return Judged(
        **vars(own),
        concept_scores=concepts,
        object_scores=objects,
        values=labels.scenes,
        object_ids=labels.object_ids,
        recognition=recognise(concepts, objects, scenes=labels.scenes, object_ids=labels.object_ids),
    )


def judged_in_chunks(
    embedder: Embedder,
    model_id: str,
    *,
    scenes: Sequence[Scene],
    wording: Wording,
    control: Control = "none",
    seed: int = 0,
) -> Iterator[Judged]:
    """``judge`` for many scenes, a few at a time and in order."""
    for start in range(0, len(scenes), CHUNK):
        yield judge(
            embedder,
            model_id,
            scenes=scenes[start : start + CHUNK],
            wording=wording,
            control=control,
            seed=seed + start,
        )


@dataclass(frozen=True, eq=False)
class ContestScores:
    """The paired contest of captions over ``scenes`` (rows of ``trials`` count them).

    ``leads`` [trial]: the own captions' mean cosine over the partner's, in the same orders of mention; with a text-only
    model one trial for each order of the anchor, and ``order_leads`` [trial] with the partner in the anchor's own
    order. ``contest`` [trial]: which of the ``contestants`` met, that is which values were exchanged. Leads within
    ``resolution`` are ties.
    """

    info: EncoderInfo
    scenes: Sequence[Scene]
    labels: SceneLabels
    pairs: Pairs
    trials: Trials
    leads: NDArray[np.float64]
    order_leads: NDArray[np.float64] | None
    contest: NDArray[np.int64]
    contestants: Sequence[Contestant]
    resolution: float

    @cached_property
    def scores(self) -> BagScores:
        """The paired forced choice of each bag; chance is exactly 1/2."""
        return forced_choice(self.trials, self.leads, resolution=self.resolution)

    @cached_property
    def double(self) -> BagScores:
        """The double difference of each bag, free of likings for certain texts or pictures; chance is 1/2."""
        return double_differences(self.trials, self.leads, resolution=self.resolution)

    @property
    def binding(self) -> Binding:
        """The headline, with the double difference beside it."""
        double = bag_interval(self.double.scores) if len(self.double) else None
        return binding_of([self.scores], double_difference=double)

    @property
    def order_against_meaning(self) -> Interval | None:
        """Text-only models: the same meaning in another order against another meaning in the same order."""
        if self.order_leads is None:
            return None
        return bag_interval(forced_choice(self.trials, self.order_leads, resolution=self.resolution).scores)


def contest_scores(
    embedder: Embedder,
    model_id: str,
    *,
    scenes: Sequence[Scene],
    wording: Wording,
    floor: float = 0.0,
    anchors: NDArray[np.float32] | None = None,
    control: Control = "none",
    seed: int = 0,
) -> ContestScores:
    """Every pair of partners that both occur among ``scenes`` (one space, equally many objects).

    Drawn scenes come with their twins (``scenes.contests.with_twins``); those of an upload count where both are there.
    ``anchors`` [scene, dim]: vectors of the pictures where they are at hand. ``floor``: the noise floor.
    Raises UnsupportedModality where the model reads no texts.
    """
    info = _reader_of_texts(embedder, model_id)
    labels = labels_of(scenes)
    pairs = Pairs.of(labels)
    trials = pairs.trials()
    text_only = not info.reads("image")
    orders = mention_orders(labels.slots)
    orders = orders if text_only or wording.orders == "all" else orders[:1]
    met = contestants([s.values for s in scenes], labels=labels, row=trials.row, goals=trials.other)
    said = spoken(wording.captioner, scenes[0].space, met=met, orders=orders)
    texts, captions = said.texts, Captions(said.own, said.other, said.distinct)
    table = embedder.texts(model_id, texts).vectors if texts else np.zeros((0, info.dim), dtype=np.float32)
    contest, order_leads = np.arange(len(trials)), None
    if text_only:
        by_order, same_order = caption_leads(table, captions=captions)
        contest, anchor = np.nonzero(~np.isnan(by_order))
        leads, order_leads = by_order[contest, anchor], same_order[contest, anchor]
    else:
        if anchors is None:
            anchors = pictures_of(embedder, model_id, scenes=scenes, control=control, seed=seed)
        leads = picture_leads(anchors[trials.row], table, captions=captions)
    resolution = max(floor, RESOLUTION)
    return ContestScores(
        info, scenes, labels, pairs, trials.take(contest), leads, order_leads, contest, met, resolution
    )


def labels_of(scenes: Sequence[Scene]) -> SceneLabels:
    """The labels of scenes of one space with equally many objects."""
    space = scenes[0].space
    return SceneLabels(np.array([s.values for s in scenes], dtype=np.int64), space.values, space.names)


def pictures_of(
    embedder: Embedder, model_id: str, *, scenes: Sequence[Scene], control: Control = "none", seed: int = 0
) -> NDArray[np.float32]:
    """Vectors [scene, dim], a few scenes at a time."""
    starts = range(0, len(scenes), CHUNK)
    parts = [
        embedder.scenes(model_id, scenes[start : start + CHUNK], control=control, seed=seed + start).vectors
        for start in starts
    ]
    return np.concatenate(parts)


def _reader_of_texts(embedder: Embedder, model_id: str) -> EncoderInfo:
    info = embedder.models.info(model_id)
    if not info.reads("text"):
        raise UnsupportedModality(
            f"Model {model_id!r} reads images only, so it has no captions to choose from: "
            "its embeddings can be probed, decomposed and edited, and a verdict needs a model with a text tower."
        )
    return info


def query_scores(
    embedder: Embedder, model_id: str, *, space: ConceptSpace, wording: Wording, anchors: NDArray[np.float32]
) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
    """Cosines of anchors [scene, dim] with one query per concept value and one per object."""
    captioner = wording.captioner
    queries = [captioner.concept_query(space, k, v) for k, size in enumerate(space.values) for v in range(size)]
    queries += [captioner.object_query(space, o) for o in space.objects()]
    scores = cosines(anchors, embedder.texts(model_id, queries).vectors)
    cuts = np.cumsum(space.values)
    *heads, objects = np.split(scores, cuts, axis=1)
    return heads, objects


def _rows(row: dict[str, int], texts: Iterable[Sequence[str]]) -> NDArray[np.int64]:
    """Indices [scene, caption] into the table, padded with -1."""
    lists = [[row[text] for text in own] for own in texts]
    out = np.full((len(lists), max((len(own) for own in lists), default=0)), -1, dtype=np.int64)
    for i, own in enumerate(lists):
        out[i, : len(own)] = own
    return out

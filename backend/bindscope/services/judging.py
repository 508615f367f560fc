"""Scores of many scenes at once: caption contest, concept queries, object queries.

The verdict, the survey and the search for counterexamples all read from here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.metrics import cosines
from bindscope.analysis.verdict import Contest, Recognition, caption_scores, contest, recognise
from bindscope.domain.captions import Captioner
from bindscope.domain.concepts import ConceptSpace
from bindscope.domain.contests import Candidates, Orders, candidates
from bindscope.domain.scenes import Scene
from bindscope.encoders.base import EncoderInfo
from bindscope.errors import UnsupportedModality
from bindscope.services.embedder import Control, Embedder

#: Scenes that are judged at a time.
CHUNK = 64


@dataclass(frozen=True)
class Wording:
    """How scenes are put into words."""

    captioner: Captioner
    orders: Orders


@dataclass(frozen=True)
class Judged:
    """Scores of scenes of one space. Arrays are [scene, ...]; caption scores are padded with -inf.

    ``true_texts`` and ``swap_texts`` name the columns of each scene's caption scores.
    """

    info: EncoderInfo
    scenes: Sequence[Scene]
    candidates: Sequence[Candidates]
    true_scores: NDArray[np.float64]
    swap_scores: NDArray[np.float64]
    contest: Contest
    concept_scores: list[NDArray[np.float64]]
    object_scores: NDArray[np.float64]
    values: NDArray[np.int64]
    object_ids: NDArray[np.int64]
    recognition: Recognition
    cached: int

    @property
    def text_only(self) -> bool:
        """Whether captions are compared with a caption, not with the picture."""
        return not self.info.reads("image")


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
    info = embedder.models.info(model_id)
    if not info.reads("text"):
        raise UnsupportedModality(
            f"Model {model_id!r} reads images only, so it has no captions to choose from: "
            "its embeddings can be probed, decomposed and edited, and a verdict needs a model with a text tower."
        )
    space = scenes[0].space
    text_only = not info.reads("image")
    competing = [
        candidates(wording.captioner, space, objects=s.values, orders=wording.orders, text_only=text_only)
        for s in scenes
    ]
    row = {text: i for i, text in enumerate(dict.fromkeys(t for c in competing for t in c.texts))}
    table = embedder.texts(model_id, list(row))
    if text_only:
        anchors, cached = table.vectors[[row[c.anchor] for c in competing]], table.cached
    else:
        pictures = embedder.scenes(model_id, scenes, control=control, seed=seed)
        anchors, cached = pictures.vectors, table.cached + pictures.cached
    true_scores = caption_scores(anchors, table.vectors, _rows(row, (c.true for c in competing)))
    swap_scores = caption_scores(anchors, table.vectors, _rows(row, (c.swap_texts for c in competing)))
    concept_scores, object_scores = query_scores(embedder, model_id, space=space, wording=wording, anchors=anchors)
    values = np.array([s.values for s in scenes], dtype=np.int64)
    object_ids = np.array([[space.object_id(o) for o in s.values] for s in scenes], dtype=np.int64)
    return Judged(
        info=info,
        scenes=scenes,
        candidates=competing,
        true_scores=true_scores,
        swap_scores=swap_scores,
        contest=contest(true_scores, swap_scores),
        concept_scores=concept_scores,
        object_scores=object_scores,
        values=values,
        object_ids=object_ids,
        recognition=recognise(concept_scores, object_scores, scenes=values, object_ids=object_ids),
        cached=cached,
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

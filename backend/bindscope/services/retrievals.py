"""Retrieval of scenes with their swapped twins in the gallery, from a model's own vectors."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.metrics import Interval, cosines
from bindscope.analysis.retrieval import Answers, Retrieved, approximate, padded, retrieve
from bindscope.domain.captions import Captioner
from bindscope.domain.concepts import ConceptSpace
from bindscope.domain.scenes import scene_in_slots
from bindscope.domain.swaps import valid_swaps
from bindscope.encoders.base import EncoderInfo, canonical_json
from bindscope.encoders.identity import text_digest
from bindscope.errors import InvalidInput, UnsupportedModality
from bindscope.services.embedder import Embedder
from bindscope.services.galleries import (
    Direction,
    Entry,
    Objects,
    RetrievalSpec,
    among_all,
    among_twins,
    check_upload,
    drawn,
    meaning,
    queried,
)
from bindscope.services.provenance import Provenance, provenance
from bindscope.services.sources import CHUNK, ModelSource, Sources
from bindscope.services.spaces import SpaceShelf

#: Queries that are shown, and results of each.
SHOWN, RESULTS = 100, 10
#: Queries on which the noise floor is measured, in these batch sizes.
_NOISE_QUERIES, _BATCHES = 4, (1, 32)


@dataclass(frozen=True)
class Hit:
    entry: Entry
    score: float
    right: bool
    twin: bool


@dataclass(frozen=True)
class QueryResult:
    """``rank`` of the first right item, from 1; ``twin_score`` None where the gallery has no twin."""

    query: Entry
    rank: int
    right_score: float
    twin_score: float | None
    results: list[Hit]


@dataclass(frozen=True)
class Retrieval:
    """What ``schemas.retrievals.RetrievalResponse`` carries, with domain objects."""

    direction: Direction
    recall: dict[int, Interval]
    swapped_first: Interval
    undecided: Interval
    noise_floor: float
    gallery: int
    queries: int
    items: list[QueryResult]
    approximate_recall: Interval | None
    seconds: float
    provenance: Provenance


@dataclass(frozen=True, eq=False)
class _Task:
    """Queries and gallery, also as vectors, and what is right for each query."""

    queries: list[Entry]
    gallery: list[Entry]
    asked: NDArray[np.float32]
    items: NDArray[np.float32]
    answers: Answers


class Retrievals:
    """Everything goes through the cache: a second question on the same scenes encodes nothing."""

    def __init__(self, embedder: Embedder, sources: Sources, spaces: SpaceShelf) -> None:
        self._embedder, self._sources, self._spaces = embedder, sources, spaces

    def digest(self, model: str, spec: RetrievalSpec) -> str:
        """A name for the numbers. Raises UnknownName, UnsupportedModality, InvalidInput."""
        _, _, spec = self._checked(model, spec)
        modality: Literal["image", "text"] = "text" if spec.direction == "text_to_text" else "image"
        source = ModelSource(model, spec.space, modality, spec.objects, spec.limit, spec.template)
        if spec.dataset is not None:
            texts = canonical_json([asdict(self.space(spec)), self._embedder.models.info(model).fingerprint.digest])
            return "-".join([self._sources.digest(self._sources.seen_by(spec.dataset, model)), text_digest(texts)])
        return self._sources.digest(source)

    def run(self, model: str, spec: RetrievalSpec) -> Retrieval:
        """Raises UnknownName, UnsupportedModality, InvalidInput, PayloadTooLarge."""
        started = time.perf_counter()
        info, space, spec = self._checked(model, spec)
        task = self._task(model, space, spec)
        share = None
        if spec.approximate:
            found, share = approximate(task.asked, task.items, task.answers, k=spec.k)
        else:
            found = retrieve(task.asked, task.items, task.answers, k=spec.k)
        floor = self._floor(model, space, task, found, spec.dataset)
        swapped, tied = found.swapped_first(floor)
        return Retrieval(
            direction=spec.direction,
            recall={k: found.recall(k) for k in sorted({1, *(n for n in (5, 10) if n < spec.k), spec.k})},
            swapped_first=swapped,
            undecided=tied,
            noise_floor=floor,
            gallery=len(task.gallery),
            queries=len(task.queries),
            items=_shown(task, found),
            approximate_recall=share,
            seconds=round(time.perf_counter() - started, 3),
            provenance=provenance(info, space=space.name, template=spec.template, seed=spec.seed, dataset=spec.dataset),
        )

    def _checked(self, model: str, spec: RetrievalSpec) -> tuple[EncoderInfo, ConceptSpace, RetrievalSpec]:
        """A model that reads text only is asked by text about text, whatever direction was given."""
        space = self.space(spec)
        Captioner(spec.template)
        info = self._embedder.models.info(model)
        if not info.reads("text"):
            raise UnsupportedModality(
                f"Model {model!r} reads images only, so no text can be searched or searched for: choose a model with a "
                "text tower."
            )
        if not info.reads("image"):
            spec = replace(spec, direction="text_to_text")
        if spec.dataset is not None:
            check_upload(self._sources.resolve(self._sources.seen_by(spec.dataset, model)), info, space, spec)
        elif spec.direction != "text_to_text" and info.pixels is not None and not space.renderable:
            raise InvalidInput(f"Space {space.name!r} cannot be drawn: choose text_to_text or another space.")
        return info, space, spec

    def _task(self, model: str, space: ConceptSpace, spec: RetrievalSpec) -> _Task:
        captioner = Captioner(spec.template)
        uploaded = self._uploaded(model, spec)
        scenes = queried(space, spec) if uploaded is None else drawn(uploaded, spec)
        texts = [captioner.caption(space, scene) for scene in scenes]
        pictures = {} if uploaded is None else {entry.objects: entry for entry in uploaded[::-1]}
        queries = [
            pictures.get(scene, Entry(scene, None)) if spec.direction == "image_to_text" else Entry(scene, text)
            for scene, text in zip(scenes, texts, strict=True)
        ]
        gallery = among_all(space, scenes, spec) if spec.distractors == "all" else among_twins(space, scenes, spec)
        if uploaded is not None and spec.direction == "text_to_image":
            wanted = {meaning(entry.objects) for entry in gallery}
            gallery = [e for e in uploaded if spec.distractors == "all" or meaning(e.objects) in wanted]
        places: dict[Objects, list[int]] = {}
        for number, entry in enumerate(gallery):
            places.setdefault(meaning(entry.objects), []).append(number)
        said = {entry.text: n for n, entry in enumerate(gallery)} if spec.direction == "text_to_text" else {}
        itself = [said.get(text, -1) for text in texts]
        right = [
            [n for n in places.get(meaning(scene), []) if n != own] for scene, own in zip(scenes, itself, strict=True)
        ]
        twins = [[n for t in valid_swaps(scene) for n in places.get(meaning(t.objects), [])] for scene in scenes]
        return _Task(
            queries,
            gallery,
            self._vectors(model, space, queries, spec.dataset),
            self._vectors(model, space, gallery, spec.dataset),
            Answers(padded(right), padded(twins), np.array(itself, dtype=np.int64)[:, None]),
        )

    def space(self, spec: RetrievalSpec) -> ConceptSpace:
        """That of the upload where its values have names, else the one that was asked for."""
        if spec.dataset is not None:
            with suppress(InvalidInput):
                return self._sources.space_of(spec.dataset)
        return self._spaces.get(spec.space)

    def _uploaded(self, model: str, spec: RetrievalSpec) -> list[Entry] | None:
        """The scenes of the upload, where there is one that stands for pictures."""
        if spec.dataset is None:
            return None
        scenes = self._sources.resolve(self._sources.seen_by(spec.dataset, model)).labels.scenes.tolist()
        return [Entry(tuple(map(tuple, scene)), None, row) for row, scene in enumerate(scenes)]

    def _vectors(
        self,
        model: str,
        space: ConceptSpace,
        entries: Sequence[Entry],
        dataset: str | None,
        *,
        batch: int | None = None,
    ) -> NDArray[np.float32]:
        """Through the cache; with ``batch`` past it, in batches of that size. Rows of an upload are as they are."""
        rows = [entry.row for entry in entries if entry.row is not None]
        if rows and dataset is not None:
            return self._sources.resolve(self._sources.seen_by(dataset, model)).embeddings[rows]
        texts = [entry.text for entry in entries if entry.text is not None]
        if texts:
            if batch is not None:
                return self._embedder.remeasure(model, texts, batch=batch)
            return self._embedder.texts(model, texts).vectors
        scenes = [scene_in_slots(space, entry.objects) for entry in entries]
        if batch is not None:
            return self._embedder.remeasure(model, scenes, batch=batch)
        parts = [self._embedder.scenes(model, scenes[i : i + CHUNK]).vectors for i in range(0, len(scenes), CHUNK)]
        return np.concatenate(parts)

    def _floor(self, model: str, space: ConceptSpace, task: _Task, found: Retrieved, dataset: str | None) -> float:
        """Largest change of the lead over the twin when queries and items are encoded in other batch sizes."""
        floor = 0.0
        for row in np.flatnonzero(np.isfinite(found.twin))[:_NOISE_QUERIES].tolist():
            right, twins = ([int(n) for n in rows[row] if n >= 0] for rows in (task.answers.right, task.answers.twins))
            entries = [task.gallery[n] for n in (*right, *twins)]
            before = _lead(task.asked[[row]], task.items[[*right, *twins]], len(right))
            for batch in _BATCHES:
                asked = self._vectors(model, space, [task.queries[row]], dataset, batch=batch)
                items = self._vectors(model, space, entries, dataset, batch=batch)
                floor = max(floor, abs(_lead(asked, items, len(right)) - before))
        return floor


def _lead(asked: NDArray[np.float32], items: NDArray[np.float32], right: int) -> float:
    scores = cosines(asked, items)[0]
    return float(scores[:right].max() - scores[right:].max())


def _shown(task: _Task, found: Retrieved) -> list[QueryResult]:
    """Failures first, the worst ranks before the others."""
    order = np.argsort(-found.ranks, kind="stable")[:SHOWN].tolist()
    return [
        QueryResult(
            task.queries[row],
            int(found.ranks[row]),
            float(found.right[row]),
            float(found.twin[row]) if np.isfinite(found.twin[row]) else None,
            [
                Hit(task.gallery[item], float(score), item in task.answers.right[row], item in task.answers.twins[row])
                for item, score in zip(found.top[row, :RESULTS].tolist(), found.scores[row, :RESULTS], strict=True)
                if np.isfinite(score)
            ],
        )
        for row in order
    ]

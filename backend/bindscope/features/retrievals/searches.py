"""A search made ready: queries, gallery and twins, also as vectors, from a model's towers or an upload."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import Pairs, Trials
from bindscope.analysis.contests import Captions, caption_leads
from bindscope.analysis.retrieval import Answers, padded, twin_leads
from bindscope.core.errors import InvalidInput, UnsupportedModality
from bindscope.encoders.protocol import EncoderInfo
from bindscope.features.retrievals.galleries import (
    Entry,
    Objects,
    among_all,
    among_twins,
    check_upload,
    drawn,
    meaning,
    queried,
    twins_among,
    with_twins,
)
from bindscope.features.retrievals.schemas import RetrievalRequest
from bindscope.scenes.captions import Captioner, mention_orders
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.contests import contestants, valid_swaps
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.scene import scene_in_slots
from bindscope.services.embedder import Embedder
from bindscope.services.noise import Encode
from bindscope.services.pools import ScenePool, ScenePools
from bindscope.services.pools.pool import CHUNK


@dataclass(frozen=True, eq=False)
class Search:
    """Queries and gallery, also as vectors, and what is right for each query.

    The first ``drawn`` queries are those that were asked for; the others are their swapped twins, which are asked too
    where twins are compared. ``members`` [query, any]: the gallery rows that show what a query shows.
    """

    space: ConceptSpace
    spec: RetrievalRequest
    queries: list[Entry]
    gallery: list[Entry]
    asked: NDArray[np.float32]
    items: NDArray[np.float32]
    answers: Answers
    members: NDArray[np.int64]
    labels: SceneLabels
    pairs: Pairs
    drawn: int


class Searches:
    """Makes searches ready; everything goes through the cache."""

    def __init__(self, embedder: Embedder, pools: ScenePools) -> None:
        self._embedder, self._pools = embedder, pools

    def checked(self, spec: RetrievalRequest) -> tuple[EncoderInfo, ConceptSpace, RetrievalRequest]:
        """A model that reads text only is asked by text about text, whatever direction was given.

        Raises UnknownName, UnsupportedModality, InvalidInput.
        """
        space = self.space(spec)
        Captioner(spec.template)
        info = self._embedder.models.info(spec.model)
        if not info.reads("text"):
            raise UnsupportedModality(
                f"Model {spec.model!r} reads images only, so no text can be searched or searched for: choose a model "
                "with a text tower."
            )
        pictures = self._pictures(spec)
        if not info.reads("image"):
            if pictures is not None:
                raise UnsupportedModality(
                    f"Model {spec.model!r} reads text only, and an upload stands for pictures: choose a model that "
                    "sees them, or a space."
                )
            spec = spec.model_copy(update={"direction": "text_to_text"})
        if pictures is not None:
            check_upload(pictures.embedded(), info, space, spec)
        elif spec.direction != "text_to_text" and info.pixels is not None and not space.renderable:
            raise InvalidInput(f"Space {space.name!r} cannot be drawn: choose text_to_text or another space.")
        return info, space, spec

    def prepared(self, space: ConceptSpace, spec: RetrievalRequest) -> Search:
        """Queries and gallery of a checked question, with their vectors."""
        captioner = Captioner(spec.template)
        uploaded = self._uploaded(spec)
        pictures = {} if uploaded is None else {entry.objects: entry for entry in uploaded[::-1]}
        scenes = queried(space, spec) if uploaded is None else drawn(uploaded, spec)
        every = with_twins(scenes) if uploaded is None else [*scenes, *twins_among(uploaded, scenes)]
        texts = [captioner.caption(space, scene) for scene in every]
        queries = [
            pictures.get(scene, Entry(scene, None)) if spec.direction == "image_to_text" else Entry(scene, text)
            for scene, text in zip(every, texts, strict=True)
        ]
        shown = with_twins(scenes)
        gallery = among_all(space, shown, spec) if spec.distractors == "all" else among_twins(space, shown, spec)
        if uploaded is not None and spec.direction == "text_to_image":
            wanted = {meaning(scene) for scene in shown}
            gallery = [e for e in uploaded if spec.distractors == "all" or meaning(e.objects) in wanted]
        places: dict[Objects, list[int]] = {}
        for number, entry in enumerate(gallery):
            places.setdefault(meaning(entry.objects), []).append(number)
        said = {entry.text: n for n, entry in enumerate(gallery)} if spec.direction == "text_to_text" else {}
        itself = [said.get(text, -1) for text in texts]
        members = [
            [n for n in places.get(meaning(scene), []) if n != own] for scene, own in zip(every, itself, strict=True)
        ]
        twins = [[n for t in valid_swaps(scene) for n in places.get(meaning(t.objects), [])] for scene in scenes]
        count, hidden = len(scenes), np.array(itself, dtype=np.int64)[:, None]
        labels = SceneLabels(np.array(every, dtype=np.int64), space.values, space.names)
        return Search(
            space,
            spec,
            queries,
            gallery,
            self.vectors(space, spec, queries),
            self.vectors(space, spec, gallery),
            Answers(padded(members[:count]), padded(twins), hidden[:count]),
            padded(members),
            labels,
            Pairs.of(labels),
            count,
        )

    def leads(self, search: Search) -> tuple[Trials, NDArray[np.float64]]:
        """How far the right scene is ahead of one swapped twin, [trial]; every pair is asked from both sides."""
        if search.spec.direction == "text_to_text":
            return self._caption_leads(search)
        return twin_leads(search.asked, search.items, search.pairs, members=search.members)

    def _caption_leads(self, search: Search) -> tuple[Trials, NDArray[np.float64]]:
        """Like with like: the query's meaning in the other orders of mention against its twin's in the same orders.

        The best caption would not do: a query is itself one of the captions of its scene, so its twin has one more.
        """
        trials, spec = search.pairs.trials(), search.spec
        listed = [entry.objects for entry in search.queries]
        met = contestants(listed, labels=search.labels, row=trials.row, goals=trials.other)
        captioner, orders = Captioner(spec.template), mention_orders(spec.objects)
        row: dict[str, int] = {}

        def said(objects: Objects) -> list[int]:
            texts = (captioner.caption(search.space, [objects[i] for i in order]) for order in orders)
            return [row.setdefault(text, len(row)) for text in texts]

        own, other = (
            np.array([said(objects) for objects in side], dtype=np.int64).reshape(len(met), len(orders))
            for side in ([one.own for one in met], [one.other for one in met])
        )
        distinct = (own[:, :, None] == own[:, None]).argmax(2) == np.arange(len(orders))
        table = self._embedder.texts(search.spec.model, list(row)).vectors
        as_listed = caption_leads(table, captions=Captions(own, other, distinct))[0][:, 0]
        able = np.flatnonzero(~np.isnan(as_listed))
        return trials.take(able), as_listed[able]

    def space(self, spec: RetrievalRequest) -> ConceptSpace:
        """That of the upload where its values have names, else the one that was asked for."""
        with suppress(InvalidInput):
            return self._pools.asked(spec).space
        return self._pools.drawn(spec.space).space

    def _pictures(self, spec: RetrievalRequest) -> ScenePool | None:
        """The upload that stands for pictures, where there is one."""
        pool = self._pools.asked(spec)
        return None if pool.can_draw else pool.pictures_of(spec.model)

    def _uploaded(self, spec: RetrievalRequest) -> list[Entry] | None:
        """The scenes of that upload."""
        pictures = self._pictures(spec)
        if pictures is None:
            return None
        scenes = pictures.embedded().labels.scenes.tolist()
        return [Entry(tuple(map(tuple, scene)), None, row) for row, scene in enumerate(scenes)]

    def vectors(
        self,
        space: ConceptSpace,
        spec: RetrievalRequest,
        entries: Sequence[Entry],
        *,
        encode: Encode | None = None,
    ) -> NDArray[np.float32]:
        """Through the cache, or by ``encode``. Rows of an upload are as they are."""
        rows = [entry.row for entry in entries if entry.row is not None]
        pictures = self._pictures(spec)
        if rows and pictures is not None:
            return pictures.embedded().embeddings[rows]
        texts = [entry.text for entry in entries if entry.text is not None]
        if texts:
            return self._embedder.texts(spec.model, texts).vectors if encode is None else encode(texts)
        scenes = [scene_in_slots(space, entry.objects) for entry in entries]
        if encode is not None:
            return encode(scenes)
        parts = [self._embedder.scenes(spec.model, scenes[i : i + CHUNK]).vectors for i in range(0, len(scenes), CHUNK)]
        return np.concatenate(parts)

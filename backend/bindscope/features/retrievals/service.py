"""Retrieval of scenes with their swapped twins in the gallery, from a model's own vectors."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import Binding, bag_interval, binding_of, forced_choice
from bindscope.analysis.contests import double_differences
from bindscope.analysis.metrics import cosines
from bindscope.analysis.retrieval import Retrieved, approximate, retrieve, swapped_first_chance
from bindscope.analysis.verdict import RESOLUTION
from bindscope.encoders.protocol import EncoderInfo, Modality
from bindscope.features.retrievals.galleries import Entry
from bindscope.features.retrievals.schemas import (
    RETRIEVAL,
    RetrievalItem,
    RetrievalRequest,
    RetrievalResponse,
    RetrievedItem,
)
from bindscope.features.retrievals.searches import Search, Searches
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.scene import Origin, scene_in_slots
from bindscope.scenes.wire import SceneModel, from_scene
from bindscope.services.container import Services
from bindscope.services.noise import Encode, noise_floor
from bindscope.services.provenance import provenance

#: Queries that are shown, and results of each.
SHOWN, RESULTS = 100, 10
#: Queries on which the noise floor is measured.
_NOISE_QUERIES = 4


class Retrievals:
    """Everything goes through the cache: a second question on the same scenes encodes nothing."""

    def __init__(self, parts: Services) -> None:
        self._parts, self._embedder = parts, parts.embedder
        self._searches = Searches(parts.embedder, parts.pools)

    def answer(self, asked: RetrievalRequest) -> RetrievalResponse:
        """Raises UnknownName, UnsupportedModality, InvalidInput, PayloadTooLarge."""
        info, space, checked = self._searches.checked(asked)
        return self._parts.analyses.answer(
            RETRIEVAL,
            asked,
            numbers=self._numbers(checked, space),
            compute=lambda: self._computed(checked, space, info),
        )

    def _numbers(self, asked: RetrievalRequest, space: ConceptSpace) -> str:
        """A name for the vectors of both sides."""
        pool = self._parts.pools.asked(asked)
        if not pool.can_draw:
            return f"{pool.pictures_of(asked.model).digest()}-{self._parts.pools.values_of(space, asked.model)}"
        modality: Modality = "text" if asked.direction == "text_to_text" else "image"
        return self._parts.pools.drawn(
            asked.space,
            model=asked.model,
            modality=modality,
            objects=asked.objects,
            limit=asked.limit,
            template=asked.template,
        ).digest()

    def _computed(self, asked: RetrievalRequest, space: ConceptSpace, info: EncoderInfo) -> RetrievalResponse:
        search = self._searches.prepared(space, asked)
        share, queries, bags = None, search.asked[: search.drawn], search.pairs.bag[: search.drawn]
        if asked.approximate:
            found, share = approximate(queries, search.items, search.answers, k=asked.k)
        else:
            found = retrieve(queries, search.items, search.answers, k=asked.k)
        floor = self._floor(search, found)
        swapped, tied = found.swapped_first(floor, bags)
        ranks = sorted({1, *(n for n in (5, 10) if n < asked.k), asked.k})
        return RetrievalResponse.of(
            None,
            direction=asked.direction,
            binding=self._binding(search, floor),
            recall={str(k): found.recall(k, bags) for k in ranks},
            swapped_first=swapped,
            swapped_first_chance=swapped_first_chance(search.answers),
            undecided=tied,
            noise_floor=floor,
            gallery=len(search.gallery),
            queries=search.drawn,
            items=_shown(search, found),
            approximate_recall=share,
            provenance=provenance(
                info, space=space.name, template=asked.template, seed=asked.seed, dataset=asked.dataset
            ),
        )

    def _binding(self, search: Search, floor: float) -> Binding:
        """Is the right scene ahead of its swapped twin?"""
        trials, leads = self._searches.leads(search)
        edge = max(floor, RESOLUTION)
        double = double_differences(trials, leads, resolution=edge)
        beside = bag_interval(double.scores) if len(double) else None
        return binding_of([forced_choice(trials, leads, resolution=edge)], double_difference=beside)

    def _floor(self, search: Search, found: Retrieved) -> float:
        """Largest change of the lead over the twin when queries and items are encoded in other batch sizes."""
        floors = [0.0]
        for row in np.flatnonzero(np.isfinite(found.twin))[:_NOISE_QUERIES].tolist():
            right, twins = (
                [int(n) for n in rows[row] if n >= 0] for rows in (search.answers.right, search.answers.twins)
            )
            entries = [search.gallery[n] for n in (*right, *twins)]
            before = _lead(search.asked[[row]], search.items[[*right, *twins]], len(right))
            again = partial(self._lead_again, search, [search.queries[row]], entries, len(right))
            floors.append(noise_floor(self._embedder, search.spec.model, again, before=before))
        return max(floors)

    def _lead_again(
        self, search: Search, query: Sequence[Entry], entries: Sequence[Entry], right: int, encode: Encode
    ) -> float:
        asked, items = (
            self._searches.vectors(search.space, search.spec, some, encode=encode) for some in (query, entries)
        )
        return _lead(asked, items, right)


def _lead(asked: NDArray[np.float32], items: NDArray[np.float32], right: int) -> float:
    scores = cosines(asked, items)[0]
    return float(scores[:right].max() - scores[right:].max())


def _shown(search: Search, found: Retrieved) -> list[RetrievalItem]:
    """Failures first, the worst ranks before the others."""
    order = np.argsort(-found.ranks, kind="stable")[:SHOWN].tolist()
    return [
        RetrievalItem(
            scene=_scene(search, search.queries[row]),
            text=search.queries[row].text,
            rank=int(found.ranks[row]),
            right_score=float(found.right[row]),
            twin_score=float(found.twin[row]) if np.isfinite(found.twin[row]) else None,
            results=[
                RetrievedItem(
                    scene=_scene(search, search.gallery[item]),
                    text=search.gallery[item].text,
                    score=float(score),
                    right=item in search.answers.right[row],
                    twin=item in search.answers.twins[row],
                )
                for item, score in zip(found.top[row, :RESULTS].tolist(), found.scores[row, :RESULTS], strict=True)
                if np.isfinite(score)
            ],
        )
        for row in order
    ]


def _scene(search: Search, entry: Entry) -> SceneModel:
    dataset = search.spec.dataset
    origin = Origin(dataset, entry.row) if dataset is not None and entry.row is not None else None
    return from_scene(scene_in_slots(search.space, entry.objects, origin))

"""Retrieval of scenes with their swapped twins in the gallery, from a model's own vectors."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import Binding, bag_interval, binding_of, forced_choice
from bindscope.analysis.contests import double_differences
from bindscope.analysis.metrics import Interval, cosines
from bindscope.analysis.retrieval import Retrieved, approximate, retrieve, swapped_first_chance
from bindscope.analysis.verdict import RESOLUTION
from bindscope.core.hashing import canonical_json, digest_of_parts
from bindscope.features.retrievals.galleries import Direction, Entry, RetrievalSpec
from bindscope.features.retrievals.searches import Search, Searches
from bindscope.scenes.concepts import ConceptSpace
from bindscope.services.container import Services
from bindscope.services.noise import Encode, noise_floor
from bindscope.services.provenance import Provenance, provenance
from bindscope.services.sources import ModelSource

#: Queries that are shown, and results of each.
SHOWN, RESULTS = 100, 10
#: Queries on which the noise floor is measured.
_NOISE_QUERIES = 4


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
    """What ``RetrievalResponse`` carries, with scenes in place of their wire form."""

    direction: Direction
    binding: Binding
    recall: dict[int, Interval]
    swapped_first: Interval
    swapped_first_chance: float | None
    undecided: Interval
    noise_floor: float
    gallery: int
    queries: int
    items: list[QueryResult]
    approximate_recall: Interval | None
    seconds: float
    provenance: Provenance


class Retrievals:
    """Everything goes through the cache: a second question on the same scenes encodes nothing."""

    def __init__(self, parts: Services) -> None:
        self._embedder, self._sources = parts.embedder, parts.sources
        self._searches = Searches(parts.embedder, parts.sources, parts.spaces)

    def digest(self, model: str, spec: RetrievalSpec) -> str:
        """A name for the numbers. Raises UnknownName, UnsupportedModality, InvalidInput."""
        _, _, spec = self._searches.checked(model, spec)
        modality: Literal["image", "text"] = "text" if spec.direction == "text_to_text" else "image"
        source = ModelSource(model, spec.space, modality, spec.objects, spec.limit, spec.template)
        if spec.dataset is not None:
            asked = [asdict(self._searches.space(spec)), self._embedder.models.info(model).fingerprint.digest]
            seen = self._sources.digest(self._sources.seen_by(spec.dataset, model))
            return f"{seen}-{digest_of_parts([canonical_json(asked)])}"
        return self._sources.digest(source)

    def run(self, model: str, spec: RetrievalSpec) -> Retrieval:
        """Raises UnknownName, UnsupportedModality, InvalidInput, PayloadTooLarge."""
        started = time.perf_counter()
        info, space, spec = self._searches.checked(model, spec)
        search = self._searches.prepared(model, space, spec)
        share, asked, bags = None, search.asked[: search.drawn], search.pairs.bag[: search.drawn]
        if spec.approximate:
            found, share = approximate(asked, search.items, search.answers, k=spec.k)
        else:
            found = retrieve(asked, search.items, search.answers, k=spec.k)
        floor = self._floor(search, found)
        swapped, tied = found.swapped_first(floor, bags)
        return Retrieval(
            direction=spec.direction,
            binding=self._binding(search, floor),
            recall={k: found.recall(k, bags) for k in sorted({1, *(n for n in (5, 10) if n < spec.k), spec.k})},
            swapped_first=swapped,
            swapped_first_chance=swapped_first_chance(search.answers),
            undecided=tied,
            noise_floor=floor,
            gallery=len(search.gallery),
            queries=search.drawn,
            items=_shown(search, found),
            approximate_recall=share,
            seconds=round(time.perf_counter() - started, 3),
            provenance=provenance(info, space=space.name, template=spec.template, seed=spec.seed, dataset=spec.dataset),
        )

    def space(self, spec: RetrievalSpec) -> ConceptSpace:
        """That of the upload where its values have names, else the one that was asked for."""
        return self._searches.space(spec)

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
            floors.append(noise_floor(self._embedder, search.model, again, before=before))
        return max(floors)

    def _lead_again(
        self, search: Search, query: Sequence[Entry], entries: Sequence[Entry], right: int, encode: Encode
    ) -> float:
        asked, items = (
            self._searches.vectors(search.model, search.space, some, search.spec.dataset, encode=encode)
            for some in (query, entries)
        )
        return _lead(asked, items, right)


def _lead(asked: NDArray[np.float32], items: NDArray[np.float32], right: int) -> float:
    scores = cosines(asked, items)[0]
    return float(scores[:right].max() - scores[right:].max())


def _shown(search: Search, found: Retrieved) -> list[QueryResult]:
    """Failures first, the worst ranks before the others."""
    order = np.argsort(-found.ranks, kind="stable")[:SHOWN].tolist()
    return [
        QueryResult(
            search.queries[row],
            int(found.ranks[row]),
            float(found.right[row]),
            float(found.twin[row]) if np.isfinite(found.twin[row]) else None,
            [
                Hit(
                    search.gallery[item],
                    float(score),
                    item in search.answers.right[row],
                    item in search.answers.twins[row],
                )
                for item, score in zip(found.top[row, :RESULTS].tolist(), found.scores[row, :RESULTS], strict=True)
                if np.isfinite(score)
            ],
        )
        for row in order
    ]

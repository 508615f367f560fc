"""Retrieval with swapped twins in the gallery: exact top-k, strict ranks, and who came first.

Scores are cosines. An item is *right* for a query when it shows the same objects, in whatever order; a *twin* shows
them after a valid swap. A rank counts every item that is not right and scores at least as much as the best right one: a
tie is never right. Queries of one bag are no independent trials, so intervals count bags.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.binding import Pairs, Trials, share_over_bags
from bindscope.analysis.metrics import Interval, unit, wilson
from bindscope.analysis.verdict import RESOLUTION
from bindscope.core.errors import InvalidInput

if TYPE_CHECKING:
    import torch

Rows = NDArray[np.int64]

#: Scores held at a time: 64 MB of float32.
_SCORES = 1 << 24
#: Queries on which the recall of an approximate search is measured.
_SAMPLE = 200


@dataclass(frozen=True, eq=False)
class Answers:
    """Gallery rows of each query, [query, any] and padded with -1: ``right`` ones, ``twins``, and ``excluded`` ones,
    which are as good as absent (the query itself)."""

    right: Rows
    twins: Rows
    excluded: Rows

    def take(self, rows: Rows) -> "Answers":
        """Those of some queries."""
        return Answers(self.right[rows], self.twins[rows], self.excluded[rows])


@dataclass(frozen=True, eq=False)
class Retrieved:
    """``top`` [query, k] gallery rows from the highest score on (equal scores: lowest row first) and their ``scores``
    float32 [query, k]; ``ranks`` [query], from 1; ``right`` and ``twin`` [query], the best score of a right item and of
    a twin, -inf where the gallery has none.
    """

    top: Rows
    scores: NDArray[np.float32]
    ranks: Rows
    right: NDArray[np.float64]
    twin: NDArray[np.float64]

    def recall(self, k: int, bags: Rows) -> Interval:
        """Queries with a right item among the first ``k``; ``bags`` [query]."""
        return share_over_bags(self.ranks <= k, bags)

    def swapped_first(self, floor: float, bags: Rows) -> tuple[Interval, Interval]:
        """Of the queries that have a twin: the twin scores higher, and neither does by more than ``floor``.

        No fair coin: where the gallery has more twins than right items, twins win more often by number alone
        (``swapped_first_chance``).
        """
        both = np.isfinite(self.twin) & np.isfinite(self.right)
        lead = self.right[both] - self.twin[both]
        edge = max(floor, RESOLUTION)
        return share_over_bags(lead < -edge, bags[both]), share_over_bags(np.abs(lead) <= edge, bags[both])


def swapped_first_chance(answers: Answers) -> float | None:
    """How often the best of a query's twins and right items is a twin where their scores are exchangeable: mean over
    the queries that have both. None where there is none."""
    right, twins = ((rows >= 0).sum(1) for rows in (answers.right, answers.twins))
    both = (right > 0) & (twins > 0)
    return float((twins[both] / (right + twins)[both]).mean()) if both.any() else None


def twin_leads(
    queries: ArrayLike, gallery: ArrayLike, pairs: Pairs, *, members: Rows
) -> tuple[Trials, NDArray[np.float64]]:
    """The best right item against the best item of each swapped twin that is a query too: trials and leads [trial].

    ``queries`` [query, dim] each show another pairing of ``pairs``; ``gallery`` [item, dim]; ``members`` [query, any]
    are the gallery rows that show what a query shows, padded with -1.
    """
    asked, items = _unit32(queries), _unit32(gallery)
    trials = pairs.trials()
    low, high = np.divmod(trials.edge, len(pairs.objects))
    partner = np.argsort(pairs.pairing)[np.where(trials.side == 0, high, low)]
    leads = np.zeros(len(trials))
    step = max(1, _SCORES // items.shape[1])
    for first in range(0, len(trials), step):
        part = slice(first, first + step)
        own = asked[trials.row[part]]
        right, twin = (_best(own, items, members[rows[part]]) for rows in (trials.row, partner))
        leads[part] = right - twin
    return trials, leads


def retrieve(
    queries: ArrayLike,
    gallery: ArrayLike,
    answers: Answers,
    *,
    k: int,
    device: str = "cpu",
    tick: Callable[[], None] = lambda: None,
) -> Retrieved:
    """Exact search in chunks of the gallery.

    ``queries`` [query, dim], ``gallery`` [item, dim]. Raises InvalidInput for an empty gallery, a ``k`` that is larger
    than it, and a query without a right item.
    """
    import torch

    asked, items = _unit32(queries), _unit32(gallery)
    _check(len(asked), len(items), answers.right, k=k)
    best_right, best_twin = _best(asked, items, answers.right), _best(asked, items, answers.twins)
    with torch.inference_mode():
        wanted = torch.from_numpy(asked).to(device)
        edge = torch.from_numpy(best_right - RESOLUTION).to(device, torch.float32)
        ahead = torch.zeros(len(asked), dtype=torch.int64, device=device)
        top: tuple[torch.Tensor, torch.Tensor] | None = None
        step = max(1, min(len(items), _SCORES // max(len(asked), 1)))
        for first in range(0, len(items), step):
            tick()
            part = torch.from_numpy(items[first : first + step]).to(device)
            scores = wanted @ part.T
            _hide(scores, answers.excluded, first)
            values, rows = scores.topk(min(k, scores.shape[1]), dim=1)
            ahead += _reaching(scores, values, edge) - _counted(scores, answers.right, edge, first=first)
            top = _merged(top, values, rows + first, k=k)
        assert top is not None
    best, places = _in_order(top[0].cpu().numpy(), top[1].cpu().numpy())
    return Retrieved(places, best, 1 + ahead.cpu().numpy(), best_right, best_twin)


def approximate(queries: ArrayLike, gallery: ArrayLike, answers: Answers, *, k: int) -> tuple[Retrieved, Interval]:
    """The same by a graph index of faiss (HNSW), and the share of the true first ``k`` that it finds on a sample of the
    queries. Ranks beyond the list that is searched are unknown and count as the size of the gallery.

    Raises InvalidInput where faiss is not installed.
    """
    faiss = _faiss()
    asked, items = _unit32(queries), _unit32(gallery)
    right, hidden = answers.right, answers.excluded
    _check(len(asked), len(items), right, k=k)
    index = faiss.IndexHNSWFlat(items.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efSearch = max(128, 2 * k)
    index.add(items)
    depth = min(len(items), k + hidden.shape[1] + right.shape[1])
    scores, rows = index.search(asked, depth)
    scores[(rows[:, :, None] == hidden[:, None, :]).any(-1) | (rows < 0)] = -np.inf
    values, top = _in_order(scores, rows)
    good = (top[:, :, None] == right[:, None, :]).any(-1) & np.isfinite(values)
    best = np.where(good, values, -np.inf).max(1)
    ahead = ((values >= best[:, None] - RESOLUTION) & ~good).sum(1)
    ranks = np.where(np.isfinite(best), 1 + ahead, len(items)).astype(np.int64)
    exact_right, exact_twin = _best(asked, items, right), _best(asked, items, answers.twins)
    found = Retrieved(top[:, :k], values[:, :k], ranks, exact_right, exact_twin)
    sample = np.unique(np.linspace(0, len(asked) - 1, min(_SAMPLE, len(asked))).astype(np.int64))
    truth = retrieve(asked[sample], items, answers.take(sample), k=k)
    hits = (truth.top[:, :, None] == found.top[sample][:, None, :]).any(-1)
    return found, wilson(int(hits.sum()), hits.size)


def padded(rows: Iterable[Sequence[int]]) -> Rows:
    """Lists of rows as one array [query, most], padded with -1."""
    lists = list(rows)
    out = np.full((len(lists), max((len(own) for own in lists), default=0)), -1, dtype=np.int64)
    for number, own in enumerate(lists):
        out[number, : len(own)] = own
    return out


def _check(queries: int, items: int, right: Rows, *, k: int) -> None:
    if not items:
        raise InvalidInput("The gallery is empty: give it at least one item.")
    if not queries:
        raise InvalidInput("There is no query: ask for at least one.")
    if not 1 <= k <= items:
        raise InvalidInput(f"k is {k}, but the gallery has {items:,} items: choose k from 1 to {items:,}.")
    if not right.shape[1] or not (right >= 0).any(1).all():
        raise InvalidInput("Each query needs a right item in the gallery.")


def _unit32(vectors: ArrayLike) -> NDArray[np.float32]:
    rows = np.asarray(vectors, dtype=np.float32)
    square = np.einsum("nd,nd->n", rows, rows)
    if np.allclose(square, 1.0, atol=2e-6):
        return np.ascontiguousarray(rows)
    return unit(rows).astype(np.float32)


def _best(queries: NDArray[np.float32], items: NDArray[np.float32], rows: Rows) -> NDArray[np.float64]:
    """Highest cosine of each query with its own items; -inf where it has none."""
    best = np.full(len(queries), -np.inf)
    for column in rows.T:
        has = column >= 0
        own = np.einsum("qd,qd->q", queries[has], items[column[has]], dtype=np.float64)
        best[has] = np.maximum(best[has], own)
    return best


def _local(rows: Rows, first: int, size: int) -> tuple[Rows, Rows]:
    """Queries and places of the rows that lie in a chunk."""
    query, column = np.nonzero((rows >= first) & (rows < first + size))
    return query, rows[query, column] - first


def _hide(scores: "torch.Tensor", hidden: Rows, first: int) -> None:
    query, place = _local(hidden, first, scores.shape[1])
    if len(query):
        scores[query, place] = -float("inf")


def _counted(scores: "torch.Tensor", right: Rows, edge: "torch.Tensor", *, first: int) -> "torch.Tensor":
    """How many of the right items the comparison with ``edge`` has counted."""
    import torch

    out = torch.zeros(len(scores), dtype=torch.int64, device=scores.device)
    query, place = _local(right, first, scores.shape[1])
    if len(query):
        where = torch.from_numpy(query).to(scores.device)
        out.index_add_(0, where, (scores[query, place] >= edge[where]).long())
    return out


def _reaching(scores: "torch.Tensor", highest: "torch.Tensor", edge: "torch.Tensor") -> "torch.Tensor":
    """How many scores of each query reach its edge; most of the time the highest ones tell."""
    count = (highest >= edge[:, None]).sum(1)
    more = (highest[:, -1] >= edge).nonzero()[:, 0]
    if len(more):
        count[more] = (scores[more] >= edge[more, None]).sum(1)
    return count


def _merged(
    top: "tuple[torch.Tensor, torch.Tensor] | None", values: "torch.Tensor", rows: "torch.Tensor", *, k: int
) -> "tuple[torch.Tensor, torch.Tensor]":
    """The ``k`` highest so far, in no order."""
    import torch

    if top is None:
        return values, rows
    values, rows = torch.cat([top[0], values], dim=1), torch.cat([top[1], rows], dim=1)
    values, kept = values.topk(min(k, values.shape[1]), dim=1)
    return values, rows.gather(1, kept)


def _in_order(values: NDArray[np.float32], rows: Rows) -> tuple[NDArray[np.float32], Rows]:
    """From the highest on; of equal scores the lower row first."""
    order = np.lexsort((rows, -values), axis=1)
    return np.take_along_axis(values, order, axis=1), np.take_along_axis(rows, order, axis=1)


def _faiss() -> Any:
    try:
        import faiss
    except ImportError:
        raise InvalidInput(
            "Approximate search needs faiss: pip install faiss-cpu, or leave approximate out and search exactly."
        ) from None
    return faiss

"""Ridge regression on the presence of values, in closed form, its strength chosen by exact leave-one-bag-out.

One eigendecomposition of the centred training scenes serves all heads and all strengths. What a bag's own scenes would
be predicted without them follows from the fit to all: with H = X (X'X + aI)^-1 X' + 1/n and residuals e,
the left-out residuals of bag G are (I - H_GG)^-1 e_G. I - H_GG is built from the residual weights a / (w + a), so that
strengths of 1e-8 are exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from bindscope.analysis.binding.pairs import Trials
from bindscope.analysis.ridge_axes import BLOCK, Axes, axes_of
from bindscope.core import cancellation

Array = NDArray[np.float64]
Ids = NDArray[np.int64]

#: Strengths, in units of the mean eigenvalue of the training scenes.
GRID = 10.0 ** np.arange(4, -8.5, -0.5)
#: Scores that differ by at most this are equal: a tie is no hit.
TOLERANCE = 1e-9
#: Fewer bags than this leave nothing to choose a strength by.
LEAST_BAGS = 3

#: The leave-one-bag-out looks at whole bags up to this many scenes, and at no more scores (scenes times classes).
_SCENES, _SCORES = 4096, 1 << 24
#: Bags above this many scenes are solved along the axes instead, where these are fewer.
_LARGE = 64


@dataclass(frozen=True, eq=False)
class Head:
    """One linear head: ids [scene, slot] of what each scene shows, among ``size`` classes.

    ``swaps``: trials of the training scenes whose left-out forced choice helps to choose the strength.
    """

    ids: Ids
    size: int
    swaps: Trials | None = None


@dataclass(frozen=True, eq=False)
class RidgeHead:
    """``weights`` [class, dim] and ``offset`` [class]; ``strength`` (None: nothing could be fitted); ``edge``: the
    strength lies at an end of the grid where the left-out hits were still rising."""

    weights: Array
    offset: Array
    strength: float | None
    edge: bool = False


@dataclass(frozen=True, eq=False)
class RidgeFit:
    """Scores are weights @ (embedding - ``mean`` [dim]) + offset, one head after the other."""

    mean: Array
    heads: tuple[RidgeHead, ...]


def fit_ridge(
    rows: NDArray[np.floating], heads: Sequence[Head], bags: Ids, *, strength: float | None = None
) -> RidgeFit:
    """Fits every head to embeddings ``rows`` [scene, dim]; ``bags`` [scene] say which scenes are left out together.

    ``strength`` fixes it for all heads. A head that has nothing to rank, fewer than three bags or equal vectors gives a
    constant predictor with strength None: no figure can be made of it.
    """
    axes = axes_of(rows)
    mean = rows.mean(0, dtype=np.float64) if axes is None else axes.mean
    shares = [_presence(head).mean(0) for head in heads]
    names, bag = np.unique(bags, return_inverse=True)
    able = [_rankable(head) for head in heads]
    if axes is None or len(names) < LEAST_BAGS or not any(own.any() for own in able):
        empty = (
            RidgeHead(np.zeros((head.size, len(mean))), share, None) for head, share in zip(heads, shares, strict=True)
        )
        return RidgeFit(mean, tuple(empty))
    projected = [_projected(rows, head, axes) for head in heads]
    chosen: list[tuple[float | None, bool]]
    if strength is None:
        chosen = _LeaveOut(rows, heads, bag, axes, projected, shares, able).choose()
    else:
        chosen = [(strength, False)] * len(heads)
    out = []
    for head, share, UB, (own, edge) in zip(heads, shares, projected, chosen, strict=True):
        if own is None:
            out.append(RidgeHead(np.zeros((head.size, len(mean))), share, None))
            continue
        gain = np.sqrt(axes.w)[:, None] * UB / (axes.w + own * axes.unit)[:, None]
        out.append(RidgeHead(np.ascontiguousarray((axes.V @ gain / axes.top).T), share, own, edge))
    return RidgeFit(mean, tuple(out))


def _presence(head: Head) -> csr_array:
    """Zeros and ones [scene, class]; a value shown twice counts once."""
    count, slots = head.ids.shape
    where = (np.repeat(np.arange(count), slots), head.ids.reshape(-1))
    out = csr_array((np.ones(count * slots), where), shape=(count, head.size))
    out.sum_duplicates()
    out.data[:] = 1.0
    return out


def _rankable(head: Head) -> NDArray[np.bool_]:
    """Scenes [scene] that show some classes and lack others."""
    distinct = np.diff(_presence(head).indptr)
    return np.asarray((distinct > 0) & (distinct < head.size))


def _projected(rows: NDArray[np.floating], head: Head, axes: Axes) -> Array:
    """U'B [axis, class]: what each axis knows of each class."""
    presence = _presence(head)
    sums = np.zeros((head.size, rows.shape[1]))
    for at in range(0, len(rows), BLOCK):
        sums += presence[at : at + BLOCK].T @ rows[at : at + BLOCK].astype(np.float64)
    sums -= presence.sum(0)[:, None] * axes.mean
    out: Array = (axes.V / np.sqrt(axes.w)).T @ (sums.T / axes.top)
    return out


class _LeaveOut:
    """Left-out scores of whole bags under every strength of the grid, and the best strength of each head."""

    def __init__(
        self,
        rows: NDArray[np.floating],
        heads: Sequence[Head],
        bag: Ids,
        axes: Axes,
        projected: Sequence[Array],
        shares: Sequence[Array],
        able: Sequence[NDArray[np.bool_]],
    ) -> None:
        classes = sum(head.size for head in heads)
        self._looked = _some_bags(bag, most=max(256, min(_SCENES, _SCORES // max(1, classes))))
        self._heads, self._axes, self._count = heads, axes, len(rows)
        self._U = axes.coordinates(rows[self._looked])
        self._UB = np.concatenate(projected, axis=1)
        self._share = np.concatenate(shares)
        self._present = [_presence(head)[self._looked].toarray() > 0 for head in heads]
        self._B = np.concatenate(self._present, axis=1) - self._share
        self._unexplained = self._B - self._U @ self._UB
        self._able = [own[self._looked] for own in able]
        place = np.full(len(rows), -1, dtype=np.int64)
        place[self._looked] = np.arange(len(self._looked))
        self._swaps = [None if head.swaps is None else _placed(head.swaps, place) for head in heads]
        self._groups = _by_size(bag[self._looked])

    def choose(self) -> list[tuple[float | None, bool]]:
        """(strength, whether it lies at a rising end of the grid) of each head."""
        merits = []
        for strength in GRID:
            cancellation.check()
            left = self._left_out(float(strength) * self._axes.unit)
            merits.append(self._merits(left))
        out: list[tuple[float | None, bool]] = []
        for number, able in enumerate(self._able):
            if not able.any():
                out.append((None, False))
                continue
            own = [merit[number] for merit in merits]
            best = max(range(len(GRID)), key=lambda n: own[n])
            inner = {0: 1, len(GRID) - 1: len(GRID) - 2}.get(best, best)
            out.append((float(GRID[best]), own[best][:2] > own[inner][:2]))
        return out

    def _left_out(self, alpha: float) -> Array:
        """Residuals [scene, class] of each scene from the fit without its bag."""
        q = alpha / (self._axes.w + alpha)
        residual = self._unexplained + (self._U * q) @ self._UB
        left = np.empty_like(residual)
        for members in self._groups:
            U, e = self._U[members], residual[members]
            size, axes = U.shape[1:]
            along = size > _LARGE and size > axes
            left[members] = _along_axes(U, e, q, self._count) if along else _directly(U, e, q, self._count)
        return left

    def _merits(self, left: Array) -> list[tuple[float, float, float]]:
        """(strict hits, forced choice, minus squared error) of each head; the order says what counts first."""
        scores, first, out = self._B - left + self._share, 0, []
        for head, present, able, swaps in zip(self._heads, self._present, self._able, self._swaps, strict=True):
            own = scores[:, first : first + head.size]
            error = -float((left[:, first : first + head.size] ** 2).mean())
            low = np.where(present, own, np.inf).min(1)
            high = np.where(present, -np.inf, own).max(1)
            hits = float((low > high + TOLERANCE)[able].mean()) if able.any() else 0.0
            chosen = 0.0
            if swaps is not None and len(swaps):
                rows = swaps.row[:, None]
                lead = (own[rows, swaps.own] - own[rows, swaps.other]).sum(1)
                chosen = float(((lead > TOLERANCE) + 0.5 * (np.abs(lead) <= TOLERANCE)).mean())
            out.append((chosen, hits, error) if swaps is not None else (hits, 0.0, error))
            first += head.size
        return out


def _some_bags(bag: Ids, *, most: int) -> Ids:
    """Rows of whole bags, in a fixed shuffle of the bags, up to ``most`` scenes but at least LEAST_BAGS bags."""
    if len(bag) <= most:
        return np.arange(len(bag))
    order = np.random.default_rng(0).permutation(int(bag.max()) + 1)
    total = np.cumsum(np.bincount(bag)[order])
    return np.flatnonzero(np.isin(bag, order[: max(LEAST_BAGS, int((total <= most).sum()))]))


def _placed(trials: Trials, place: Ids) -> Trials:
    """The trials of the scenes that are looked at, their rows renumbered."""
    kept = trials.take(place[trials.row] >= 0)
    return Trials(place[kept.row], kept.own, kept.other, kept.edge, kept.side, kept.bag)


def _by_size(bag: Ids) -> list[Ids]:
    """Rows [bag, scene] of bags of equal size."""
    names, number, counts = np.unique(bag, return_inverse=True, return_counts=True)
    order = np.argsort(number, kind="stable")
    starts = np.cumsum(counts) - counts
    return [
        order[starts[counts == size][:, None] + np.arange(size)] for size in np.unique(counts).tolist() if len(names)
    ]


def _directly(U: Array, e: Array, q: Array, count: int) -> Array:
    """(I - H_GG)^-1 e for bags [bag, scene, axis] at once, from the residual weights."""
    size = U.shape[1]
    turned = U.transpose(0, 2, 1)
    system = np.eye(size) - U @ turned - 1.0 / count + (U * q) @ turned
    return _solved(system, e)


def _along_axes(U: Array, e: Array, q: Array, count: int) -> Array:
    """The same for bags with more scenes than axes: e + F (I - F'F)^-1 F'e with H_GG = FF'."""
    F = np.concatenate([U * np.sqrt(1.0 - q), np.full((*U.shape[:2], 1), count**-0.5)], axis=2)
    turned = F.transpose(0, 2, 1)
    return e + F @ _solved(np.eye(F.shape[2]) - turned @ F, turned @ e)


def _solved(systems: Array, sides: Array) -> Array:
    """Solutions of [bag, n, n] x = [bag, n, class]; where a bag alone determines a direction, by least squares."""
    try:
        found = np.linalg.solve(systems, sides)
        if np.isfinite(found).all():
            return cast(Array, found)
    except np.linalg.LinAlgError:
        pass
    return np.stack([np.linalg.lstsq(one, side, rcond=1e-10)[0] for one, side in zip(systems, sides, strict=True)])

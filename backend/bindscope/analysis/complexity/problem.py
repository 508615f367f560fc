"""What every family is fitted to: value indices of slot-and-concept columns, and centred embeddings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.complexity.splits import Fold, Rows
from bindscope.scenes.labels import SceneLabels

Array = NDArray[np.float64]
Tick = Callable[[], None]

#: Smaller than any slope that means something: a family that explains nothing is as good as the mean.
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Problem:
    """``codes`` int64 [scene, column], slot after slot and within a slot concept after concept; ``targets``
    [scene, dim], of mean squared deviation one for a dimension; ``folds`` of the cross-validation; ``seed``.
    """

    codes: Rows
    targets: Array
    values: tuple[int, ...]
    slots: int
    folds: tuple[Fold, ...]
    seed: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each column."""
        return self.values * self.slots

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The columns of each slot."""
        width = len(self.values)
        return tuple(tuple(range(s * width, (s + 1) * width)) for s in range(self.slots))


def codes_of(labels: SceneLabels) -> Rows:
    """Value indices [scene, column]."""
    return labels.scenes.reshape(len(labels), -1)


class Fitted(Protocol):
    """A fitted family."""

    @property
    def chosen(self) -> dict[str, float]: ...

    def predict(self, codes: Rows, /) -> Array: ...


class Family(Protocol):
    """Chooses its strengths on the folds of a problem and fits all of it; ``tick`` may raise."""

    def __call__(self, problem: Problem, tick: Tick, /) -> Fitted: ...


def one_hot(codes: Rows, sizes: Sequence[int]) -> Array:
    """Indicators [scene, value], columns side by side."""
    starts = np.cumsum([0, *sizes])
    out = np.zeros((len(codes), starts[-1]))
    for column, start in zip(codes.T, starts, strict=False):
        out[np.arange(len(codes)), start + column] = 1.0
    return out


class Validation:
    """Squared errors on held-out scenes of each setting, summed over folds.

    A setting's fits are multiplied by one *slope* in [0, 1], the one that suits the held-out scenes best: a family that
    does not carry over to unseen objects falls back to the mean.
    """

    def __init__(self, settings: int) -> None:
        self._cross, self._power = np.zeros(settings), np.zeros(settings)
        self._total = np.zeros(settings)

    def see(self, truth: Array, fitted: Mapping[int, Array]) -> None:
        """Adds one fold: ``truth`` [scene, dim] around the fold's mean, and what some settings give for it."""
        for number, guess in fitted.items():
            self._total[number] += np.vdot(truth, truth)
            self._cross[number] += np.vdot(truth, guess)
            self._power[number] += np.vdot(guess, guess)

    @property
    def slopes(self) -> Array:
        """Of each setting."""
        known = self._power > _TINY * self._total
        raw = np.divide(self._cross, self._power, out=np.zeros_like(self._cross), where=known)
        return np.clip(raw, 0.0, 1.0)

    @property
    def errors(self) -> Array:
        """Held-out squared error of each setting as a share of that of the mean; one for those that were not tried."""
        slope = self.slopes
        change = slope * slope * self._power - 2 * slope * self._cross
        return 1.0 + np.divide(change, self._total, out=np.zeros_like(change), where=self._total > 0)

"""Tree families: a random forest, and gradient boosting of trees with vectors at their leaves.

Trees see one indicator for each slot-and-concept value. Embeddings are turned into as many principal components as
carry nearly all of their spread, so that one tree predicts all of them at once; boosting with squared loss is then
plain boosting whose every stage is such a tree. Sizes of leaves, numbers of stages and the slope are chosen on held-out
objects.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.complexity.components import principal_components
from bindscope.analysis.complexity.problem import Array, Problem, Tick, Validation, one_hot
from bindscope.analysis.complexity.splits import Rows

#: Trees of a forest, in batches between which the work can be stopped, and of one in cross-validation.
_TREES, _BATCH, _VALIDATION_TREES = 100, 10, 20
#: Least number of scenes in a leaf of the forest.
_LEAVES = (1, 4, 16)
#: Stages of boosting after which it is judged.
_STAGES = (10, 20, 40, 80, 160)
_RATE, _DEPTH, _SUBSAMPLE = 0.15, 4, 0.8
#: Components: at most so many, or those that carry all but this share of the spread.
_COMPONENTS, _SPREAD_LEFT = 64, 1e-3
#: Cross-validation learns from no more scenes than this of each fold.
_VALIDATION_SCENES = 4096


@dataclass(frozen=True, eq=False)
class TreesFit:
    """Fitted ``trees``, each with its weight on components that ``axes`` [component, dim] turn back."""

    trees: tuple[tuple[float, Any], ...]
    axes: Array
    sizes: tuple[int, ...]
    chosen: dict[str, float]

    def predict(self, codes: Rows) -> Array:
        """Targets [scene, dim]."""
        # Scenes of equal values have equal fits: trees go through each of them once.
        distinct, back = np.unique(codes, axis=0, return_inverse=True)
        features = one_hot(distinct, self.sizes).astype(np.float32)
        total = np.zeros((len(distinct), len(self.axes)))
        for weight, tree in self.trees:
            total += weight * _leaves(tree, features)
        return (total @ self.axes)[back.reshape(-1)]


def fit_random_forest(problem: Problem, tick: Tick) -> TreesFit:
    """Bootstrapped trees, a third of the indicators tried at each split."""
    axes = principal_components(problem.targets, most=_COMPONENTS, spread_left=_SPREAD_LEFT)
    parts = problem.targets @ axes.T
    validation = Validation(len(_LEAVES))
    for fold, train in _folds(problem):
        mean = parts[train].mean(0)
        features, held = _features(problem, train), _features(problem, fold)
        guesses = (
            _average(_forest(features, parts[train] - mean, leaf, _VALIDATION_TREES, problem.seed, tick), held)
            for leaf in _LEAVES
        )
        validation.see(parts[fold] - mean, dict(enumerate(guesses)))
    best = int(validation.errors.argmin())
    slope = float(validation.slopes[best])
    everything = np.arange(len(parts))
    trees = _forest(_features(problem, everything), parts, _LEAVES[best], _TREES, problem.seed, tick)
    weight = slope / len(trees)
    return TreesFit(
        tuple((weight, tree) for tree in trees), axes, problem.sizes, {"leaf": float(_LEAVES[best]), "slope": slope}
    )


def fit_gradient_boosting(problem: Problem, tick: Tick) -> TreesFit:
    """Stages are small trees on a sample of the scenes each."""
    axes = principal_components(problem.targets, most=_COMPONENTS, spread_left=_SPREAD_LEFT)
    parts = problem.targets @ axes.T
    validation = Validation(len(_STAGES))
    for fold, train in _folds(problem):
        mean = parts[train].mean(0)
        held, guesses = _features(problem, fold), []
        total = np.zeros((len(fold), parts.shape[1]))
        for stage, tree in enumerate(
            _stages(_features(problem, train), parts[train] - mean, max(_STAGES), problem.seed, tick)
        ):
            total += _RATE * _leaves(tree, held)
            if stage + 1 in _STAGES:
                guesses.append(total.copy())
        validation.see(parts[fold] - mean, dict(enumerate(guesses)))
    best = int(validation.errors.argmin())
    slope = float(validation.slopes[best])
    features = _features(problem, np.arange(len(parts)))
    trees = tuple((slope * _RATE, tree) for tree in _stages(features, parts, _STAGES[best], problem.seed, tick))
    return TreesFit(trees, axes, problem.sizes, {"stages": float(_STAGES[best]), "slope": slope})


def _forest(features: NDArray[np.float32], parts: Array, leaf: int, count: int, seed: int, tick: Tick) -> list[Any]:
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(
        n_estimators=0, min_samples_leaf=leaf, max_features=1 / 3, n_jobs=1, random_state=seed % 2**32, warm_start=True
    )
    for grown in range(_BATCH, count + _BATCH, _BATCH):
        tick()
        forest.set_params(n_estimators=min(grown, count))
        forest.fit(features, parts if parts.shape[1] > 1 else parts[:, 0])
    return list(forest.estimators_)


def _stages(features: NDArray[np.float32], parts: Array, count: int, seed: int, tick: Tick) -> Iterator[Any]:
    from sklearn.tree import DecisionTreeRegressor

    rng = np.random.default_rng(seed)
    left = parts.copy()
    for _ in range(count):
        tick()
        rows = rng.choice(len(parts), max(1, int(_SUBSAMPLE * len(parts))), replace=False)
        tree = DecisionTreeRegressor(max_depth=_DEPTH, random_state=int(rng.integers(2**31)))
        tree.fit(features[rows], left[rows])
        left -= _RATE * _leaves(tree, features)
        yield tree


def _average(trees: list[Any], features: NDArray[np.float32]) -> Array:
    return np.asarray(sum(_leaves(tree, features) for tree in trees) / len(trees))


def _leaves(tree: Any, features: NDArray[np.float32]) -> Array:
    """What one tree says of [scene, feature]: [scene, component]."""
    values: Array = tree.tree_.value[tree.apply(features, check_input=False), :, 0]
    return values


def _features(problem: Problem, rows: Rows) -> NDArray[np.float32]:
    return one_hot(problem.codes[rows], problem.sizes).astype(np.float32)


def _folds(problem: Problem) -> Iterator[tuple[Rows, Rows]]:
    """Held-out rows and rows to learn from, thinned evenly where they are many."""
    for fold in problem.folds:
        step = -(-len(fold.train) // _VALIDATION_SCENES)
        yield fold.held, fold.train[::step]

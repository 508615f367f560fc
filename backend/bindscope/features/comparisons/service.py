"""A board of models on the same scenes, and where two of them differ."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bindscope.analysis.binding import difference_interval
from bindscope.analysis.comparison import PairTest, compared, paired, ranks, sign_flip
from bindscope.analysis.metrics import Interval
from bindscope.analysis.verdict import RESOLUTION, Recognition
from bindscope.core.binding_rules import LEAST_COMPARED
from bindscope.core.errors import BindscopeError, InvalidInput, UnsupportedModality
from bindscope.features.comparisons.rows import ComparisonSpec, Row, RowMaker, Trial
from bindscope.features.repairs.service import Repairs
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.contests import caption_chance, twins_of
from bindscope.scenes.sampling import sample_scenes
from bindscope.scenes.scene import Scene
from bindscope.services.container import Services
from bindscope.services.embedder import Control
from bindscope.services.judging import Wording, contest_scores, judged_in_chunks


@dataclass(frozen=True)
class Board:
    """``tests`` are of two rows with the same anchor; ``bags`` by anchor: how many sets of values were paired."""

    rows: list[Row]
    tests: list[PairTest]
    scenes: int
    bags: dict[str, int]
    seconds: float


@dataclass(frozen=True)
class BoardProgress:
    """``done`` of ``total`` rows are there; ``model`` (a ``kind`` of row) is measured now."""

    done: int
    total: int
    model: str
    kind: str


@dataclass(frozen=True)
class Difference:
    """A scene that two models decide differently; margins of the true caption over the best swap."""

    scene: Scene
    outcomes: tuple[str, str]
    margins: tuple[float, float]


@dataclass(frozen=True)
class Differences:
    """``difference`` of the binding scores of the two models and the ``p`` of a sign-flip over bags: None where they
    have different anchors; ``p`` None below ``LEAST_COMPARED`` bags."""

    items: list[Difference]
    total: int
    table: dict[str, int]
    scenes: int
    difference: Interval | None
    p: float | None
    seconds: float


class Comparisons:
    """Everything reuses what other questions have cached."""

    def __init__(self, parts: Services) -> None:
        self._embedder, self._noise, self._sources = parts.embedder, parts.noise, parts.sources
        self._spaces, self._rows = parts.spaces, RowMaker(parts.sources, parts.of(Repairs))

    def board(self, models: Sequence[str], spec: ComparisonSpec) -> Iterator[BoardProgress | Board]:
        """What is measured next, and at the end the board: rows in the order of ``models``, then the controls.

        Raises UnknownName, UnsupportedModality, InvalidInput.
        """
        started = time.perf_counter()
        wanted = list(dict.fromkeys(models))
        space = self._spaces.get(spec.space) if spec.dataset is None else self._sources.space_of(spec.dataset)
        named = [(name, "model") for name in wanted] + [(name, kind) for name, kind in self._controls(wanted)]
        scenes = self._scenes(wanted, space, spec)
        twins, trials, rows = self._twins(scenes, spec), [], []
        for done, (name, kind) in enumerate(named):
            yield BoardProgress(done, len(named), name, kind)
            trial = self._trial(name, (scenes, twins), spec, control="blank" if kind == "blind" else "none")
            trials.append(trial)
            rows.append(self._rows.row(name, kind, trial, spec))
        tests, bags = [], {}
        for anchor in dict.fromkeys(trial.anchor for trial in trials[: len(wanted)]):
            own = [n for n, trial in enumerate(trials[: len(wanted)]) if trial.anchor == anchor]
            scores = [trials[n].contest.scores for n in own]
            found = compared(scores, seed=spec.seed)
            for n, place in zip(own, ranks([rows[n].standing for n in own], found), strict=True):
                rows[n] = replace(rows[n], rank=place)
            tests += [replace(test, first=own[test.first], second=own[test.second]) for test in found]
            bags[anchor] = max(len(part) for part in scores)
        yield Board(rows, tests, len(scenes), bags, round(time.perf_counter() - started, 3))

    def differences(self, models: tuple[str, str], spec: ComparisonSpec, *, most: int) -> Differences:
        """Scenes that one of two models gets right and the other does not, the widest gaps first."""
        started = time.perf_counter()
        space = self._spaces.get(spec.space) if spec.dataset is None else self._sources.space_of(spec.dataset)
        scenes = self._scenes(models, space, spec)
        shown = scenes, self._twins(scenes, spec)
        one, other = (self._trial(name, shown, spec, control="none") for name in models)
        apart = np.flatnonzero(one.right != other.right)
        order = apart[np.argsort(-np.abs(one.margin - other.margin)[apart], kind="stable")][:most]
        table = {
            "both": int((one.right & other.right).sum()),
            "only_first": int((one.right & ~other.right).sum()),
            "only_second": int((other.right & ~one.right).sum()),
            "neither": int((~one.right & ~other.right).sum()),
        }
        items = [
            Difference(
                scenes[row],
                (one.outcome(row), other.outcome(row)),
                (float(one.margin[row]), float(other.margin[row])),
            )
            for row in order.tolist()
        ]
        difference, p = _difference(one, other, seed=spec.seed)
        seconds = round(time.perf_counter() - started, 3)
        return Differences(items, len(apart), table, len(scenes), difference, p, seconds)

    def _scenes(self, models: Sequence[str], space: ConceptSpace, spec: ComparisonSpec) -> list[Scene]:
        """The same for every model."""
        if spec.dataset is not None:
            samples = [
                self._sources.sample(spec.dataset, model, count=spec.count, seed=spec.seed, only_valid_swaps=True)
                for model in models
            ]
            return samples[0]
        layout = "random" if space.renderable else "slots"
        return sample_scenes(space, spec.count, seed=spec.seed, layout=layout, only_valid_swaps=True)

    def _twins(self, scenes: Sequence[Scene], spec: ComparisonSpec) -> list[Scene]:
        """Drawn scenes bring theirs, in the same places; an upload has those that it has."""
        if spec.dataset is not None:
            return self._sources.twins(spec.dataset, scenes, seed=spec.seed)
        return [twin for own in twins_of(scenes, seed=spec.seed) for twin in own]

    def _controls(self, models: Sequence[str]) -> list[tuple[str, str]]:
        """A random twin of the first model that has weights, and the first one that sees pictures without seeing."""
        found: list[tuple[str, str]] = []
        infos = {name: self._embedder.models.info(name) for name in models}
        weights = next(
            (n for n, own in infos.items() if own.family in ("bundled", "open_clip", "hf", "controlled")), ""
        )
        if weights and f"random:{weights}" not in models and not weights.startswith("random:"):
            try:
                self._embedder.models.info(f"random:{weights}")
                found.append((f"random:{weights}", "random"))
            except BindscopeError:
                pass  # it has no twin: the board goes without
        seeing = next((n for n, own in infos.items() if own.pixels is not None and own.reads("text")), "")
        if seeing:
            found.append((seeing, "blind"))
        return found

    def _trial(
        self, model: str, shown: tuple[list[Scene], list[Scene]], spec: ComparisonSpec, *, control: Control
    ) -> Trial:
        """``shown``: the scenes of the board, and the twins that the paired contest needs beside them."""
        scenes, twins = shown
        info, space = self._embedder.models.info(model), scenes[0].space
        if not info.reads("text"):
            raise UnsupportedModality(f"Model {model!r} reads images only: a board compares models with a text tower.")
        if info.pixels is not None and not space.renderable and spec.dataset is None:
            raise InvalidInput(f"Space {space.name!r} cannot be drawn: choose text-only models or another space.")
        wording = Wording(Captioner(spec.template), "all")
        parts = list(
            judged_in_chunks(self._embedder, model, scenes=scenes, wording=wording, control=control, seed=spec.seed)
        )
        floor = self._noise.floor_of(parts[0]) if control == "none" else 0.0
        return Trial(
            info,
            scenes,
            np.concatenate([part.contest.margin for part in parts]),
            max(floor, RESOLUTION),
            Recognition.joined((part.recognition for part in parts), concepts=len(space.names)),
            contest_scores(
                self._embedder,
                model,
                scenes=[*scenes, *twins],
                wording=wording,
                floor=floor,
                control=control,
                seed=spec.seed,
            ),
            caption_chance([own for part in parts for own in part.candidates]),
        )


def _difference(one: Trial, other: Trial, *, seed: int) -> tuple[Interval | None, float | None]:
    """Of the binding scores, over the bags that both were scored on; nothing across anchors."""
    if one.anchor != other.anchor:
        return None, None
    first, second = paired(one.contest.scores, other.contest.scores)
    p = sign_flip(first - second, seed=seed) if len(first) >= LEAST_COMPARED else None
    return difference_interval(first, second), p

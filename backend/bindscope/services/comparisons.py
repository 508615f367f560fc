"""A board of models on the same scenes, and where two of them differ."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.comparison import PairTest, compared, ranks
from bindscope.analysis.decomposition import decompose
from bindscope.analysis.metrics import Interval, wilson
from bindscope.analysis.probing import probe
from bindscope.analysis.verdict import RESOLUTION, Recognition, recognition_intervals
from bindscope.domain.captions import Captioner
from bindscope.domain.concepts import ConceptSpace
from bindscope.domain.repairs import RepairSpec
from bindscope.domain.sampling import sample_scenes
from bindscope.domain.scenes import Scene
from bindscope.domain.specs import DecompositionSpec, ProbeSpec
from bindscope.encoders.base import EncoderInfo, Modality
from bindscope.errors import BindscopeError, InvalidInput, UnsupportedModality
from bindscope.services.embedder import Control, Embedder
from bindscope.services.judging import Wording, judged_in_chunks
from bindscope.services.noise import NoiseMeter
from bindscope.services.provenance import Provenance, provenance
from bindscope.services.repairs import RepairRequest, Repairs
from bindscope.services.sources import DatasetSource, ModelSource, Sources
from bindscope.services.spaces import SpaceShelf

MODALITIES: tuple[Modality, ...] = ("image", "text")
_WITH_WEIGHTS = ("bundled", "open_clip", "hf", "controlled")
_LEVELS: tuple[tuple[Literal[1, 2], str], ...] = ((1, "objects"), (2, "concepts"))


@dataclass(frozen=True)
class ComparisonSpec:
    """``count`` seeded scenes with a valid swap, of the space or of ``dataset``; ``limit`` scenes for probes,
    decomposition and repair."""

    space: str
    count: int = 400
    limit: int = 1000
    seed: int = 0
    template: str = "plain"
    repair: bool = False
    dataset: str | None = None


@dataclass(frozen=True)
class Row:
    """One model. ``kind``: the models asked for, and the controls that stand beside them. What a model cannot do is
    None, with the reason in ``missing``."""

    model: str
    kind: str
    rank: int | None
    anchor: str
    swap_accuracy: Interval
    undecided: Interval
    concepts: Interval
    objects: Interval
    probes: dict[str, Interval | None]
    r2: dict[str, dict[str, float | None] | None]
    repair_gain: float | None
    missing: dict[str, str]
    provenance: Provenance


@dataclass(frozen=True)
class Board:
    rows: list[Row]
    tests: list[PairTest]
    scenes: int
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
    items: list[Difference]
    total: int
    table: dict[str, int]
    scenes: int
    p: float
    seconds: float


@dataclass(frozen=True, eq=False)
class _Trial:
    """A model's answers on the scenes of the board."""

    info: EncoderInfo
    scenes: Sequence[Scene]
    margin: NDArray[np.float64]
    edge: float
    recognition: Recognition
    anchor: str

    @property
    def right(self) -> NDArray[np.bool_]:
        return np.asarray(self.margin > self.edge)

    def outcome(self, row: int) -> str:
        if self.margin[row] > self.edge:
            return "binds"
        return "swaps" if self.margin[row] < -self.edge else "undecided"


class Comparisons:
    """Everything reuses what other questions have cached."""

    def __init__(
        self, embedder: Embedder, noise: NoiseMeter, sources: Sources, *, spaces: SpaceShelf, repairs: Repairs
    ) -> None:
        self._embedder, self._noise, self._sources = embedder, noise, sources
        self._spaces, self._repairs = spaces, repairs

    def board(self, models: Sequence[str], spec: ComparisonSpec) -> Iterator[BoardProgress | Board]:
        """What is measured next, and at the end the board: rows in the order of ``models``, then the controls.

        Raises UnknownName, UnsupportedModality, InvalidInput.
        """
        started = time.perf_counter()
        wanted = list(dict.fromkeys(models))
        space = self._spaces.get(spec.space) if spec.dataset is None else self._sources.space_of(spec.dataset)
        named = [(name, "model") for name in wanted] + [(name, kind) for name, kind in self._controls(wanted)]
        scenes = self._scenes(wanted, space, spec)
        trials, rows = [], []
        for done, (name, kind) in enumerate(named):
            yield BoardProgress(done, len(named), name, kind)
            trial = self._trial(name, scenes, spec, control="blank" if kind == "blind" else "none")
            trials.append(trial)
            rows.append(self._row(name, kind, trial, space, spec))
        tests = compared([trial.right for trial in trials[: len(wanted)]])
        places = ranks(len(wanted), tests)
        ranked = [replace(row, rank=place) for row, place in zip(rows, places, strict=False)]
        yield Board([*ranked, *rows[len(wanted) :]], tests, len(scenes), round(time.perf_counter() - started, 3))

    def differences(self, models: tuple[str, str], spec: ComparisonSpec, *, most: int) -> Differences:
        """Scenes that one of two models gets right and the other does not, the widest gaps first."""
        started = time.perf_counter()
        space = self._spaces.get(spec.space) if spec.dataset is None else self._sources.space_of(spec.dataset)
        scenes = self._scenes(models, space, spec)
        one, other = (self._trial(name, scenes, spec, control="none") for name in models)
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
        (test,) = compared([one.right, other.right])
        seconds = round(time.perf_counter() - started, 3)
        return Differences(items, len(apart), table, len(scenes), test.p, seconds)

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

    def _trial(self, model: str, scenes: Sequence[Scene], spec: ComparisonSpec, *, control: Control) -> _Trial:
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
        joined = Recognition.joined((part.recognition for part in parts), concepts=len(space.names))
        margin = np.concatenate([part.contest.margin for part in parts])
        anchor = "text" if parts[0].text_only else "image"
        return _Trial(info, scenes, margin, max(floor, RESOLUTION), joined, anchor)

    def _row(self, model: str, kind: str, trial: _Trial, space: ConceptSpace, spec: ComparisonSpec) -> Row:
        n = len(trial.scenes)
        seen = recognition_intervals(trial.recognition, space.names, has_swap=np.ones(n, dtype=bool))
        missing: dict[str, str] = {}
        probes: dict[str, Interval | None] = dict.fromkeys(MODALITIES)
        r2: dict[str, dict[str, float | None] | None] = dict.fromkeys(MODALITIES)
        gain: float | None = None
        if kind == "blind":
            missing["probes"] = missing["r2"] = missing["repair_gain"] = "It is shown blank pictures."
        else:
            for modality in MODALITIES:
                probes[modality], r2[modality], why = self._geometry(model, modality, trial.info, spec)
                if why:
                    missing[f"probes.{modality}"] = missing[f"r2.{modality}"] = why
            gain, why = self._gain(model, spec)
            if why:
                missing["repair_gain"] = why
        return Row(
            model=model,
            kind=kind,
            rank=None,
            anchor=trial.anchor,
            swap_accuracy=wilson(int(trial.right.sum()), n),
            undecided=wilson(int((np.abs(trial.margin) <= trial.edge).sum()), n),
            concepts=seen["concepts"],
            objects=seen["object"],
            probes=probes,
            r2=r2,
            repair_gain=gain,
            missing=missing,
            provenance=provenance(
                trial.info, space=space.name, template=spec.template, seed=spec.seed, dataset=spec.dataset
            ),
        )

    def _geometry(
        self, model: str, modality: Modality, info: EncoderInfo, spec: ComparisonSpec
    ) -> tuple[Interval | None, dict[str, float | None] | None, str]:
        """Probe accuracy of the objects and R2 of the two additive levels, or the reason why not."""
        if not info.reads(modality):
            return None, None, f"It reads no {modality}."
        try:
            data = self._sources.resolve(_source(model, modality, spec))
            found = probe(data.embeddings, data.labels, ProbeSpec(seed=spec.seed))
            levels = {
                name: decompose(data.embeddings, data.labels, DecompositionSpec(level=level, seed=spec.seed)).r2.test
                for level, name in _LEVELS
            }
        except BindscopeError as error:
            return None, None, str(error)
        return found.test["object"], levels, ""

    def _gain(self, model: str, spec: ComparisonSpec) -> tuple[float | None, str]:
        if not spec.repair:
            return None, "Not asked for."
        try:
            asked = RepairRequest(
                model, spec.space, RepairSpec(seed=spec.seed), spec.limit, spec.template, spec.dataset
            )
            found = self._repairs.run(asked)
        except BindscopeError as error:
            return None, str(error)
        before, after = (found[name]["swap_accuracy"]["value"] for name in ("before", "after"))
        return (None, "No scene could be tested.") if before is None or after is None else (after - before, "")


def _source(model: str, modality: Modality, spec: ComparisonSpec) -> ModelSource | DatasetSource:
    if spec.dataset is None:
        return ModelSource(model, spec.space, modality, 2, spec.limit, spec.template)
    if modality == "image" and model == f"precomputed:{spec.dataset}":
        return DatasetSource(spec.dataset)
    return DatasetSource(spec.dataset, model, modality, spec.template)

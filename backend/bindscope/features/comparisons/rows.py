"""One model's row of a board: its contest, its probes, how additive its vectors are, what a repair gains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import Binding, share_over_bags
from bindscope.analysis.decomposition import decompose
from bindscope.analysis.metrics import Interval
from bindscope.analysis.probing import probe
from bindscope.analysis.verdict import Recognition
from bindscope.core.binding_rules import Standing, standing
from bindscope.core.errors import BindscopeError
from bindscope.core.specs import DecompositionSpec, ProbeSpec, RepairSpec
from bindscope.encoders.protocol import EncoderInfo, Modality
from bindscope.features.repairs.service import RepairRequest, Repairs
from bindscope.scenes.scene import Scene
from bindscope.services.judging import ContestScores
from bindscope.services.provenance import Provenance, provenance
from bindscope.services.sources import DatasetSource, ModelSource, Sources

MODALITIES: tuple[Modality, ...] = ("image", "text")
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
    """One model. ``kind``: the models asked for, and the controls that stand beside them. ``rank`` is among the models
    of one ``anchor``. What a model cannot do is None, with the reason in ``missing``."""

    model: str
    kind: str
    rank: int | None
    anchor: str
    binding: Binding
    standing: Standing
    swap_accuracy: Interval
    swap_accuracy_chance: float | None
    undecided: Interval
    concepts: Interval
    objects: Interval
    probes: dict[str, Binding | None]
    r2: dict[str, dict[str, float | None] | None]
    repair_gain: Interval | None
    missing: dict[str, str]
    provenance: Provenance


@dataclass(frozen=True, eq=False)
class Trial:
    """A model's answers on the scenes of the board: ``margin`` [scene] of each verdict, and the paired ``contest`` over
    these scenes and their twins. ``verdict_chance``: how often random scores let the true caption win a verdict."""

    info: EncoderInfo
    scenes: Sequence[Scene]
    margin: NDArray[np.float64]
    edge: float
    recognition: Recognition
    contest: ContestScores
    verdict_chance: float | None

    @property
    def anchor(self) -> str:
        """What captions are compared with: models with different anchors answer different questions."""
        return "image" if self.info.reads("image") else "text"

    @property
    def bags(self) -> NDArray[np.int64]:
        """The bag of each scene; they come first among those of the contest."""
        return self.contest.pairs.bag[: len(self.scenes)]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the true caption wins the verdict, [scene]."""
        return np.asarray(self.margin > self.edge)

    def share(self, hits: NDArray[np.bool_]) -> Interval:
        """Share of the verdicts [scene], whose number n is, with its interval over bags."""
        return replace(share_over_bags(hits, self.bags), n=len(hits))

    def outcome(self, row: int) -> str:
        """Who wins the verdict of one scene."""
        if self.margin[row] > self.edge:
            return "binds"
        return "swaps" if self.margin[row] < -self.edge else "undecided"


@dataclass(frozen=True)
class RowMaker:
    """Fills rows from a model's trial, its vectors and a repair."""

    sources: Sources
    repairs: Repairs

    def row(self, model: str, kind: str, trial: Trial, spec: ComparisonSpec) -> Row:
        """The row of a model or a control, not ranked yet."""
        missing: dict[str, str] = {}
        probes: dict[str, Binding | None] = dict.fromkeys(MODALITIES)
        r2: dict[str, dict[str, float | None] | None] = dict.fromkeys(MODALITIES)
        gain: Interval | None = None
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
        binding, space = trial.contest.binding, trial.scenes[0].space
        found = binding.forced_choice
        return Row(
            model=model,
            kind=kind,
            rank=None,
            anchor=trial.anchor,
            binding=binding,
            standing="too few" if found is None else standing(found.low, found.high, found.n),
            swap_accuracy=trial.share(trial.right),
            swap_accuracy_chance=trial.verdict_chance,
            undecided=trial.share(np.abs(trial.margin) <= trial.edge),
            concepts=share_over_bags(trial.recognition.concepts, trial.bags),
            objects=share_over_bags(trial.recognition.object, trial.bags),
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
    ) -> tuple[Binding | None, dict[str, float | None] | None, str]:
        """What a probe finds and R2 of the two additive levels, or the reason why not."""
        if not info.reads(modality):
            return None, None, f"It reads no {modality}."
        try:
            data = self.sources.resolve(_source(model, modality, spec))
            found = probe(data.embeddings, data.labels, ProbeSpec(seed=spec.seed))
            levels = {
                name: decompose(data.embeddings, data.labels, DecompositionSpec(level=level, seed=spec.seed)).r2.test
                for level, name in _LEVELS
            }
        except BindscopeError as error:
            return None, None, str(error)
        return found.binding, levels, ""

    def _gain(self, model: str, spec: ComparisonSpec) -> tuple[Interval | None, str]:
        if not spec.repair:
            return None, "Not asked for."
        try:
            asked = RepairRequest(
                model, spec.space, RepairSpec(seed=spec.seed), spec.limit, spec.template, spec.dataset
            )
            found = self.repairs.run(asked)
        except BindscopeError as error:
            return None, str(error)
        gain: Mapping[str, float] | None = found.get("gain")
        return (None, "No scene could be tested.") if gain is None else (Interval(**gain), "")  # type: ignore[arg-type]


def _source(model: str, modality: Modality, spec: ComparisonSpec) -> ModelSource | DatasetSource:
    if spec.dataset is None:
        return ModelSource(model, spec.space, modality, 2, spec.limit, spec.template)
    if modality == "image" and model == f"precomputed:{spec.dataset}":
        return DatasetSource(spec.dataset)
    return DatasetSource(spec.dataset, model, modality, spec.template)

"""One model's row of a board: its contest, its probes, how additive its vectors are, what a repair gains."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import Binding, share_over_bags
from bindscope.analysis.decomposition import decompose
from bindscope.analysis.metrics import Interval as Figure
from bindscope.analysis.probing import probe
from bindscope.analysis.verdict import Recognition
from bindscope.core.binding_rules import standing
from bindscope.core.errors import BindscopeError, Cancelled, Overloaded
from bindscope.core.specs import DecompositionSpec, ProbeSpec
from bindscope.core.wire import Interval
from bindscope.encoders.protocol import EncoderInfo, Modality
from bindscope.features.comparisons.schemas import AdditiveFit, ComparisonRequest, ComparisonRow
from bindscope.features.repairs.schemas import RepairRequest
from bindscope.features.repairs.service import Repairs
from bindscope.scenes.scene import Scene
from bindscope.services.judging import ContestScores
from bindscope.services.pools import ScenePool

MODALITIES: tuple[Modality, ...] = ("image", "text")
_LEVELS: tuple[Literal[1, 2], ...] = (1, 2)


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

    def share(self, hits: NDArray[np.bool_]) -> Figure:
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

    pool: ScenePool
    repairs: Repairs
    asked: ComparisonRequest

    def row(self, model: str, kind: str, trial: Trial) -> ComparisonRow:
        """The row of a model or a control, not ranked yet."""
        missing: dict[str, str] = {}
        probes: dict[str, Binding | None] = dict.fromkeys(MODALITIES)
        r2: dict[str, AdditiveFit | None] = dict.fromkeys(MODALITIES)
        gain: Interval | None = None
        if kind == "blind":
            missing["probes"] = missing["r2"] = missing["repair_gain"] = "It is shown blank pictures."
        else:
            for modality in MODALITIES:
                probes[modality], r2[modality], why = self._geometry(model, modality, trial.info)
                if why:
                    missing[f"probes.{modality}"] = missing[f"r2.{modality}"] = why
            gain, why = self._gain(model)
            if why:
                missing["repair_gain"] = why
        binding = trial.contest.binding
        found = binding.forced_choice
        return ComparisonRow.of(
            None,
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
            provenance=self.pool.provenance(trial.info, seed=self.asked.seed),
        )

    def _geometry(
        self, model: str, modality: Modality, info: EncoderInfo
    ) -> tuple[Binding | None, AdditiveFit | None, str]:
        """What a probe finds and R2 of the two additive levels, or the reason why not."""
        if not info.reads(modality):
            return None, None, f"It reads no {modality}."
        seed = self.asked.seed
        try:
            data = self.pool.seen_by(model, modality).embedded()
            found = probe(data.embeddings, data.labels, ProbeSpec(seed=seed))
            objects, concepts = (
                decompose(data.embeddings, data.labels, DecompositionSpec(level=level, seed=seed)).r2.test
                for level in _LEVELS
            )
        except (Cancelled, Overloaded):
            raise  # that says nothing about the model, and the board is kept
        except BindscopeError as error:
            return None, None, str(error)
        return found.binding, AdditiveFit(objects=objects, concepts=concepts), ""

    def _gain(self, model: str) -> tuple[Interval | None, str]:
        asked = self.asked
        if not asked.repair:
            return None, "Not asked for."
        try:
            found = self.repairs.run(
                RepairRequest(
                    model=model,
                    space=asked.space,
                    dataset=asked.dataset,
                    template=asked.template,
                    limit=asked.limit,
                    seed=asked.seed,
                )
            )
        except (Cancelled, Overloaded):
            raise
        except BindscopeError as error:
            return None, str(error)
        return found.gain, ""

"""A board of models on the same scenes, and where two of them differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bindscope.analysis.binding import difference_interval
from bindscope.analysis.comparison import compared, paired, ranks, sign_flip
from bindscope.analysis.metrics import Interval
from bindscope.analysis.verdict import RESOLUTION, Recognition
from bindscope.core.binding_rules import LEAST_COMPARED
from bindscope.core.errors import BindscopeError, InvalidInput, UnsupportedModality
from bindscope.encoders.protocol import EncoderInfo
from bindscope.features.comparisons.rows import RowMaker, Trial
from bindscope.features.comparisons.schemas import (
    COMPARISON,
    DISAGREEMENTS,
    ComparisonProgress,
    ComparisonRequest,
    ComparisonResponse,
    ComparisonRow,
    Disagreement,
    DisagreementRequest,
    DisagreementResponse,
    PairModel,
    ScenesAsked,
)
from bindscope.features.repairs.service import Repairs
from bindscope.scenes.captions import Captioner
from bindscope.scenes.contests import caption_chance
from bindscope.scenes.scene import Scene
from bindscope.scenes.wire import from_scene
from bindscope.services.container import Services
from bindscope.services.embedder import Control
from bindscope.services.judging import Wording, contest_scores, judged_in_chunks
from bindscope.services.pools import ScenePool


class Comparisons:
    """Everything reuses what other questions have cached."""

    def __init__(self, parts: Services) -> None:
        self._parts, self._embedder, self._noise = parts, parts.embedder, parts.noise

    def board(self, asked: ComparisonRequest) -> Iterator[ComparisonProgress | ComparisonResponse]:
        """What is measured next, and at the end the board: rows in the order of the models, then the controls.

        Raises UnknownName, UnsupportedModality, InvalidInput.
        """
        numbers = self._parts.pools.asked(asked).contents(*asked.models)
        return self._parts.analyses.steps(COMPARISON, asked, numbers=numbers, compute=lambda: self._rows(asked))

    def _rows(self, asked: ComparisonRequest) -> Iterator[ComparisonProgress | ComparisonResponse]:
        wanted = list(dict.fromkeys(asked.models))
        named = [(name, "model") for name in wanted] + [(name, kind) for name, kind in self._controls(wanted)]
        shown = self._shown(wanted, asked)
        trials: list[Trial] = []
        rows: list[ComparisonRow] = []
        maker = RowMaker(self._parts.pools.asked(asked, limit=asked.limit), self._parts.of(Repairs), asked)
        for done, (name, kind) in enumerate(named):
            yield ComparisonProgress(done=done, total=len(named), model=name, kind=kind)
            trial = self._trial(name, shown, asked, control="blank" if kind == "blind" else "none")
            trials.append(trial)
            rows.append(maker.row(name, kind, trial))
        yield _board(wanted, trials, rows, asked)

    def differences(self, asked: DisagreementRequest) -> DisagreementResponse:
        """Scenes that one of two models gets right and the other does not, the widest gaps first."""
        if len(set(asked.models)) == 1:
            raise InvalidInput("A model never disagrees with itself: name two different ones.")
        numbers = self._parts.pools.asked(asked).contents(*asked.models)
        return self._parts.analyses.answer(
            DISAGREEMENTS, asked, numbers=numbers, compute=lambda: self._differences(asked)
        )

    def _differences(self, asked: DisagreementRequest) -> DisagreementResponse:
        shown = self._shown(asked.models, asked)
        one, other = (self._trial(name, shown, asked, control="none") for name in asked.models)
        apart = np.flatnonzero(one.right != other.right)
        order = apart[np.argsort(-np.abs(one.margin - other.margin)[apart], kind="stable")][: asked.most]
        difference, p = _difference(one, other, seed=asked.seed)
        return DisagreementResponse.of(
            None,
            items=[
                Disagreement(
                    scene=from_scene(shown.scenes[row]),
                    outcomes=[one.outcome(row), other.outcome(row)],
                    margins=[float(one.margin[row]), float(other.margin[row])],
                )
                for row in order.tolist()
            ],
            total=len(apart),
            table={
                "both": int((one.right & other.right).sum()),
                "only_first": int((one.right & ~other.right).sum()),
                "only_second": int((other.right & ~one.right).sum()),
                "neither": int((~one.right & ~other.right).sum()),
            },
            scenes=len(shown.scenes),
            difference=difference,
            p=p,
            provenance=shown.pool.provenance(one.info, seed=asked.seed),
        )

    def _shown(self, models: Sequence[str], asked: ScenesAsked) -> "Shown":
        """The same scenes and twins for every model, each of which must be able to be asked about them."""
        pool = self._parts.pools.asked(asked)
        samples = [
            pool.sample(
                self._readable(model),
                count=asked.count,
                seed=asked.seed,
                objects=2,
                layout="random",
                only_valid_swaps=True,
            )
            for model in models
        ]
        return Shown(pool, samples[0], pool.twins(samples[0], seed=asked.seed))

    def _readable(self, model: str) -> EncoderInfo:
        info = self._embedder.models.info(model)
        if not info.reads("text"):
            raise UnsupportedModality(f"Model {model!r} reads images only: a board compares models with a text tower.")
        return info

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

    def _trial(self, model: str, shown: "Shown", spec: ScenesAsked, *, control: Control) -> Trial:
        scenes, twins = shown.scenes, shown.twins
        info, space = self._readable(model), scenes[0].space
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


@dataclass(frozen=True, eq=False)
class Shown:
    """The scenes of a board, and the twins that the paired contest needs beside them."""

    pool: ScenePool
    scenes: list[Scene]
    twins: list[Scene]


def _board(
    models: Sequence[str], trials: Sequence[Trial], rows: list[ComparisonRow], asked: ComparisonRequest
) -> ComparisonResponse:
    """Ranks and tests among models of the same anchor."""
    pairs: list[PairModel] = []
    bags: dict[str, int] = {}
    for anchor in dict.fromkeys(trial.anchor for trial in trials[: len(models)]):
        own = [n for n, trial in enumerate(trials[: len(models)]) if trial.anchor == anchor]
        scores = [trials[n].contest.scores for n in own]
        found = compared(scores, seed=asked.seed)
        for n, place in zip(own, ranks([rows[n].standing for n in own], found), strict=True):
            rows[n] = rows[n].model_copy(update={"rank": place})
        pairs += [PairModel.of(test, first=models[own[test.first]], second=models[own[test.second]]) for test in found]
        bags[anchor] = max(len(part) for part in scores)
    return ComparisonResponse(
        rows=rows, pairs=pairs, scenes=len(trials[0].scenes), bags=bags, provenance=rows[0].provenance
    )


def _difference(one: Trial, other: Trial, *, seed: int) -> tuple[Interval | None, float | None]:
    """Of the binding scores, over the bags that both were scored on; nothing across anchors."""
    if one.anchor != other.anchor:
        return None, None
    first, second = paired(one.contest.scores, other.contest.scores)
    p = sign_flip(first - second, seed=seed) if len(first) >= LEAST_COMPARED else None
    return difference_interval(first, second), p

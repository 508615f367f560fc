"""Answers as tables and figures: ``records`` (plain rows), ``frame`` (pandas) and ``figure`` (plotly).

One row is one number with its interval: ``value``, ``low``, ``high``, ``n``. pandas and plotly are only needed where
they are asked for: pip install 'bindscope[notebook]'.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import singledispatch
from typing import TYPE_CHECKING, Any, TypeAlias

from bindscope.core.binding_rules import CHANCE
from bindscope.core.errors import InvalidInput
from bindscope.core.wire import Binding, Interval, Recognition
from bindscope.features.caption_tests.schemas import CaptionTestResponse
from bindscope.features.comparisons.schemas import ComparisonResponse
from bindscope.features.complexity.schemas import ComplexityCellResult
from bindscope.features.decompositions.schemas import DecompositionResponse
from bindscope.features.interventions.schemas import InterventionResponse
from bindscope.features.jobs.schemas import JobModel
from bindscope.features.model_checks.schemas import ModelCheckReport
from bindscope.features.models.schemas import ModelSummary
from bindscope.features.near_duplicates.schemas import NearDuplicatesResponse
from bindscope.features.photos.schemas import PhotoVerdict
from bindscope.features.probes.schemas import ProbeResponse
from bindscope.features.projections.schemas import ProjectionResponse
from bindscope.features.removals.schemas import RemovalResponse
from bindscope.features.repairs.schemas import RepairFigures, RepairModel
from bindscope.features.retrievals.schemas import RetrievalResponse
from bindscope.features.surveys.schemas import VerdictBatch
from bindscope.features.verdicts.schemas import Verdict

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

Record: TypeAlias = dict[str, Any]
_TRUE, _SWAP, _TEXT = "#1f5fc4", "#c45a00", "#5b6472"


def frame(answer: Any) -> "pd.DataFrame":
    """The answer as a table; ``attrs["provenance"]`` says what its numbers were made with.

    Raises InvalidInput for an answer that is no table, and where pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise InvalidInput("Tables need pandas: pip install 'bindscope[notebook]'.") from error
    table = pd.DataFrame.from_records(records(answer))
    made = getattr(answer, "provenance", None)
    table.attrs["provenance"] = made.model_dump(mode="json") if made is not None else None
    return table


def figure(answer: Any) -> "go.Figure":
    """The answer as one figure. Raises InvalidInput for an answer without one, and where plotly is not installed."""
    try:
        import plotly.graph_objects as go
    except ImportError as error:
        raise InvalidInput("Figures need plotly: pip install 'bindscope[notebook]'.") from error
    return _drawn(answer, go)


@singledispatch
def records(answer: Any) -> list[Record]:
    """Plain rows of an answer. Raises InvalidInput for a kind that is no table."""
    if isinstance(answer, Sequence) and answer and isinstance(answer[0], ModelSummary):
        return [model.model_dump(mode="json") for model in answer]
    raise InvalidInput(f"A {type(answer).__name__} is not a table: take its fields.")


@records.register
def _(answer: Verdict) -> list[Record]:
    out: list[Record] = [
        {"part": "caption", "name": c.text, "kind": c.kind, "score": c.score} for c in answer.contest.captions
    ]
    for concept in answer.concepts.scores:
        kind = "present" if concept.present else "absent"
        out.append({"part": concept.concept, "name": concept.value, "kind": kind, "score": concept.score})
    for obj in answer.objects.scores:
        kind = "present" if obj.present else "absent"
        out.append({"part": "object", "name": " ".join(obj.values.values()), "kind": kind, "score": obj.score})
    return out


@records.register
def _(answer: VerdictBatch) -> list[Record]:
    double, order = answer.binding.double_difference, answer.order_against_meaning
    rows = _binding(answer.binding)
    rows += [] if double is None else [_row("double_difference", double, chance=CHANCE)]
    rows += [] if order is None else [_row("order_against_meaning", order, chance=CHANCE)]
    rows.append(_row("swap_accuracy", answer.swap_accuracy, chance=answer.swap_accuracy_chance))
    rows.append(_row("undecided", answer.undecided))
    return rows + [_row(name, own, chance=answer.chance.get(name)) for name, own in answer.recognition.items()]


@records.register
def _(answer: ProbeResponse) -> list[Record]:
    parts = {"train": answer.train, "test": answer.test, "chance": answer.chance}
    rows = _binding(answer.binding, part="test")
    return rows + [_row(name, own, part=part) for part, heads in parts.items() for name, own in heads.items()]


@records.register
def _(answer: DecompositionResponse) -> list[Record]:
    rows: list[Record] = [{"name": f"r2_{part}", "value": getattr(answer.r2, part)} for part in ("train", "test")]
    return [*_binding(answer.binding), *rows, _row("retrieval", answer.retrieval), *_heads(answer.probing)]


@records.register
def _(answer: RemovalResponse) -> list[Record]:
    table = {**answer.variants, "chance": answer.chance}
    rows = [row for variant, own in answer.bindings.items() for row in _binding(own, variant=variant)]
    return rows + [_row(name, own, variant=variant) for variant, heads in table.items() for name, own in heads.items()]


@records.register
def _(answer: InterventionResponse) -> list[Record]:
    shares = {"retrieval": answer.retrieval, "retrieval_published": answer.retrieval_published, "stayed": answer.stayed}
    rows = _binding(answer.binding) + [_row(name, own) for name, own in shares.items()] + _heads(answer.probing)
    own = answer.rendered_cosine
    if own is not None:
        rows.append({"name": "rendered_cosine", "value": own.mean, "low": own.low, "high": own.high, "n": own.n})
    return rows


@records.register
def _(answer: RetrievalResponse) -> list[Record]:
    rows = _binding(answer.binding) + [_row(f"recall@{k}", own) for k, own in answer.recall.items()]
    twins = _row("swapped_first", answer.swapped_first, chance=answer.swapped_first_chance)
    return [*rows, twins, _row("undecided", answer.undecided)]


@records.register
def _(answer: NearDuplicatesResponse) -> list[Record]:
    return [{"first": p.first, "second": p.second, "cosine": p.cosine} for p in answer.pairs]


@records.register
def _(answer: RepairModel) -> list[Record]:
    rows: dict[str, RepairFigures] = {"before": answer.before, "after": answer.after, **answer.baselines}
    rows |= {f"t={point.t:g}": point for point in answer.path}
    out = []
    for stage, own in rows.items():
        choice = own.binding.forced_choice
        out += [] if choice is None else [_row("binding", choice, stage=stage)]
        out += [_row(name, getattr(own, name), stage=stage) for name in ("swap_accuracy", "recall_at_1", "concepts")]
    return out


@records.register
def _(answer: ProjectionResponse) -> list[Record]:
    axes = ("x", "y", "z")
    return [
        {**dict(zip(axes, point, strict=False)), "label": " | ".join(" ".join(map(str, o)) for o in own)}
        for point, own in zip(answer.points, answer.labels, strict=True)
    ]


@records.register
def _(answer: ComparisonResponse) -> list[Record]:
    out = []
    for row in answer.rows:
        named: Record = {"model": row.model, "kind": row.kind, "anchor": row.anchor, "rank": row.rank}
        out += _binding(row.binding, **named)
        for modality, own in row.probes.items():
            out += [] if own is None else _binding(own, name=f"probe_{modality}", **named)
        out.append(_row("swap_accuracy", row.swap_accuracy, chance=row.swap_accuracy_chance, **named))
        out += [_row("concepts", row.concepts, **named), _row("objects", row.objects, **named)]
        if row.repair_gain is not None:
            out.append(_row("repair_gain", row.repair_gain, **named))
    return out


@records.register
def _(answer: CaptionTestResponse) -> list[Record]:
    out = []
    for row in answer.rows:
        shares = {"accuracy": row.accuracy, "undecided": row.undecided, "blind": row.blind}
        more = {"image": row.image, "group": row.group}
        every = [*shares.items(), *((name, own) for name, own in more.items() if own is not None)]
        out += [{"row": row.name, "kind": row.kind, **_row(name, own)} for name, own in every]
    return out


@records.register
def _(answer: PhotoVerdict) -> list[Record]:
    kinds = ("true", "other")
    return [{"kind": kind, "score": score} for kind, score in zip(kinds, answer.scores, strict=True)]


@records.register
def _(answer: ModelCheckReport) -> list[Record]:
    return [check.model_dump(mode="json") for check in answer.checks]


@records.register
def _(answer: JobModel) -> list[Record]:
    """Cells of a finished sweep."""
    result = answer.result if isinstance(answer.result, Mapping) else {}
    cells = result.get("cells")
    if not isinstance(cells, list):
        raise InvalidInput(f"Job {answer.id} has no cells yet: wait for its end.")
    if answer.kind == "complexity":
        return [_fit(ComplexityCellResult.model_validate(cell)) for cell in cells]
    return [_flat(cell) for cell in cells]


def _fit(cell: ComplexityCellResult) -> Record:
    heads = {f"{name}": own.value for name, own in cell.test.items()}
    plain = {"kind": cell.kind, "coverage": cell.coverage, "seed": cell.seed, "test_r2": cell.test_r2}
    found = None if cell.binding is None else cell.binding.forced_choice
    plain |= {"binding": None if found is None else found.value, "binding_n": 0 if found is None else found.n}
    return {**plain, "train_scenes": cell.train_scenes, "test_scenes": cell.test_scenes, **heads}


def _flat(cell: Mapping[str, Any]) -> Record:
    out: Record = {}
    for name, value in cell.items():
        if isinstance(value, Mapping):
            shares = {f"{name}_{key}": own["value"] for key, own in value.items() if _is_share(own)}
            out |= shares
        elif not isinstance(value, list):
            out[name] = value
    return out


def _is_share(value: object) -> bool:
    return isinstance(value, Mapping) and "value" in value


def _binding(own: Binding, *, name: str = "binding", **more: Any) -> list[Record]:
    """The binding score with its chance and what it says; no row where nothing pairs."""
    if own.forced_choice is None:
        return []
    return [_row(name, own.forced_choice, chance=CHANCE, says=own.says, **more)]


def _row(name: str, own: Interval, **more: Any) -> Record:
    return {**more, "name": name, "value": own.value, "low": own.low, "high": own.high, "n": own.n}


def _heads(recognition: Recognition) -> list[Record]:
    return [_row(name, own) for name, own in recognition.items()]


# ---- figures --------------------------------------------------------------------------------------------------


def _drawn(answer: Any, go: Any) -> "go.Figure":
    for kind, draw in _FIGURES.items():
        if isinstance(answer, kind):
            return draw(answer, go)
    raise InvalidInput(f"There is no figure of a {type(answer).__name__}: draw its table.")


def _contest(answer: Verdict, go: Any) -> "go.Figure":
    captions = list(reversed(answer.contest.captions))
    colors = [_TRUE if c.kind == "true" else _SWAP for c in captions]
    texts = [f"{c.kind}: {c.text}" for c in captions]
    bars = go.Bar(x=[c.score for c in captions], y=texts, orientation="h", marker_color=colors)
    return _dressed(go.Figure(bars), f"{answer.diagnosis}: cosine of each caption", "cosine")


def _shares(title: str) -> Callable[[Any, Any], "go.Figure"]:
    """Bars with intervals of every share of the table."""

    def draw(answer: Any, go: Any) -> "go.Figure":
        rows = [
            row
            for row in records(answer)
            if row.get("value") is not None and not row["name"].startswith(("r2_", "repair_gain"))
        ]
        named = list(_labels(rows))
        up = [max(0.0, (row["high"] or row["value"]) - row["value"]) for row in rows]
        down = [max(0.0, row["value"] - (row["low"] or 0.0)) for row in rows]
        bars = go.Bar(
            x=[row["value"] for row in rows][::-1],
            y=named[::-1],
            orientation="h",
            marker_color=_TRUE,
            error_x={"type": "data", "array": up[::-1], "arrayminus": down[::-1], "color": _TEXT},
            text=[f"{100 * row['value']:.0f} %" for row in rows][::-1],
        )
        return _dressed(go.Figure(bars), title, "share, 95 % interval", span=(0, 1.05))

    return draw


def _labels(rows: Sequence[Record]) -> Iterator[str]:
    for row in rows:
        where = [str(row[key]) for key in ("part", "variant", "stage", "model", "row") if row.get(key)]
        yield ", ".join([*where, str(row["name"])])


def _points(answer: ProjectionResponse, go: Any) -> "go.Figure":
    rows = records(answer)
    words = answer.colors or ["scene"] * len(rows)
    out = go.Figure()
    for name in dict.fromkeys(words):
        own = [row for row, word in zip(rows, words, strict=True) if word == name]
        hover = [row["label"] for row in own]
        xs, ys = [row["x"] for row in own], [row["y"] for row in own]
        if "z" in rows[0]:
            out.add_trace(go.Scatter3d(x=xs, y=ys, z=[r["z"] for r in own], mode="markers", name=name, text=hover))
        else:
            out.add_trace(go.Scatter(x=xs, y=ys, mode="markers", name=name, text=hover))
    return _dressed(out, f"{len(rows):,} scenes", "")


def _curves(answer: JobModel, go: Any) -> "go.Figure":
    rows = records(answer)
    out = go.Figure()
    if answer.kind == "complexity":
        for kind in dict.fromkeys(row["kind"] for row in rows):
            own = sorted((r for r in rows if r["kind"] == kind), key=lambda r: r["coverage"])
            xs, ys = [r["coverage"] for r in own], [r.get("binding") for r in own]
            out.add_trace(go.Scatter(x=xs, y=ys, mode="lines+markers", name=kind))
        return _dressed(out, "Binding score of the predictions, unseen objects (chance 0.5)", "coverage of the objects")
    for space in dict.fromkeys(row["space"] for row in rows):
        own = sorted((r for r in rows if r["space"] == space), key=lambda r: r["coverage"])
        xs, ys = [r["coverage"] for r in own], [r.get("binding_forced_choice") for r in own]
        out.add_trace(go.Scatter(x=xs, y=ys, mode="lines+markers", name=space))
    return _dressed(out, "Binding score of unseen objects after training (chance 0.5)", "coverage of the objects")


_FIGURES: Mapping[type, Callable[[Any, Any], "go.Figure"]] = {
    Verdict: _contest,
    VerdictBatch: _shares("Binding score, swap accuracy and recognition"),
    ProbeResponse: _shares("Linear probes"),
    DecompositionResponse: _shares("Scenes rebuilt as sums"),
    RemovalResponse: _shares("Recognition after each removal"),
    InterventionResponse: _shares("Interventions"),
    RetrievalResponse: _shares("Retrieval with swapped twins"),
    RepairModel: _shares("Repair of the text tower"),
    ComparisonResponse: _shares("Models on the same scenes"),
    CaptionTestResponse: _shares("Captions told apart"),
    ProjectionResponse: _points,
    JobModel: _curves,
}


def _dressed(out: "go.Figure", title: str, axis: str, *, span: tuple[float, float] | None = None) -> "go.Figure":
    """Readable on light and dark grounds: no ground of its own, grey ink."""
    out.update_layout(
        title=title,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": _TEXT},
        margin={"l": 8, "r": 8, "t": 48, "b": 8},
    )
    out.update_xaxes(title=axis, gridcolor="rgba(128,128,128,0.3)", automargin=True, range=span)
    out.update_yaxes(gridcolor="rgba(128,128,128,0.3)", automargin=True)
    return out

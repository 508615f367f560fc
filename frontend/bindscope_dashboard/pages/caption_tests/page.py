"""Tests: SugarCrepe, Winoground and ARO, from the files that the reader has.

How it is used: somebody zips the annotation files and pictures of a public test, drops the archive and picks a model. A
bar moves; then each split has its accuracy with interval, beside what the model gets right without looking at the
picture, and a row for items whose captions have the same words. They filter the wrong ones and take the table away.
"""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from bindscope.core.wire import Interval
from bindscope.features.caption_tests.schemas import (
    CaptionTestProgress,
    CaptionTestResponse,
    CaptionTestRow,
    PairItemResult,
)
from bindscope.features.verdicts.findings import signed
from bindscope_dashboard.pages.photos.page import seeing
from bindscope_dashboard.shared import charts, service, state, tables
from bindscope_dashboard.shared.exports import csv_text, numbers_of
from bindscope_dashboard.shared.layout import dressed
from bindscope_dashboard.shared.problems import explained, explained_in_card
from bindscope_dashboard.shared.recognition import share_axis, share_bar
from bindscope_dashboard.shared.share import share_popover
from bindscope_dashboard.shared.wording import literal, percent, tiny, with_interval
from bindscope_dashboard.theme import ink

PAGE = "tests"
_SHOWN = 50
_FORMATS = """
One `.zip` with the annotation files and the pictures, as their authors publish them:

- **SugarCrepe**: its JSON files (`swap_att.json`, …; each is a row) and the COCO pictures.
- **Winoground**: `examples.jsonl` (or the Parquet file of the hub, pictures inside) and its pictures.
- **ARO**: `visual_genome_attribution.json`, `visual_genome_relation.json` (boxes are cut out), or lists with
  `caption_options`, and the pictures.
"""


def page() -> None:
    """The page of the navigation."""
    with explained():
        query = state.incoming(PAGE)
        known = seeing(service.models())
        if query is not None and query.get("model"):
            state.set_widgets({"tests.model": query["model"]})
        state.seed_widgets({"tests.model": known[0] if known else ""})
        _desk(known)


@st.fragment
def _desk(known: Sequence[str]) -> None:
    with explained():
        options = list(known) if state.widget("tests.model") in known else [*known, state.widget("tests.model")]
        with st.expander("What can be read", icon=":material/description:"):
            st.markdown(_FORMATS)
        file = st.file_uploader("Archive of a test", type=["zip"], key="tests.file")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            model = str(st.selectbox("Model", options, key="tests.model", accept_new_options=True, width=240))
            pressed = st.button(
                "Run", type="primary", icon=":material/play_arrow:", key="tests.run", disabled=file is None
            )
            share_popover({"model": model}, [], path="/v1/caption-tests", method="caption_test", key="tests.share")
        state.mirror(PAGE, {"model": model})
        with explained_in_card():
            if pressed and file is not None:
                state.keep_shown(PAGE, (model, file.name, _run(model, file.getvalue())))
            shown: tuple[str, str, CaptionTestResponse] | None = state.shown(PAGE)
            if shown is None:
                st.info("Choose an archive and a model, then press Run. A tie is never right.", icon=":material/quiz:")
                return
            _show(*shown)


def _run(model: str, archive: bytes) -> CaptionTestResponse:
    bar = st.progress(0.0, text=f"Reading the archive for {literal(model)} …")

    def show(step: CaptionTestProgress) -> None:
        bar.progress(step.done / max(1, step.total), text=f"{step.done:,} of {step.total:,} items")

    try:
        return service.caption_test(model, archive, show)
    finally:
        bar.empty()


def _show(model: str, name: str, found: CaptionTestResponse) -> None:
    st.markdown(f"**{literal(model)}** on {literal(name)} ({found.format}, {len(found.items):,} items)")
    figure = rows_figure(found.rows, dark=state.is_dark())
    st.plotly_chart(
        figure, theme=None, key="tests.figure", config=charts.saving("caption-test"), alt=rows_text(found.rows)
    )
    st.caption(
        "Share of items whose true caption wins, 95 % intervals. The tick is the same with the mean of all pictures in "
        f"place of each: what needs no look at the picture. A tie is not right (noise floor {tiny(found.noise_floor)})."
    )
    head: tuple[str, ...] = ("Row", "Items", "Right", "Undecided", "Without the picture")
    rows = [[r.name, str(r.accuracy.n), *map(with_interval, (r.accuracy, r.undecided, r.blind))] for r in found.rows]
    if found.format == "winoground":
        head = (*head, "Image score", "Group score")
        rows = [[*own, _or_dash(r.image), _or_dash(r.group)] for own, r in zip(rows, found.rows, strict=True)]
    st.html(tables.table(head, rows, label="Rows", cls="dense"))
    which = st.segmented_control(
        "Show", ["wrong", "undecided", "right"], default="wrong", key="tests.which", required=True
    )
    order = sorted((item for item in found.items if item.outcome == which), key=lambda item: item.margin)
    st.html(tables.table(
        ("Item", "Row", "True caption", "Other caption", "Margin", "Same words"),
        [_item(item) for item in order[:_SHOWN]],
        label="Items", numbers=frozenset({4}), cls="dense",
    ))  # fmt: skip
    if len(order) > _SHOWN:
        st.caption(f"The first {_SHOWN} of {len(order):,}; the table to download has all of them.")
    with st.container(horizontal=True):
        for label, text, file in (
            ("Rows (CSV)", rows_csv(found.rows), "rows.csv"), ("Items (CSV)", items_csv(found.items), "items.csv"),
            ("All (JSON)", found.model_dump_json(indent=2), "test.json"),
        ):  # fmt: skip
            st.download_button(label, text, file, on_click="ignore", key=f"tests.{file}", icon=":material/download:")
    with st.expander("Provenance"):
        st.html(tables.facts(tables.provenance_facts(found.provenance), label="Provenance"))


def _or_dash(share: Interval | None) -> str:
    return "–" if share is None else with_interval(share)


def _item(item: PairItemResult) -> tuple[str, ...]:
    others = " | ".join(item.captions[1:])
    return item.id, item.split, item.captions[0], others, signed(item.margin), "yes" if item.order_only else ""


def rows_figure(rows: Sequence[CaptionTestRow], *, dark: bool = False) -> go.Figure:
    """A bar a row; a tick shows what needs no picture."""
    colors = ink(dark=dark)
    figure = go.Figure()
    shown = [row for row in rows if row.accuracy.value is not None]
    for number, row in enumerate(shown):
        tone = colors.swap if row.kind == "order_only" else colors.true
        share_bar(figure, row.accuracy, number, tone=tone, colors=colors, name=row.name)
        if row.blind.value is not None:
            figure.add_scatter(
                x=[row.blind.value], y=[number], mode="markers",
                marker={"symbol": "line-ns", "size": 22, "line": {"color": colors.text, "width": 2.5}},
                hovertemplate=f"without the picture {percent(row.blind.value)}<extra></extra>",
            )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(shown))), ticktext=[row.name for row in shown], range=[len(shown) - 0.5, -0.5],
        fixedrange=True, showgrid=False, zeroline=False, ticks="", automargin=True,
    )  # fmt: skip
    share_axis(figure)
    return dressed(figure, colors, height=34 * max(1, len(shown)) + 40, bargap=0)


def rows_text(rows: Sequence[CaptionTestRow]) -> str:
    """The figure in words."""
    parts = [f"{r.name} {with_interval(r.accuracy)}, without the picture {percent(r.blind.value)}" for r in rows]
    return f"Items whose true caption wins: {'; '.join(parts)}."


def rows_csv(rows: Sequence[CaptionTestRow]) -> str:
    """Every score of every row."""
    out = []
    for row in rows:
        scores = {"text": row.accuracy, "undecided": row.undecided, "blind": row.blind}
        more = {"image": row.image, "group": row.group}
        every = [*scores.items(), *((name, share) for name, share in more.items() if share is not None)]
        out += [(row.name, row.kind, name, *numbers_of(share)) for name, share in every]
    return csv_text(("row", "kind", "score", "share", "low", "high", "n"), out)


def items_csv(items: Sequence[PairItemResult]) -> str:
    """Every item."""
    head = ("id", "row", "outcome", "margin", "same_words", "true_caption", "other_captions", "pictures")
    rows = []
    for i in items:
        texts = (i.captions[0], " | ".join(i.captions[1:]), " ".join(i.pictures))
        rows.append((i.id, i.split, i.outcome, i.margin, i.order_only, *texts))
    return csv_text(head, rows)

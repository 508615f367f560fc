"""What a survey found: the binding score, recognition, the swap atlas, scenes that fail, downloads."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import streamlit as st

from bindscope.core.binding_rules import CHANCE
from bindscope.features.surveys.schemas import AtlasCell, VerdictBatch
from bindscope.features.verdicts.findings import (
    accuracy_sentence,
    contest_finding,
    double_sentence,
    order_sentence,
    robust_sentence,
    signed,
)
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.contests import CELL_TRIALS
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.pages.surveys.figures import atlas_figure, atlas_text, cells_of
from bindscope_dashboard.pages.surveys.state import SurveyState
from bindscope_dashboard.pages.verdicts.gallery import scene_cards
from bindscope_dashboard.shared import cards, charts, exports, service, state, tables
from bindscope_dashboard.shared.html import Html, tag
from bindscope_dashboard.shared.links import query_of
from bindscope_dashboard.shared.recognition import (
    choice_figure,
    choice_text,
    recognition_figure,
    recognition_text,
)
from bindscope_dashboard.shared.states import ComposeState
from bindscope_dashboard.shared.wording import percent, runs_on, tiny, with_interval

_SHOWN = 6
#: Scenes that a survey may have.
MOST_SCENES = 5000


def show(batch: VerdictBatch, chosen: SurveyState, space: ConceptSpace) -> None:
    """All of it, the binding score first."""
    st.html(cards.finding_card(contest_finding(batch.binding, anchor=batch.anchor)))
    st.html(_facts(batch))
    with st.container(key="survey-columns"):
        left, right = st.columns(2, gap="large")
    with left:
        _shares(batch)
    with right:
        _atlas(batch, chosen, space)
    _failures(batch, chosen, space)
    _downloads(batch)


def _shares(batch: VerdictBatch) -> None:
    dark, binding = state.is_dark(), batch.binding
    named = {"its own caption": binding.forced_choice, "both scenes at once": binding.double_difference}
    named["meaning before order"] = batch.order_against_meaning
    shares = {name: own for name, own in named.items() if own is not None}
    if shares:
        st.subheader("Scene against its swap", anchor=False)
        st.plotly_chart(
            choice_figure(shares, dark=dark), theme=None, key="survey.choice", config=charts.saving("survey-choice"),
            alt=choice_text(shares),
        )  # fmt: skip
    told = (
        double_sentence(binding), order_sentence(batch.order_against_meaning),
        accuracy_sentence(batch.swap_accuracy, batch.swap_accuracy_chance), robust_sentence(batch.robust),
    )  # fmt: skip
    st.caption(" ".join(sentence for sentence in told if sentence))
    st.subheader("Recognition against chance", anchor=False)
    st.plotly_chart(
        recognition_figure(batch.recognition, batch.chance, object_chance=batch.object_chance, dark=dark),
        theme=None,
        key="survey.recognition",
        config=charts.saving("survey-recognition"),
        alt=recognition_text(batch.recognition, batch.chance, object_chance=batch.object_chance),
    )
    st.caption(
        "Thin lines are 95 % intervals over sets of values, the upright tick is chance. Where a swap exists there are "
        "two: random scores among the objects that the values allow, and always naming the most frequent pairing of "
        "these values, which takes no binding: only above it do the objects show any. A tie is never recognised."
    )


def _facts(batch: VerdictBatch) -> Html:
    provenance, choice = batch.provenance, batch.binding.forced_choice
    spread = "" if choice is None or choice.low is None or choice.high is None else (
        f" {100 * choice.low:.0f}–{100 * choice.high:.0f} %"
    )  # fmt: skip
    entries: list[tuple[str, str, str, str]] = [
        (
            "Binding score",
            percent(None if choice is None else choice.value),
            spread,
            f"chance {percent(CHANCE)}, over {0 if choice is None else choice.n} sets of values (bags)",
        ),
        (
            "Ties",
            percent(batch.binding.undecided.value),
            "",
            f"lead inside the noise floor of {tiny(batch.noise_floor)}; they count half",
        ),
        (
            "Scenes",
            str(batch.scenes),
            "",
            f"and {batch.twins} swaps of theirs; {batch.no_valid_swap} have none",
        ),
        (
            "Measured in",
            f"{batch.seconds:.1f} s",
            "",
            f"{runs_on(provenance.device, provenance.dtype)}, compared with the "
            + ("picture" if batch.anchor == "image" else "caption in another order"),
        ),
    ]
    boxes = [
        tag(
            "div",
            tag("div", title, cls="title"),
            tag("div", figure, tag("small", extra), cls="figure"),
            tag("div", note, cls="bs-muted"),
            cls="bs-fact",
        )
        for title, figure, extra, note in entries
    ]
    return tag("div", *boxes, cls="bs-facts")


def _atlas(batch: VerdictBatch, chosen: SurveyState, space: ConceptSpace) -> None:
    st.subheader("Swap atlas: what is taken for what", anchor=False)
    present = [c for c in space.concepts if cells_of(batch.atlas, c.name)]
    if not present:
        st.caption("No scene had two values to exchange.")
        return
    names = [c.name for c in present]
    name = st.segmented_control("Exchanged concept", names, default=names[0], key="survey.atlas.concept", required=True)
    concept = space.concept(name or names[0])
    cells = cells_of(batch.atlas, concept.name)
    event = st.plotly_chart(
        atlas_figure(cells, concept, dark=state.is_dark()),
        theme=None,
        key=f"survey.atlas.{concept.name}",
        config=charts.saving("survey-atlas"),
        on_select="rerun",
        selection_mode="points",
        alt=atlas_text(cells, concept.name),
    )
    st.caption(
        "True value down, wrong value across: how often, in %, the swapped caption won, drawn towards the mean of all "
        "by what few trials can show. Grey: cannot be told from the mean. ≈: all undecided. Of the two objects the one "
        "that comes first by its other values gives the direction. Click a cell to open its worst scene."
    )
    picked = _clicked(event, cells)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        cell = st.selectbox(
            "Or choose a pair", cells, format_func=_cell_title, key=f"survey.pair.{concept.name}", width=300
        )
        if st.button("Open its worst scene", key="survey.open-pair", icon=":material/open_in_full:"):
            picked = cell
    if picked is not None:
        _open_in_compose(picked.example, chosen)
    _more_scenes(batch, chosen)
    with st.expander("As a table"):
        rows = [
            (
                *(c.value, c.other, percent(c.swapped.value), with_interval(c.shrunk), "" if c.shown else "the mean"),
                *(str(c.undecided), signed(c.mean_margin)),
            )
            for c in cells
        ]
        head = ("True", "Wrong", "Swapped won", "Drawn to the mean", "Not told from", "Undecided", "Mean lead")
        st.html(tables.table(head, rows, label=f"Swap atlas of {concept.name}", numbers=frozenset({2, 5, 6})))


def _more_scenes(batch: VerdictBatch, chosen: SurveyState) -> None:
    """A button that runs as many scenes as the atlas needs."""
    if batch.atlas_needed is None or batch.atlas_needed <= batch.scenes:
        return
    wanted = min(batch.atlas_needed, MOST_SCENES)
    st.button(
        f"Enough scenes for the atlas ({wanted:,})", icon=":material/grid_on:", key="survey.enough",
        help=f"A cell takes {CELL_TRIALS} trials for a figure of its own: {batch.atlas_needed:,} scenes do that.",
        disabled=wanted <= batch.scenes, on_click=_run_with, args=(chosen.changed(count=wanted, run=True),),
    )  # fmt: skip


def _run_with(chosen: SurveyState) -> None:
    state.set_widgets({"survey.count": chosen.request.count})
    state.keep_shown("survey", chosen)


def _clicked(event: Any, cells: Sequence[AtlasCell]) -> AtlasCell | None:
    """The cell of a click that is new: a selection stays with the chart, and must open its scene only once."""
    points = event.selection.points if event is not None else []
    if not points or "customdata" not in points[0]:
        return None
    number = points[0]["customdata"]
    number = number[0] if isinstance(number, list | tuple) else number
    return cells[number] if isinstance(number, int) and 0 <= number < len(cells) else None


def _cell_title(cell: AtlasCell) -> str:
    return f"{cell.value} for {cell.other}: {percent(cell.swapped.value)} of {cell.swapped.n}"


def _open_in_compose(scene: SceneModel, chosen: SurveyState) -> None:
    before = state.compose()
    second = before.second if before is not None and before.second != chosen.model else None
    target = ComposeState.of(scene=scene, model=chosen.model, second=second, **asdict(chosen.wording))
    query = query_of(target, service.spaces())
    st.switch_page(state.page_named("compose"), query_params=query)


def _failures(batch: VerdictBatch, chosen: SurveyState, space: ConceptSpace) -> None:
    st.subheader("Scenes that fail", anchor=False)
    if not batch.failures:
        st.caption("In none of these scenes does a swapped caption score best.")
        return
    with st.container(key="survey-failing"):
        opened = scene_cards(batch.failures[:_SHOWN], space, columns=_SHOWN, key="survey.failing")
    if opened is not None:
        _open_in_compose(opened, chosen.changed(run=False))


def _downloads(batch: VerdictBatch) -> None:
    with st.expander("Provenance and downloads"):
        st.html(tables.facts(tables.provenance_facts(batch.provenance), label="Provenance"))
        with st.container(horizontal=True):
            st.download_button(
                "Survey (JSON)",
                batch.model_dump_json(indent=2),
                "survey.json",
                "application/json",
                key="survey.json",
                on_click="ignore",
                icon=":material/download:",
            )
            st.download_button(
                "Figures (CSV)",
                exports.survey_csv(batch),
                "survey.csv",
                "text/csv",
                key="survey.csv",
                on_click="ignore",
                icon=":material/download:",
            )

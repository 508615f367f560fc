"""Compare: which of these models should I take?

A reader picks models and a space. All of them are asked about the same scenes and their swaps. A board ranks those that
compare pictures with captions, another one those that compare captions with captions; models that do not separate share
a rank. Below, two of them side by side: the scenes on which they differ.
"""

import json
from collections.abc import Mapping, Sequence

import streamlit as st

from bindscope.features.comparisons.findings import (
    anchor_sentence,
    board_finding,
    change_text,
    disagreement_sentence,
    rank_sentence,
)
from bindscope.features.comparisons.schemas import (
    COMPARISON,
    DISAGREEMENTS,
    ComparisonProgress,
    ComparisonRequest,
    ComparisonResponse,
    DisagreementResponse,
    PairModel,
)
from bindscope.features.models.schemas import ModelSummary
from bindscope.features.verdicts.findings import signed
from bindscope.scenes.concepts import ConceptSpace
from bindscope_dashboard.pages.comparisons import board
from bindscope_dashboard.pages.comparisons.exports import board_csv, disagreements_csv
from bindscope_dashboard.pages.comparisons.state import CompareState
from bindscope_dashboard.pages.probes.findings import downloads, kept_since, story_card
from bindscope_dashboard.shared import cards, fields, own_data, service, state, tables
from bindscope_dashboard.shared.ask import ask, follow, picture
from bindscope_dashboard.shared.html import tag
from bindscope_dashboard.shared.links import query_of
from bindscope_dashboard.shared.opening import first_model, first_space, opened
from bindscope_dashboard.shared.pickers import space_picker
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.scene_text import in_words
from bindscope_dashboard.shared.share import share_popover
from bindscope_dashboard.shared.wording import counted, literal, model_title

PAGE = "compare"
_SHOWN, _PIXELS = 8, 128
_OUTCOMES = {"binds": "✓ true caption", "swaps": "⇄ swapped caption", "undecided": "≈ undecided"}


def page() -> None:
    """The page of the navigation."""
    with explained():
        models, spaces = service.models(), service.spaces()
        opened(
            PAGE,
            lambda: CompareState.of(models=_first(models), space=first_space(spaces)),
            widgets=_widgets,
        )
        _desk()


def _first(models: list[ModelSummary]) -> tuple[str, ...]:
    """Two bundled models where they are there."""
    usable = [m.id for m in models if m.available and "text" in m.modalities]
    wanted = [name for name in ("bundled:tiny-bag", "bundled:tiny-bind") if name in usable]
    return tuple(wanted) or (first_model(models),)


def _widgets(shown: CompareState) -> dict[str, object]:
    return {
        "compare.models": shown.models,
        "compare.space": shown.space,
        "compare.count": shown.request.count,
        "compare.seed": shown.request.seed,
        "compare.repair": shown.request.repair,
        "compare.first": shown.models[shown.pair[0]] if shown.pair[0] < len(shown.models) else "",
        "compare.second": shown.models[shown.pair[1]] if shown.pair[1] < len(shown.models) else "",
    }


@st.fragment
def _desk() -> None:
    with explained():
        models, spaces = service.models(), service.spaces()
        shown: CompareState | None = state.shown(PAGE)
        if shown is None:
            st.rerun()
            return
        with st.container(horizontal=True, vertical_alignment="bottom", key="compare-bar"):
            chosen = _settings(shown, models, spaces)
            share = st.container(width="content")
        if chosen.models:
            _show(answer := _asked(chosen))
            chosen = _side_by_side(chosen, spaces[chosen.space])
            _behind(answer)
        else:
            st.info("Choose at least one model with a text tower.", icon=":material/info:")
        state.keep_shown(PAGE, chosen)
        query = query_of(chosen, spaces)
        state.mirror(PAGE, query)
        with share:
            share_popover(query, [chosen.body], path="/v1/comparisons", method="compare", key="compare.share")


def _asked(chosen: CompareState) -> ComparisonResponse:
    """The board, with the row that is measured now and the share of rows that are done."""
    place = st.empty()

    def show(progress: ComparisonProgress) -> None:
        what = {"random": ", random weights", "blind": ", blank pictures"}.get(progress.kind, "")
        text = f"{progress.done + 1} of {progress.total}: {literal(model_title(progress.model))}{what} …"
        place.progress(progress.done / progress.total, text=text)

    try:
        return follow(COMPARISON, chosen.body, lambda client, body: client.compare(**body, on_progress=show))
    finally:
        place.empty()


def _settings(shown: CompareState, models: Sequence[ModelSummary], spaces: Mapping[str, ConceptSpace]) -> CompareState:
    offered = [m.id for m in models if m.available and "text" in m.modalities]
    names = st.multiselect(
        "Models", list(dict.fromkeys([*offered, *shown.models])), key="compare.models", accept_new_options=True,
        max_selections=fields.most(ComparisonRequest, "models"), width=460, placeholder="Choose models",
    )  # fmt: skip
    space = space_picker(PAGE, spaces)
    with st.popover("More", icon=":material/tune:"):
        count = fields.whole("Scenes", "compare.count", ComparisonRequest, step=100)
        seed = fields.seed(PAGE, ComparisonRequest)
        mend = fields.checkbox("Measure what a repair gains (slower)", "compare.repair")
    return shown.changed(models=names, space=space, count=count, seed=seed, repair=mend)


def _show(answer: ComparisonResponse) -> None:
    for anchor, bags in answer.bags.items():
        if len(answer.bags) > 1:
            st.subheader({"image": "Pictures and captions", "text": "Captions only"}[anchor], anchor=False)
            st.caption(anchor_sentence(anchor))
        rows = [row for row in answer.rows if row.anchor == anchor]
        st.html(story_card(board_finding(rows)))
        st.html(board.table(answer, anchor))
        st.caption(
            f"{answer.scenes} scenes with a valid swap and their swaps, the same for all. Binding score: the true "
            "caption against that of one swap, from both sides; 95 % intervals over bags, the tick is chance. "
            f"{rank_sentence(bags, sum(row.kind == 'model' for row in rows))}"
        )
    if answer.pairs:
        with st.expander("Pairs"):
            pairs = [
                (
                    model_title(pair.first), model_title(pair.second), change_text(pair.difference),
                    "–" if pair.adjusted is None else f"{pair.adjusted:.2g}", _pair_word(pair),
                )
                for pair in answer.pairs
            ]  # fmt: skip
            head = ("First", "Second", "First minus second", "p (Holm)", "")
            st.html(tables.table(head, pairs, label="Pairs of models", numbers=frozenset({3}), cls="dense"))


def _pair_word(pair: PairModel) -> str:
    if pair.adjusted is None:
        return "too few bags"
    return "differ" if pair.separate else "do not separate"


def _side_by_side(chosen: CompareState, space: ConceptSpace) -> CompareState:
    if len(chosen.models) < 2:
        return chosen
    st.subheader("Where two of them differ", anchor=False)
    names = chosen.models
    for key, number in (("compare.first", 0), ("compare.second", 1)):
        if not state.has_widget(key) or state.widget(key) not in names:
            state.set_widgets({key: names[number]})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = st.selectbox("First", names, key="compare.first", width=260)
        second = st.selectbox("Second", names, key="compare.second", width=260)
    if first == second:
        st.info("Choose two different models.", icon=":material/info:")
        return chosen
    chosen = chosen.changed(pair=(names.index(first), names.index(second)))
    with st.spinner("Looking for scenes on which they differ …"):
        found = ask(DISAGREEMENTS, chosen.differing)
    _differences(found, (first, second), space)
    return chosen


def _differences(found: DisagreementResponse, names: tuple[str, str], space: ConceptSpace) -> None:
    table = found.table
    st.markdown(
        f"Both right in {table['both']}, only {literal(model_title(names[0]))} in {table['only_first']}, only "
        f"{literal(model_title(names[1]))} in {table['only_second']}, neither in {table['neither']} of {found.scenes} "
        f"scenes. {disagreement_sentence(found.difference, found.p)}"
    )
    if not found.items:
        st.success("They decide every one of these scenes alike.")
        return
    columns = st.columns(4, gap="small")
    for number, item in enumerate(found.items[:_SHOWN]):
        with columns[number % 4]:
            said = in_words(item.scene)
            if own_data.has_pictures(space):
                st.html(cards.thumbnail(picture(item.scene, _PIXELS), said))
            else:
                st.text(said)
            lines = [
                tag("li", f"{model_title(name)}: {_OUTCOMES[outcome]} ({signed(margin)})")
                for name, outcome, margin in zip(names, item.outcomes, item.margins, strict=True)
            ]
            st.html(tag("ul", *lines, cls="bs-plain"))
    if found.total > _SHOWN:
        st.caption(f"The widest {_SHOWN} of {counted(found.total, 'difference')}.")
    downloads(
        "differences",
        json_text=json.dumps(found.model_dump(mode="json"), indent=2),
        csv_text=disagreements_csv(found),
    )


def _behind(answer: ComparisonResponse) -> None:
    with st.expander("Provenance and downloads"):
        for row in answer.rows:
            facts = [("answer", kept_since(answer)), *tables.provenance_facts(row.provenance)]
            st.html(tables.facts(facts, label=f"Provenance, {row.model}"))
        text = json.dumps(answer.model_dump(mode="json"), indent=2)
        downloads("board", json_text=text, csv_text=board_csv(answer))

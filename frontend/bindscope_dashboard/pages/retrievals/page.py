"""Retrieve: whom does a query find, the right scene or its swapped twin?

A reader picks a model and a space. The first bar says how often the right scene is ahead of its twin, where a coin
reaches one half; below, each query stands beside what it found, as pictures or captions, failures first. The second tab
lists captions that mean different things and share a vector.
"""

import json
from collections.abc import Mapping, Sequence

import streamlit as st

from bindscope.features.models.schemas import ModelSummary
from bindscope.features.near_duplicates.schemas import NEAR_DUPLICATES, NearDuplicatesResponse
from bindscope.features.retrievals.findings import retrieval_finding
from bindscope.features.retrievals.schemas import (
    RETRIEVAL,
    Direction,
    RetrievalItem,
    RetrievalRequest,
    RetrievalResponse,
    RetrievedItem,
)
from bindscope.scenes.concepts import ConceptSpace
from bindscope_dashboard.pages.probes.findings import downloads, kept_since, story_card
from bindscope_dashboard.pages.retrievals import hits
from bindscope_dashboard.pages.retrievals.exports import near_duplicates_csv, retrieval_csv
from bindscope_dashboard.pages.retrievals.figures import recall_figure, recall_text
from bindscope_dashboard.pages.retrievals.state import RetrieveState
from bindscope_dashboard.shared import charts, fields, own_data, service, state, tables
from bindscope_dashboard.shared.ask import ask, picture
from bindscope_dashboard.shared.links import query_of
from bindscope_dashboard.shared.opening import first_model, first_space, opened
from bindscope_dashboard.shared.pickers import missing_tower, model_picker, space_picker, summary_of
from bindscope_dashboard.shared.problems import explained, explained_in_card
from bindscope_dashboard.shared.share import share_popover
from bindscope_dashboard.shared.wording import counted, literal, percent, tiny

PAGE = "retrieve"
_WORDS: Mapping[Direction, str] = {
    "text_to_image": "Caption → picture",
    "image_to_text": "Picture → caption",
    "text_to_text": "Caption → caption",
}
_AT_A_TIME = 6


def page() -> None:
    """The page of the navigation."""
    with explained():
        models, spaces = service.models(), service.spaces()
        opened(
            PAGE,
            lambda: RetrieveState.of(model=first_model(models), space=first_space(spaces)),
            widgets=_widgets,
        )
        _desk()


def _widgets(shown: RetrieveState) -> dict[str, object]:
    return {
        "retrieve.model": shown.model,
        "retrieve.space": shown.space,
        "retrieve.direction": shown.request.direction,
        "retrieve.distractors": shown.request.distractors,
        "retrieve.k": shown.request.k,
        "retrieve.queries": shown.request.queries,
        "retrieve.seed": shown.request.seed,
    }


@st.fragment
def _desk() -> None:
    with explained():
        models, spaces = service.models(), service.spaces()
        shown: RetrieveState | None = state.shown(PAGE)
        if shown is None:
            st.rerun()
            return
        with st.container(horizontal=True, vertical_alignment="bottom", key="retrieve-bar"):
            chosen = _settings(shown, models, spaces)
            state.keep_shown(PAGE, chosen)
            query = query_of(chosen, spaces)
            state.mirror(PAGE, query)
            share_popover(query, [chosen.body], path="/v1/retrievals", method="retrieve", key="retrieve.share")
        found, close = st.tabs(["Retrieval", "Same vector"], default="Same vector" if chosen.close else "Retrieval")
        with found, explained_in_card():
            with st.spinner(f"Embedding scenes of {chosen.space} with {literal(chosen.model)} …"):
                answer = ask(RETRIEVAL, chosen.body)
            _show(answer, spaces[chosen.space])
        with close, explained_in_card():
            _close(chosen)


def _settings(
    shown: RetrieveState, models: Sequence[ModelSummary], spaces: Mapping[str, ConceptSpace]
) -> RetrieveState:
    model = model_picker(PAGE, shown.model, models)
    space = space_picker(PAGE, spaces)
    pictures = missing_tower(summary_of(model, models), spaces[space], "image") is None
    options: list[Direction] = ["text_to_image", "image_to_text", "text_to_text"] if pictures else ["text_to_text"]
    if state.widget("retrieve.direction") not in options:
        state.set_widgets({"retrieve.direction": options[0]})
    direction = st.segmented_control(
        "Search", options, key="retrieve.direction", format_func=lambda name: _WORDS[name], required=True
    )
    distractors = st.segmented_control(
        "Among", ["swaps", "all"], key="retrieve.distractors", required=True,
        format_func=lambda name: "swapped twins" if name == "swaps" else "all scenes",
        help="Swapped twins: the queried scenes and their twins. All scenes: every ordered scene of the space.",
    )  # fmt: skip
    with st.popover("More", icon=":material/tune:"):
        k = fields.whole("Recall at k", "retrieve.k", RetrievalRequest)
        queries = fields.whole("Queries", "retrieve.queries", RetrievalRequest, step=50)
        seed = fields.seed(PAGE, RetrievalRequest)
    return shown.changed(
        model=model, space=space, direction=direction or options[0], distractors=distractors or "swaps", k=k,
        queries=queries, seed=seed,
    )  # fmt: skip


def _show(answer: RetrievalResponse, space: ConceptSpace) -> None:
    st.html(story_card(retrieval_finding(answer)))
    st.plotly_chart(
        recall_figure(answer, dark=state.is_dark()), theme=None, key="retrieve.recall", config=charts.saving("recall"),
        alt=recall_text(answer),
    )  # fmt: skip
    st.caption(
        f"{counted(answer.queries, 'query', 'queries')} in a gallery of {answer.gallery:,}, 95 % intervals over bags. "
        "First bar: each scene and its swapped twin are asked for in turn, a tie is half a win. In the others a tie "
        "never counts as found. The same objects in another order are right as well; upright ticks are chance."
    )
    _list(answer, space)
    _behind(answer)


def _list(answer: RetrievalResponse, space: ConceptSpace) -> None:
    st.subheader("What each query finds", anchor=False)
    failed = [item for item in answer.items if item.rank > 1]
    which = st.segmented_control(
        "Show", ["failures", "all"], default="failures" if failed else "all", key="retrieve.which", required=True
    )
    items = failed if which == "failures" else answer.items
    if not items:
        st.success("No query fails: the right scene comes first every time.")
        return
    pages = -(-len(items) // _AT_A_TIME)
    key = f"retrieve.page.{which}.{pages}"
    number = st.number_input(f"Page, of {pages}", 1, pages, key=key, width=150) if pages > 1 else 1
    shown = items[(number - 1) * _AT_A_TIME :][:_AT_A_TIME]
    st.html(hits.rows(shown, [_pictures(item, space) for item in shown]))


def _pictures(item: RetrievalItem, space: ConceptSpace) -> list[bytes | None]:
    """What stands for the query and its results; None where it is a caption."""
    entries: list[RetrievalItem | RetrievedItem] = [item, *item.results[: hits.RESULTS]]
    return [
        picture(entry.scene, hits.PIXELS) if entry.text is None and own_data.has_pictures(space) else None
        for entry in entries
    ]


def _behind(answer: RetrievalResponse) -> None:
    with st.expander("Provenance and downloads"):
        facts = [
            ("answer", kept_since(answer)),
            ("search", _WORDS[answer.direction]),
            ("noise floor", tiny(answer.noise_floor)),
            *tables.provenance_facts(answer.provenance),
        ]
        st.html(tables.facts(facts, label="Provenance"))
        downloads(
            "retrieval",
            json_text=json.dumps(answer.model_dump(mode="json"), indent=2),
            csv_text=retrieval_csv(answer),
        )


def _close(chosen: RetrieveState) -> None:
    with st.expander("Compare captions of your own", icon=":material/content_paste:"):
        pasted = st.text_area(
            "One caption a line, each with another meaning", key="retrieve.pasted", height=140, max_chars=200_000
        )
        least = st.number_input(
            "Show pairs from a cosine of", -1.0, 1.0, 0.99, 0.005, format="%.3f", key="retrieve.cosine", width=220
        )
    lines = [line for line in pasted.splitlines() if line.strip()]
    body = {"model": chosen.model, "texts": lines, "min_cosine": least} if lines else chosen.near_duplicates
    with st.spinner("Comparing captions …"):
        answer = ask(NEAR_DUPLICATES, body)
    _show_close(answer, pasted=bool(lines))


def _show_close(answer: NearDuplicatesResponse, *, pasted: bool) -> None:
    why, lost = ("", "") if pasted else (" (closer than one caption encoded twice)", ": no search can tell them apart")
    closest = f"at a cosine of {answer.min_cosine:.6f} or above{why}"
    if not answer.total:
        st.success(f"Of {answer.compared:,} pairs of captions with different meanings, none is {closest}.")
    else:
        st.warning(
            f"{counted(answer.total, 'pair')} of {answer.compared:,} ({percent(answer.share.value)}) with different "
            f"meanings {'is' if answer.total == 1 else 'are'} {closest}{lost}.",
            icon=":material/content_copy:",
        )
        rows = [(f"{p.cosine:.6f}", p.first, p.second, "⇄ swap" if p.swap else "") for p in answer.pairs]
        st.html(tables.table(("Cosine", "Caption", "Caption", ""), rows, label="Closest pairs", cls="dense"))
        if answer.total > len(answer.pairs):
            st.caption(f"The closest {len(answer.pairs)} of {answer.total:,}.")
    downloads(
        "same-vector",
        json_text=json.dumps(answer.model_dump(mode="json"), indent=2),
        csv_text=near_duplicates_csv(answer),
    )

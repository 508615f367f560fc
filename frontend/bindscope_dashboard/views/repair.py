"""Repair: does a linear map on the text side give the binding back, and what does it cost?

A reader picks a model with both towers and a space, and presses Repair. The cards say what the map gains on scenes of
unseen objects and what it costs; a slider uses a part of it. The map can be taken away as a file with ten lines of
numpy, or asked as a model on every page.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from bindscope.domain.concepts import ConceptSpace
from bindscope.schemas.models import ModelSummary
from bindscope.schemas.repairs import RepairFigures, RepairModel
from bindscope_dashboard import charts, choosing, choosing_exports, service, state, tables
from bindscope_dashboard.choosing_links import RepairState, repair_body, repair_from_query, repair_query
from bindscope_dashboard.choosing_story import repair_story
from bindscope_dashboard.markup import tag
from bindscope_dashboard.plots.choosing import LINES, path_figure, path_text
from bindscope_dashboard.views.opening import first_model, first_space, opened
from bindscope_dashboard.views.pickers import model_picker, space_picker
from bindscope_dashboard.views.probe_findings import downloads, figure_card, story_card
from bindscope_dashboard.views.problems import explained
from bindscope_dashboard.views.share import share_popover
from bindscope_dashboard.views.use_model import use_model
from bindscope_dashboard.wording import duration, literal, percent, plain_number, with_interval

PAGE = "repair"


def page() -> None:
    """The page of the navigation."""
    with explained():
        models, spaces = service.models(), service.spaces()
        opened(
            PAGE,
            lambda: RepairState(_first(models), first_space(spaces)),
            read=lambda query, default: repair_from_query(query, default, spaces),
            widgets=_widgets,
        )
        _desk()


def _first(models: list[ModelSummary]) -> str:
    """A model with both towers."""
    first = first_model(models)
    both = [m.id for m in models if m.available and len(m.modalities) == 2 and m.family != "repaired"]
    return first if first in both or not both else both[0]


def _widgets(shown: RepairState) -> dict[str, object]:
    return {
        "repair.model": shown.model,
        "repair.space": shown.space,
        "repair.percent": shown.percent,
        "repair.limit": shown.limit,
        "repair.seed": shown.seed,
    }


@st.fragment
def _desk() -> None:
    with explained():
        models, spaces = service.models(), service.spaces()
        shown: RepairState | None = state.shown(PAGE)
        if shown is None:
            st.rerun()
            return
        with st.container(horizontal=True, vertical_alignment="bottom", key="repair-bar"):
            chosen = _settings(shown, models, spaces)
            share = st.container(width="content")
        answer = _answer(chosen) if chosen.run else None
        if answer is not None:
            chosen = _show(answer, chosen)
        else:
            st.info(
                "Learns one matrix on the text side so that a picture is nearer to its own caption than to the swapped "
                "one, from scenes of some objects, and tests it on scenes of the others. Press Repair.",
                icon=":material/build:",
            )
        state.keep_shown(PAGE, chosen)
        query = repair_query(chosen)
        state.mirror(PAGE, query)
        with share:
            share_popover(query, [repair_body(chosen)], path="/v1/repairs", method="repair", key="repair.share")


def _settings(shown: RepairState, models: Sequence[ModelSummary], spaces: Mapping[str, ConceptSpace]) -> RepairState:
    model = model_picker(PAGE, shown.model, models)
    space = space_picker(PAGE, spaces)
    with st.popover("More", icon=":material/tune:"):
        share = st.number_input("Objects to train on, %", 1, 99, key="repair.percent")
        limit = st.number_input("Limit: scenes at most", 4, 20_000, key="repair.limit", step=500)
        seed = st.number_input("Seed", 0, 2**31 - 1, key="repair.seed")
    pressed = st.button("Repair", type="primary", icon=":material/build:", key="repair.run")
    new = replace(shown, model=model, space=space, percent=int(share), limit=int(limit), seed=int(seed))
    changed = repair_body(new) != repair_body(shown)
    return replace(new, run=pressed or (shown.run and not changed), tenths=None if changed else shown.tenths)


def _answer(chosen: RepairState) -> RepairModel:
    with st.spinner(f"Embedding scenes of {chosen.space} with {literal(chosen.model)} and learning the map …"):
        return choosing.repair(repair_body(chosen))


def _show(answer: RepairModel, chosen: RepairState) -> RepairState:
    cards = [_card(words, answer, name) for name, words, _, _ in LINES]
    st.html(tag("div", *cards, cls="bs-facts three"))
    st.html(story_card(repair_story(answer)))
    tenths = round(10 * answer.t) if chosen.tenths is None else chosen.tenths
    key = f"repair.tenths.{answer.id}"
    state.seed_widgets({key: tenths})
    tenths = st.select_slider(
        "Part of the map that is used", range(11), key=key, format_func=lambda n: f"{n / 10:g}",
        help="A_t = (1 - t) I + t A: 0 is the model as it is. The part that was chosen on training objects is "
        f"{answer.t:g}.",
    )  # fmt: skip
    point = answer.path[tenths]
    st.plotly_chart(
        path_figure(answer, point.t, dark=state.is_dark()), theme=None, key="repair.path",
        config=charts.saving("repair-path"), alt=path_text(answer),
    )  # fmt: skip
    st.caption(
        f"At t = {point.t:g}: "
        + "; ".join(f"{words} {with_interval(getattr(point, name))}" for name, words, _, _ in LINES)
        + f"; distance from the identity {plain_number(point.distance)}. Scenes of unseen objects, 95 % bands."
    )
    st.html(_table(answer))
    _take(answer, point.t)
    with st.expander("Provenance and downloads"):
        st.html(tables.facts(_facts(answer), label="Provenance"))
        text = json.dumps(answer.model_dump(mode="json"), indent=2)
        downloads("repair", json_text=text, csv_text=choosing_exports.repair_csv(answer))
    return replace(chosen, tenths=None if tenths == round(10 * answer.t) else tenths)


def _card(words: str, answer: RepairModel, name: str) -> str:
    before, after = getattr(answer.before, name), getattr(answer.after, name)
    gain = (after.value or 0.0) - (before.value or 0.0)
    tone = "binds" if gain > 0.02 else "bag_of_concepts" if gain < -0.02 else "undecided"
    points = round(100 * gain)
    status = f"{points:+d} points, from {percent(before.value)}".replace("-", "−") if points else "as before"
    return figure_card(words.capitalize(), after, status=status, note=f"unseen objects, t = {answer.t:g}", tone=tone)


def _table(answer: RepairModel) -> str:
    rows: list[tuple[str, RepairFigures]] = [
        ("as it is", answer.before),
        (f"repaired, t = {answer.t:g}", answer.after),
        ("means removed (free)", answer.baselines["mean_removed"]),
        ("whitened (free)", answer.baselines["whitened"]),
    ]
    return tables.table(
        ("Model", *(words.capitalize() for _, words, _, _ in LINES)),
        [(name, *(with_interval(getattr(own, figure)) for figure, _, _, _ in LINES)) for name, own in rows],
        label="Repair beside free baselines",
        cls="wrap",
    )


def _take(answer: RepairModel, t: float) -> None:
    st.subheader("Take it along", anchor=False)
    name = answer.repaired if t == answer.t else f"{answer.repaired}@{t:g}"
    use_model(name, answer.space, key="repair.use")
    st.caption(f"As a model on every page: {literal(name)}")
    st.download_button(
        "Map (.npz)", choosing.repair_file(answer.id), f"{answer.id}.npz", "application/octet-stream",
        key="repair.npz", on_click="ignore", icon=":material/download:",
    )  # fmt: skip
    with st.expander("Ten lines of numpy"):
        st.code(answer.snippet, language="python")


def _facts(answer: RepairModel) -> list[tuple[str, str]]:
    return [
        ("repair", answer.id),
        ("answer", "kept" if answer.cached else f"computed in {duration(answer.seconds)}"),
        ("scenes", f"{answer.train_scenes:,} for training, {answer.test_scenes:,} of unseen objects for the figures"),
        (
            "training",
            f"strength {answer.chosen['strength']:g}, {answer.chosen['steps']:g} steps, chosen inside training",
        ),
        *((name, str(value)) for name, value in tables.provenance_facts(answer.provenance)),
    ]

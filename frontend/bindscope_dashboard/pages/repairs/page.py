"""Repair: does a linear map on the text side give the binding back, and what does it cost?

A reader picks a model with both towers and a space, and presses Repair. The cards say what the map gains on scenes of
unseen objects and what it costs; a slider uses a part of it. A map that was confirmed can be taken away as a file with
ten lines of numpy, or asked as a model on every page; one that was not is shown, and offered nowhere.
"""

import json
from collections.abc import Mapping, Sequence

import streamlit as st

from bindscope.core.binding_rules import CHANCE
from bindscope.features.models.schemas import ModelSummary
from bindscope.features.repairs.findings import points, repair_finding
from bindscope.features.repairs.schemas import REPAIR, RepairFigures, RepairModel, RepairRequest, RepairStratum
from bindscope.scenes.concepts import ConceptSpace
from bindscope_dashboard.pages.probes.findings import downloads, figure_card, story_card
from bindscope_dashboard.pages.repairs.exports import repair_csv
from bindscope_dashboard.pages.repairs.figures import LINES, path_figure, path_text, repair_share
from bindscope_dashboard.pages.repairs.state import RepairState
from bindscope_dashboard.shared import charts, fields, service, state, tables
from bindscope_dashboard.shared.ask import ask
from bindscope_dashboard.shared.html import tag
from bindscope_dashboard.shared.links import query_of
from bindscope_dashboard.shared.opening import first_model, first_space, opened
from bindscope_dashboard.shared.pickers import model_picker, space_picker
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.share import share_popover
from bindscope_dashboard.shared.use_model import use_model
from bindscope_dashboard.shared.wording import duration, literal, percent, plain_number, with_interval

PAGE = "repair"
#: A model that holds the binding in both towers without sharing it, and a space with room for held-out blocks.
_MODEL, _SPACE = "bundled:tiny-split", "shapes2d"


def page() -> None:
    """The page of the navigation."""
    with explained():
        models, spaces = service.models(), service.spaces()
        opened(
            PAGE,
            lambda: RepairState.of(model=_first(models), space=_SPACE if _SPACE in spaces else first_space(spaces)),
            widgets=_widgets,
        )
        _desk()


def _first(models: list[ModelSummary]) -> str:
    """The composed model where it has both towers, else one that can be repaired."""
    both = [m.id for m in models if m.available and len(m.modalities) == 2 and m.family != "repaired"]
    composed = state.compose()
    wanted = _MODEL if composed is None else composed.model
    return wanted if wanted in both else (both or [first_model(models)])[0]


def _widgets(shown: RepairState) -> dict[str, object]:
    return {
        "repair.model": shown.model,
        "repair.space": shown.space,
        "repair.percent": round(100 * shown.request.coverage),
        "repair.limit": shown.request.limit,
        "repair.seed": shown.request.seed,
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
                "one, from scenes of some objects, confirms it on scenes of others, and tests it on scenes of a third "
                "kind. Press Repair.",
                icon=":material/build:",
            )
        state.keep_shown(PAGE, chosen)
        query = query_of(chosen, spaces)
        state.mirror(PAGE, query)
        with share:
            share_popover(query, [chosen.body], path="/v1/repairs", method="repair", key="repair.share")


def _settings(shown: RepairState, models: Sequence[ModelSummary], spaces: Mapping[str, ConceptSpace]) -> RepairState:
    model = model_picker(PAGE, shown.model, models)
    space = space_picker(PAGE, spaces)
    with st.popover("More", icon=":material/tune:"):
        share = fields.percent(
            "Objects to train on, %", "repair.percent",
            help="The others are two blocks of values of equal size: one chooses and confirms the map, one tests it. "
            "The nearest blocks with scenes enough are taken.",
        )  # fmt: skip
        limit = fields.whole("Limit: scenes at most", "repair.limit", RepairRequest, step=500)
        seed = fields.seed(PAGE, RepairRequest)
    pressed = st.button("Repair", type="primary", icon=":material/build:", key="repair.run")
    new = shown.changed(model=model, space=space, coverage=share / 100, limit=limit, seed=seed)
    changed = new.request != shown.request
    return new.changed(run=pressed or (shown.run and not changed), tenths=None if changed else shown.tenths)


def _answer(chosen: RepairState) -> RepairModel:
    with st.spinner(f"Embedding scenes of {chosen.space} with {literal(chosen.model)} and learning the map …"):
        return ask(REPAIR, chosen.body)


def _show(answer: RepairModel, chosen: RepairState) -> RepairState:
    cards = [_card(words, answer, name) for name, words, _, _ in LINES]
    st.html(tag("div", *cards, cls="bs-facts three"))
    st.html(story_card(repair_finding(answer)))
    tenths = round(10 * answer.t) if chosen.tenths is None else chosen.tenths
    key = f"repair.tenths.{answer.id or chosen.body}"
    state.seed_widgets({key: tenths})
    tenths = st.select_slider(
        "Part of the map that is used", range(11), key=key, format_func=lambda n: f"{n / 10:g}",
        help="A_t = (1 - t) I + t A: 0 is the model as it is. The part that was chosen and confirmed on validation "
        f"scenes is {answer.t:g}; a part picked by these curves is picked on the test.",
    )  # fmt: skip
    point = answer.path[tenths]
    st.plotly_chart(
        path_figure(answer, point.t, dark=state.is_dark()), theme=None, key="repair.path",
        config=charts.saving("repair-path"), alt=path_text(answer),
    )  # fmt: skip
    st.caption(
        f"At t = {point.t:g}: "
        + "; ".join(f"{words} {with_interval(repair_share(point, name))}" for name, words, _, _ in LINES)
        + f"; distance from the identity {plain_number(point.distance)}. Scenes of unseen objects, 95 % bands; n is "
        f"bags, or unseen objects if fewer. Chance of the first figure is {percent(CHANCE)}."
    )
    st.html(_table(answer))
    st.html(_strata(answer))
    if answer.id is not None and answer.repaired is not None:
        _take(answer, answer.id, answer.repaired, t=point.t)
    with st.expander("Provenance and downloads"):
        st.html(tables.facts(_facts(answer), label="Provenance"))
        text = json.dumps(answer.model_dump(mode="json"), indent=2)
        downloads("repair", json_text=text, csv_text=repair_csv(answer))
    return chosen.changed(tenths=None if tenths == round(10 * answer.t) else tenths)


def _card(words: str, answer: RepairModel, name: str) -> str:
    before, after = repair_share(answer.before, name), repair_share(answer.after, name)
    if name == "binding":
        low, high = answer.gain.low or 0.0, answer.gain.high or 0.0
        tone = "binds" if low > 0 else "bag_of_concepts" if high < 0 else "undecided"
        status = (
            f"{points(answer.gain)}; chance {percent(CHANCE)}" if answer.t else f"as before; chance {percent(CHANCE)}"
        )
        return figure_card(
            words.capitalize(), after, status=status, note=f"unseen objects, t = {answer.t:g}", tone=tone
        )
    change = round(100 * ((after.value or 0.0) - (before.value or 0.0)))
    status = f"{change:+d} points, from {percent(before.value)}".replace("-", "−") if change else "as before"
    return figure_card(words.capitalize(), after, status=status, note="a cost where it falls", tone="undecided")


def _table(answer: RepairModel) -> str:
    rows: list[tuple[str, RepairFigures]] = [("as it is", answer.before)]
    rows += [(f"repaired, t = {answer.t:g}", answer.after)] if answer.t else []
    rows += [
        ("means removed (free)", answer.baselines["mean_removed"]),
        ("whitened (free)", answer.baselines["whitened"]),
    ]
    level = answer.before.swap_accuracy_chance
    strict = "Swap accuracy" if level is None else f"Swap accuracy (chance {percent(level)})"
    return tables.table(
        ("Model", *(words.capitalize() for _, words, _, _ in LINES), strict),
        [
            (
                name,
                *(
                    with_interval(repair_share(own, figure))
                    for figure in [*(line[0] for line in LINES), "swap_accuracy"]
                ),
            )
            for name, own in rows
        ],
        label="Repair beside free baselines",
        cls="wrap",
    )


def _strata(answer: RepairModel) -> str:
    """A memorised table gains where both objects are familiar, a shared code where none is."""
    return tables.table(
        (f"Scenes, map at t = {answer.confirmation.t:g}", "Before", "After", "Gain"),
        [
            (_familiar(own), with_interval(own.before), with_interval(own.after), points(own.gain))
            for own in answer.strata
        ],
        label="True before swapped, by how many objects the map has learned from",
        cls="wrap",
    )


def _familiar(own: RepairStratum) -> str:
    return {0: "no object familiar to the map", 1: "one familiar", 2: "both familiar"}[own.familiar]


def _take(answer: RepairModel, repair_id: str, repaired: str, *, t: float) -> None:
    st.subheader("Take it along", anchor=False)
    name = repaired if t == answer.t else f"{repaired}@{t:g}"
    use_model(name, answer.space, key="repair.use")
    st.caption(f"As a model on every page: {literal(name)}")
    st.download_button(
        "Map (.npz)", service.repair_file(repair_id), f"{repair_id}.npz", "application/octet-stream",
        key="repair.npz", on_click="ignore", icon=":material/download:",
    )  # fmt: skip
    with st.expander("Ten lines of numpy"):
        st.code(answer.snippet, language="python")


def _facts(answer: RepairModel) -> list[tuple[str, str]]:
    tried = answer.confirmation
    held = {name: ", ".join(" ".join(values) for values in block.values()) for name, block in answer.blocks.items()}
    return [
        ("repair", answer.id or "none was kept"),
        ("answer", "kept" if answer.cached else f"computed in {duration(answer.seconds)}"),
        (
            "scenes",
            f"{answer.train_scenes:,} of {answer.train_objects} objects for training, {answer.test_scenes:,} of "
            f"{answer.test_objects} unseen objects for the figures",
        ),
        ("validation values", held["validation"]),
        ("test values", held["test"]),
        ("chosen", f"t = {tried.t:g}, {points(tried.choosing, 'bags')}"),
        ("confirmed", f"{points(tried.confirming, 'bags')}, p = {tried.p:.2g}: {'yes' if tried.kept else 'no'}"),
        ("training", f"strength {answer.chosen['strength']:g}, {answer.chosen['steps']:g} steps"),
        *((name, str(value)) for name, value in tables.provenance_facts(answer.provenance)),
    ]

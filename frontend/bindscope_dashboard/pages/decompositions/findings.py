"""What a decomposition found: the facts, the estimators beside each other, one scene's shares."""

from collections.abc import Callable, Sequence

import streamlit as st

from bindscope.core.sentences.derived import derived_note
from bindscope.features.decompositions.findings import rebuilt_sentence, twin_note
from bindscope.features.decompositions.schemas import SCENE_SHARES, DecompositionResponse, SceneShareResponse
from bindscope.scenes.concepts import ConceptSpace
from bindscope_dashboard.pages.decompositions.figures import (
    ESTIMATOR_NAMES,
    Fit,
    number,
    percent_of,
    r2_figure,
    r2_text,
    shares_figure,
    shares_text,
)
from bindscope_dashboard.pages.decompositions.state import DecomposeState
from bindscope_dashboard.pages.probes.findings import binding_card, downloads, kept_since, strict_note
from bindscope_dashboard.shared import charts, exports, own_data, service, state, tables
from bindscope_dashboard.shared.ask import ask, picture
from bindscope_dashboard.shared.cards import thumbnail
from bindscope_dashboard.shared.html import Html, tag
from bindscope_dashboard.shared.pickers import in_slots, left_to_right, scene_pickers, scene_words
from bindscope_dashboard.shared.recognition import recognition_figure, recognition_text
from bindscope_dashboard.shared.wording import percent, spread

_PIXELS = 192
_WHAT = {1: "object", 2: "concept"}


def facts(result: DecompositionResponse, chosen: DecomposeState, *, twin: float | None, why: str) -> None:
    """R2, the twin's, retrieval, and the binding score of the rebuilt vectors."""
    what = _WHAT[chosen.request.level]
    strict = strict_note(result.probing.get("object_on_valid_swaps"), result.object_chance)
    boxes = [
        _fact(
            "Held-out R²", number(result.r2.test), "", f"a sum of {what} vectors; training {number(result.r2.train)}"
        ),
        _fact("Random weights", number(twin), "", why if twin is None else f"held-out R², {why}"),
        _fact(
            "Retrieval",
            percent(result.retrieval.value),
            spread(result.retrieval),
            f"the held-out scene rebuilt is nearest to its own vector, {result.retrieval.n} sets of values",
        ),
        binding_card("Rebuilt vectors", result.binding, status=derived_note(result.binding), note=strict),
    ]
    st.html(tag("div", *boxes, cls="bs-facts"))
    said = (twin_note(result.r2.test, twin), rebuilt_sentence(result.binding, level=chosen.request.level))
    st.caption(" ".join(sentence for sentence in said if sentence))
    if result.unseen:
        st.caption(f"{result.unseen} held-out scenes hold something that training never showed in that place.")


def _fact(title: str, figure: str, extra: str, note: str) -> Html:
    parts = (
        tag("div", title, cls="title"),
        tag("div", figure, tag("small", f" {extra}"), cls="figure"),
        tag("div", note, cls="bs-muted"),
    )
    return tag("div", *parts, cls="bs-fact")


def comparison(fits: Sequence[Fit], result: DecompositionResponse) -> None:
    """The estimators and levels, and what probes read off the rebuilt scenes."""
    dark = state.is_dark()
    with st.container(key="decompose-columns"):
        left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Held-out R² by estimator", anchor=False)
        st.plotly_chart(
            r2_figure(fits, dark=dark),
            theme=None,
            key="decompose.r2",
            config=charts.saving("decomposition-r2"),
            alt=r2_text(fits),
        )
        st.caption("Plain bars: a sum of object vectors. Striped: of concept vectors. Diamond: random weights.")
    with right:
        st.subheader("As a table", anchor=False)
        rows = [(ESTIMATOR_NAMES[f.estimator], _WHAT[f.level] + "s", number(f.test), number(f.twin)) for f in fits]
        head = ("Estimator", "Sum of", "Held-out R²", "Random weights")
        st.html(tables.table(head, rows, label="R2 by estimator", numbers=frozenset({2, 3}), cls="dense"))
    with st.expander("Probes on the rebuilt scenes, provenance and downloads"):
        st.plotly_chart(
            recognition_figure(result.probing, {}, object_chance=result.object_chance, dark=dark),
            theme=None,
            key="decompose.probing",
            config=charts.saving("decomposition-probes"),
            alt=recognition_text(result.probing, {}, object_chance=result.object_chance),
        )
        scenes = f"{result.train_scenes} for training, {result.test_scenes} held out"
        pairs = [("answer", kept_since(result)), ("scenes", scenes), *tables.provenance_facts(result.provenance)]
        st.html(tables.facts(pairs, label="Provenance"))
        downloads("decompose", json_text=result.model_dump_json(indent=2), csv_text=exports.decomposition_csv(fits))


def scene_desk(chosen: DecomposeState, space: ConceptSpace) -> tuple[DecomposeState, Callable[[], None]]:
    """The pickers of one scene; returns the state with its scene, and what draws its shares."""
    st.subheader("One scene: what each part explains", anchor=False)
    left, right = st.columns([5, 8], gap="large")
    with left:
        scene = scene_pickers("decompose", chosen.scene, space)
        st.button("Random", icon=":material/casino:", key="decompose.random", on_click=_random)
        place = st.container()
    chosen = chosen.changed(scene=scene)
    return chosen, lambda: _explained_scene(chosen, space, place, right)


def _random() -> None:
    shown: DecomposeState | None = state.shown("decompose")
    if shown is not None:
        space = service.spaces()[shown.space]
        scene = in_slots(left_to_right(service.example_scene(space, seed=state.next_random())))
        state.keep_shown("decompose", shown.changed(scene=scene))
        state.renew_pickers("decompose")


def _explained_scene(
    chosen: DecomposeState,
    space: ConceptSpace,
    place: st.delta_generator.DeltaGenerator,
    right: st.delta_generator.DeltaGenerator,
) -> None:
    words = scene_words(chosen.scene, space)
    with place:
        if chosen.modality == "image" and own_data.has_pictures(space):
            st.html(thumbnail(picture(chosen.scene, _PIXELS), words))
        else:
            st.text(words)
    with right:
        with st.spinner("Explaining the scene …"):
            shares = ask(SCENE_SHARES, chosen.shares)
        st.plotly_chart(
            shares_figure(shares, dark=state.is_dark()),
            theme=None,
            key="decompose.shares",
            config=charts.saving("scene-shares"),
            alt=shares_text(shares),
        )
        st.caption(
            "Shares of the vector's squared distance from the mean of all scenes; they add up to one. Blue is the "
            "first object, orange the second, grey the residual that no sum explains. A part that points away from the "
            "scene has a share below zero."
        )
        st.html(_shares_table(shares))


def _shares_table(shares: SceneShareResponse) -> Html:
    names = list(shares.objects[0].concepts or {})
    rows = [
        (" ".join(o.values.values()), *(percent_of((o.concepts or {})[n]) for n in names), percent_of(o.share))
        for o in shares.objects
    ]
    rows.append(("residual", *("" for _ in names), percent_of(shares.residual)))
    numbers = frozenset(range(1, len(names) + 2))
    return tables.table(("Part", *names, "In all"), rows, label="Shares of the scene", numbers=numbers, cls="dense")

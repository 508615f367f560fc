"""Decompose: is a scene's vector the sum of its objects', or even of its concepts'?

How it is used: somebody picks a model and reads how much of the variance a sum of object vectors explains on held-out
scenes, how much a sum of concept vectors does, and how much of that a network with random weights reaches as well.
Then they compose one scene and see what each object and each concept contributes to its vector, and what is left.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import streamlit as st

from bindscope.client import ApiError, ServiceUnreachable
from bindscope.core.errors import BindscopeError
from bindscope.core.specs import ESTIMATORS
from bindscope.features.decompositions.schemas import DECOMPOSITION, DecompositionRequest, DecompositionResponse
from bindscope.features.models.schemas import ModelSummary
from bindscope.scenes.concepts import ConceptSpace
from bindscope_dashboard.pages.decompositions import findings
from bindscope_dashboard.pages.decompositions.figures import ESTIMATOR_NAMES, Fit
from bindscope_dashboard.pages.decompositions.state import DecomposeState
from bindscope_dashboard.shared import fields, service, state
from bindscope_dashboard.shared.ask import ask
from bindscope_dashboard.shared.links import query_of
from bindscope_dashboard.shared.opening import first_model, first_space, opened
from bindscope_dashboard.shared.pickers import (
    composed_scene,
    limit_picker,
    modality_picker,
    model_picker,
    space_picker,
    summary_of,
)
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.share import share_popover
from bindscope_dashboard.shared.wording import literal

PAGE = "decompose"
LEVELS: Mapping[Literal[1, 2], str] = {1: "objects", 2: "concepts"}
#: All estimators are compared at once where a source has at most this many scenes; else on demand.
_AT_ONCE = 2000
_TRAINED = ("bundled:", "controlled:", "open_clip:", "hf:")


def page() -> None:
    """The page of the navigation."""
    with explained():
        models, spaces = service.models(), service.spaces()
        opened(
            PAGE,
            lambda: _first(models, spaces),
            widgets=_widgets,
        )
        _desk()


def _first(models: list[ModelSummary], spaces: Mapping[str, ConceptSpace]) -> DecomposeState:
    composed = state.compose()
    at = composed.scene.space if composed is not None and len(composed.scene.objects) == 2 else first_space(spaces)
    space = spaces[at if at in spaces and spaces[at].object_count ** 2 <= _AT_ONCE else first_space(spaces)]
    return DecomposeState.of(model=first_model(models), space=space.name, scene=composed_scene(space))


def _widgets(shown: DecomposeState) -> dict[str, object]:
    return {
        "decompose.model": shown.model,
        "decompose.space": shown.space,
        "decompose.modality": shown.modality,
        "decompose.estimator": shown.request.estimator,
        "decompose.level": shown.request.level,
        "decompose.test_percent": round(100 * shown.request.test_ratio),
        "decompose.seed": shown.request.seed,
        "decompose.limit": shown.limit,
    }


@st.fragment
def _desk() -> None:
    """Settings and findings; a change reruns this alone."""
    with explained():
        models, spaces = service.models(), service.spaces()
        shown: DecomposeState | None = state.shown(PAGE)
        if shown is None or shown.space not in spaces:
            st.rerun()
            return
        bar = st.container(horizontal=True, vertical_alignment="bottom", key="decompose-bar")
        with bar:
            chosen = _settings(shown, models, spaces)
        space = spaces[chosen.space]
        above = st.container()
        with st.container(key="decompose-scene"):
            chosen, explain = findings.scene_desk(chosen, space)
        state.keep_shown(PAGE, chosen)
        query = query_of(chosen, spaces)
        state.mirror(PAGE, query)
        with bar:
            share_popover(query, [chosen.body], path="/v1/decompositions", method="decompose",
                          key="decompose.share")  # fmt: skip
        with above, explained():
            result, twin = _measured(chosen)
            below = st.container()
            with explained():
                explain()
            with below:
                _compared(chosen, space, result, twin=twin)


def _settings(
    shown: DecomposeState, models: Sequence[ModelSummary], spaces: Mapping[str, ConceptSpace]
) -> DecomposeState:
    model = model_picker(PAGE, shown.model, models)
    space = space_picker(PAGE, spaces)
    if space != shown.space:
        shown = shown.changed(scene=composed_scene(spaces[space]), compare=False)
        state.renew_pickers(PAGE)
    modality = modality_picker(PAGE, summary_of(model, models), spaces[space])
    estimator = st.selectbox(
        "Estimator", ESTIMATORS, key="decompose.estimator", format_func=ESTIMATOR_NAMES.__getitem__, width=180
    )
    level = st.segmented_control(
        "Sum of", list(LEVELS), key="decompose.level", format_func=LEVELS.__getitem__, required=True
    )
    with st.popover("More", icon=":material/tune:"):
        percent = fields.percent("Held-out scenes, %", "decompose.test_percent")
        seed = fields.seed(PAGE, DecompositionRequest)
        limit = limit_picker(PAGE)
    return shown.changed(
        model=model, space=space, modality=modality, estimator=estimator, level=level or shown.request.level,
        test_ratio=percent / 100, seed=seed, limit=limit,
    )  # fmt: skip


def _measured(chosen: DecomposeState) -> tuple[DecompositionResponse, float | None]:
    with st.spinner(f"Embedding scenes of {chosen.space} with {literal(chosen.model)} and fitting …"):
        result = ask(DECOMPOSITION, chosen.body)
        twin, why = twin_r2(chosen)
    findings.facts(result, chosen, twin=twin, why=why)
    return result, twin


def _compared(
    chosen: DecomposeState, space: ConceptSpace, result: DecompositionResponse, *, twin: float | None
) -> None:
    small = min(space.object_count**2, chosen.limit) <= _AT_ONCE
    if small or chosen.compare:
        fits = _all_fits(chosen)
    else:
        fits = [Fit(chosen.request.estimator, chosen.request.level, result.r2.test, result.r2.train, twin)]
        st.button("Compare all estimators", icon=":material/bar_chart:", key="decompose.compare", on_click=_compare_all)
    findings.comparison(fits, result)


def _compare_all() -> None:
    shown: DecomposeState | None = state.shown(PAGE)
    if shown is not None:
        state.keep_shown(PAGE, shown.changed(compare=True))


def random_twin(model: str) -> str | None:
    """The same network with random weights; None where there is none."""
    return f"random:{model}" if model.startswith(_TRAINED) else None


def twin_r2(chosen: DecomposeState) -> tuple[float | None, str]:
    """Held-out R2 of the random twin, or why there is none."""
    twin = random_twin(chosen.model)
    if twin is None:
        return None, "this model has no twin with random weights"
    try:
        return ask(DECOMPOSITION, chosen.changed(model=twin).body).r2.test, "the same network, random weights"
    except ServiceUnreachable:
        raise
    except (ApiError, BindscopeError) as error:
        return None, str(error)


def _all_fits(chosen: DecomposeState) -> list[Fit]:
    wanted = [chosen.changed(estimator=estimator, level=level) for estimator in ESTIMATORS for level in LEVELS]
    place = st.empty()
    fits = []
    for done, one in enumerate(wanted):
        estimator, level = one.request.estimator, one.request.level
        place.progress(done / len(wanted), text=f"Fitting {ESTIMATOR_NAMES[estimator]}, {LEVELS[level]} …")
        r2 = ask(DECOMPOSITION, one.body).r2
        fits.append(Fit(estimator, level, r2.test, r2.train, twin_r2(one)[0]))
    place.empty()
    return fits

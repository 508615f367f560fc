"""What one edit did: three scenes, where it landed, the cosine to the counterfactual, probes before and after."""

import base64

import streamlit as st

from bindscope.core.sentences.words import Finding
from bindscope.features.interventions.findings import landing_finding
from bindscope.features.interventions.schemas import EditResponse
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.pages.interventions.figures import (
    changed_concepts,
    changes_figure,
    changes_text,
    listed_objects,
)
from bindscope_dashboard.pages.interventions.state import InterventionState
from bindscope_dashboard.pages.probes.findings import story_card
from bindscope_dashboard.shared import charts, own_data, state, tables
from bindscope_dashboard.shared.ask import picture
from bindscope_dashboard.shared.html import Html, tag
from bindscope_dashboard.shared.pickers import scene_words
from bindscope_dashboard.shared.wording import score

_PIXELS = 192


def show(found: EditResponse, chosen: InterventionState, space: ConceptSpace) -> None:
    """All of it, the scenes first."""
    story = landing_of(found, chosen.scene)
    drawn = chosen.modality == "image" and own_data.has_pictures(space)
    shots = [
        _shot("Original", chosen.scene, space, drawn=drawn, note="the vector before the edit"),
        _shot("Wanted", found.edited, space, drawn=drawn, note="what the edit aims at"),
        _shot(
            "Nearest real scene",
            found.nearest[0].scene,
            space,
            drawn=drawn,
            note=f"cosine {score(found.nearest[0].cosine)} to the edited vector",
            tone=story.tone,
        ),
    ]
    st.html(tag("div", *shots, cls="bs-shots"))
    st.html(story_card(story))
    what = "picture" if chosen.modality == "image" else "caption"
    st.html(
        tag(
            "p",
            f"Cosine to the model's own vector of the wanted {what}: ",
            tag("strong", score(found.source_cosine)),
            " before the edit, ",
            tag("strong", score(found.rendered_cosine)),
            " after it.",
            cls="bs-note",
        )
    )
    with st.expander("Nearest scenes and provenance"):
        rows = [(scene_words(n.scene, space), score(n.cosine), "✓ wanted" if n.wanted else "") for n in found.nearest]
        st.html(
            tables.table(("Scene", "Cosine", ""), rows, label="Nearest scenes", numbers=frozenset({1}), cls="dense")
        )
        st.html(tables.facts(tables.provenance_facts(found.provenance), label="Provenance of the edit"))
        st.download_button(
            "This edit (JSON)", found.model_dump_json(indent=2), "edit.json", "application/json", key="edit.json",
            on_click="ignore", icon=":material/download:",
        )  # fmt: skip


def landing_of(found: EditResponse, original: SceneModel) -> Finding:
    """Where the edited vector landed."""
    first = found.nearest[0]
    return landing_finding(
        right=found.right,
        first_is_wanted=first.wanted,
        nearest=[o.values for o in first.scene.objects],
        wanted=[o.values for o in found.edited.objects],
        original=[o.values for o in original.objects],
    )


def _shot(
    title: str, scene: SceneModel, space: ConceptSpace, *, drawn: bool, note: str, tone: str | None = None
) -> Html:
    words = scene_words(scene, space)
    body = tag("div", words, cls="said")
    if drawn:
        source = "data:image/png;base64," + base64.b64encode(picture(scene, _PIXELS)).decode("ascii")
        body = tag("img", src=source, alt=f"{title}: {words}")
    caption = tag("figcaption", words if drawn else "", tag("div", note, cls="bs-muted"))
    return tag("figure", tag("span", title, cls="title"), body, caption, cls=tone)


def probes(found: EditResponse) -> None:
    """What probes read before and after: concept values and objects."""
    dark = state.is_dark()
    st.subheader("Probe scores before and after", anchor=False)
    with st.container(key="interventions-probes"):
        columns = st.columns(2, gap="large")
    pairs = (("concept values", changed_concepts(found)), ("objects", listed_objects(found)))
    for column, (what, changes) in zip(columns, pairs, strict=True):
        with column:
            st.caption(f"Scores of {what}: circle before, diamond after")
            st.plotly_chart(
                changes_figure(changes, dark=dark),
                theme=None,
                key=f"interventions.changes.{what}",
                config=charts.saving("interventions-scores"),
                alt=changes_text(changes, what),
            )

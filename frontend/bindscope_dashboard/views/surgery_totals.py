"""Over many edits, and targeted removal: each on demand, since they take a while in large spaces."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from bindscope.schemas.removals import RemovalResponse
from bindscope.schemas.surgeries import SurgeryResponse
from bindscope_dashboard import charts, exports, service, state, tables
from bindscope_dashboard.geometry_links import SurgeryState, source_body
from bindscope_dashboard.markup import Html, tag
from bindscope_dashboard.plots.recognition import NAMES, recognition_figure, recognition_text
from bindscope_dashboard.story import retrieval_sentence
from bindscope_dashboard.views.probe_findings import downloads, figure_card, kept_since
from bindscope_dashboard.views.problems import explained
from bindscope_dashboard.wording import percent, score, with_interval

EDITS = 2000
VARIANTS: Mapping[str, str] = {
    "original": "as they are",
    "minus_concepts": "concepts taken out",
    "minus_objects": "objects taken out",
    "permuted_concepts": "control: other concepts taken out",
    "permuted_objects": "control: other objects taken out",
}


def show(chosen: SurgeryState) -> None:
    """The two questions beside each other."""
    with st.container(key="surgery-totals"):
        left, right = st.columns(2, gap="large")
    with left, explained():
        st.subheader("Over many edits", anchor=False)
        if chosen.edits:
            with st.spinner(f"Editing up to {EDITS} scenes …"):
                result = service.surgery(edits_body(chosen))
            _edits(result)
        else:
            _button("edits", f"Run {EDITS} edits", "Replaces one value of one object, in a fixed sample of scenes.")
    with right, explained():
        st.subheader("Targeted removal", anchor=False)
        if chosen.removal:
            with st.spinner("Removing parts and fitting probes on five variants …"):
                removed = service.removal(removal_body(chosen))
            _removal(removed)
        else:
            _button("removal", "Run removal", "Takes parts out of the vectors, fits probes anew, with controls.")


def edits_body(chosen: SurgeryState) -> dict[str, Any]:
    """The request over many edits."""
    source = source_body(chosen.model, chosen.space, chosen.modality, limit=chosen.limit)
    return {"source": source, "estimator": chosen.estimator, "limit": EDITS}


def removal_body(chosen: SurgeryState) -> dict[str, Any]:
    """The request of the removal."""
    return {"source": source_body(chosen.model, chosen.space, chosen.modality, limit=chosen.limit)}


def _ask(name: str) -> None:
    shown: SurgeryState | None = state.shown("surgery")
    if shown is not None:
        edits, removal = shown.edits or name == "edits", shown.removal or name == "removal"
        state.keep_shown("surgery", replace(shown, edits=edits, removal=removal))


def _button(name: str, label: str, note: str) -> None:
    st.caption(note)
    st.button(label, icon=":material/play_arrow:", key=f"surgery.run.{name}", on_click=_ask, args=(name,))


def _edits(result: SurgeryResponse) -> None:
    right = result.retrieval
    tone = "binds" if (right.value or 0) >= 0.9 else ("undecided" if (right.value or 0) >= 0.5 else "bag_of_concepts")
    boxes = [
        figure_card("Land on the wanted scene", right, status="", note=f"of {result.edits} edits of {result.concept}",
                    tone=tone),
        figure_card("Published procedure", result.retrieval_published, status="", note="keeps both scenes of the edit",
                    tone=""),
        figure_card("Stay at the original", result.stayed, status="", note="nearer to it than to the wanted one",
                    tone=""),
    ]  # fmt: skip
    st.html(tag("div", *boxes, cls="bs-facts three"))
    notes = [retrieval_sentence(right, result.retrieval_published)]
    if result.rendered_cosine is not None:
        cosine = result.rendered_cosine
        notes.append(f"Mean cosine to the rendered counterfactual: {score(cosine.mean)} over {cosine.n} edits.")
    if result.unsupported:
        notes.append(f"{result.unsupported} edits lack an object vector once their own scenes are left out.")
    st.caption(" ".join(notes))
    st.caption("What probes read off the edited vectors, asked for the wanted scene")
    st.plotly_chart(
        recognition_figure(result.probing, {}, dark=state.is_dark()),
        theme=None,
        key="surgery.probing",
        config=charts.saving("surgery"),
        alt=recognition_text(result.probing, {}),
    )
    with st.expander("Provenance and downloads of the edits"):
        pairs = [("answer", kept_since(result)), *tables.provenance_facts(result.provenance)]
        st.html(tables.facts(pairs, label="Provenance of the edits"))
        downloads("surgery", json_text=result.model_dump_json(indent=2), csv_text=exports.surgery_csv(result))


def _removal(result: RemovalResponse) -> None:
    st.html(removal_table(result))
    st.caption(
        f"Held-out recognition, probes fitted anew on {result.train_scenes} scenes and scored on {result.test_scenes}. "
        "What is taken out matters only where the control, which takes out as much of something else, keeps it."
    )
    with st.expander("Provenance and downloads of the removal"):
        pairs = [("answer", kept_since(result)), *tables.provenance_facts(result.provenance)]
        st.html(tables.facts(pairs, label="Provenance of the removal"))
        downloads("removal", json_text=result.model_dump_json(indent=2), csv_text=exports.removal_csv(result))


def removal_table(result: RemovalResponse) -> Html:
    """Variants by heads, chance last; the intervals are in the titles."""
    heads = list(result.variants["original"])
    table = {**result.variants, "chance": result.chance}
    rows = [
        (
            VARIANTS.get(variant, variant),
            *(
                tag("span", percent(found[h].value), title=with_interval(found[h])) if h in found else tag("span", "–")
                for h in heads
            ),
        )
        for variant, found in table.items()
    ]
    head = ("Vectors", *(NAMES.get(h, h) for h in heads))
    return tables.table(head, rows, label="Removal", numbers=frozenset(range(1, len(heads) + 1)), cls="dense wrap")

"""Over many edits, and targeted removal: each on demand, since they take a while in large spaces."""

import streamlit as st

from bindscope.core.binding_rules import CHANCE
from bindscope.core.sentences.derived import derived_note
from bindscope.core.sentences.words import score_text
from bindscope.core.wire import Binding
from bindscope.features.interventions.findings import edited_sentence, retrieval_sentence
from bindscope.features.interventions.schemas import INTERVENTIONS, InterventionResponse
from bindscope.features.removals.findings import VARIANTS, published_note, rank_note, removal_sentence
from bindscope.features.removals.schemas import REMOVAL, RemovalResponse
from bindscope_dashboard.pages.interventions.state import EDITS, InterventionState
from bindscope_dashboard.pages.probes.findings import (
    binding_card,
    downloads,
    figure_card,
    kept_since,
    strict_note,
)
from bindscope_dashboard.shared import charts, exports, state, tables
from bindscope_dashboard.shared.ask import ask
from bindscope_dashboard.shared.html import Html, tag
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.recognition import NAMES, recognition_figure, recognition_text
from bindscope_dashboard.shared.wording import percent, score, with_interval


def show(chosen: InterventionState) -> None:
    """The two questions beside each other."""
    with st.container(key="interventions-totals"):
        left, right = st.columns(2, gap="large")
    with left, explained():
        st.subheader("Over many edits", anchor=False)
        if chosen.edits:
            with st.spinner(f"Editing up to {EDITS} scenes …"):
                result = ask(INTERVENTIONS, chosen.many)
            _edits(result)
        else:
            _button("edits", f"Run {EDITS} edits", "Replaces one value of one object, in a fixed sample of scenes.")
    with right, explained():
        st.subheader("Targeted removal", anchor=False)
        if chosen.removal:
            with st.spinner("Removing parts and fitting probes on seven variants …"):
                removed = ask(REMOVAL, chosen.removed)
            _removal(removed)
        else:
            _button("removal", "Run removal", "Takes parts out of the vectors, fits probes anew, with controls.")


def _ask(name: str) -> None:
    shown: InterventionState | None = state.shown("interventions")
    if shown is not None:
        edits, removal = shown.edits or name == "edits", shown.removal or name == "removal"
        state.keep_shown("interventions", shown.changed(edits=edits, removal=removal))


def _button(name: str, label: str, note: str) -> None:
    st.caption(note)
    st.button(label, icon=":material/play_arrow:", key=f"interventions.run.{name}", on_click=_ask, args=(name,))


def _edits(result: InterventionResponse) -> None:
    right = result.retrieval
    strict = strict_note(result.probing.get("object_on_valid_swaps"), result.object_chance)
    boxes = [
        binding_card("Edited vectors", result.binding, status=derived_note(result.binding), note=strict),
        figure_card("Land on the wanted scene", right, status="", note=f"of {result.edits} edits of {result.concept}",
                    tone=""),
        figure_card("Published procedure", result.retrieval_published, status="", note="both its scenes stay in",
                    tone=""),
        figure_card("Stay at the original", result.stayed, status="", note="nearer to it than to the wanted one",
                    tone=""),
    ]  # fmt: skip
    st.html(tag("div", *boxes, cls="bs-facts"))
    notes = [edited_sentence(result.binding), retrieval_sentence(right, result.retrieval_published)]
    if result.rendered_cosine is not None:
        cosine = result.rendered_cosine
        notes.append(f"Mean cosine to the rendered counterfactual: {score(cosine.mean)} over {cosine.n} edits.")
    if result.unsupported:
        notes.append(f"{result.unsupported} edits lack an object vector once their own scenes are left out.")
    st.caption(" ".join(notes))
    st.caption("What probes read off the edited vectors, asked for the wanted scene")
    st.plotly_chart(
        recognition_figure(result.probing, {}, object_chance=result.object_chance, dark=state.is_dark()),
        theme=None,
        key="interventions.probing",
        config=charts.saving("interventions"),
        alt=recognition_text(result.probing, {}, object_chance=result.object_chance),
    )
    with st.expander("Provenance and downloads of the edits"):
        pairs = [("answer", kept_since(result)), *tables.provenance_facts(result.provenance)]
        st.html(tables.facts(pairs, label="Provenance of the edits"))
        downloads(
            "interventions", json_text=result.model_dump_json(indent=2), csv_text=exports.interventions_csv(result)
        )


def _removal(result: RemovalResponse) -> None:
    st.caption(f"{removal_sentence(result.bindings)} {rank_note(result.ranks)}")
    st.html(removal_table(result))
    st.caption(
        f"Held-out scenes; probes fitted anew on {result.train_scenes} scenes and scored on {result.test_scenes}: "
        f"{result.splits} splits by sets of values. The binding score has a chance of {percent(CHANCE)}; what labels "
        f"alone put there stands in brackets. {published_note()}"
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
            _binding_cell(result.bindings[variant]) if variant in result.bindings else percent(CHANCE),
            *(
                tag("span", percent(found[h].value), title=with_interval(found[h])) if h in found else tag("span", "–")
                for h in heads
            ),
        )
        for variant, found in table.items()
    ]
    head = ("Vectors", "binding score", *(NAMES.get(h, h) for h in heads))
    return tables.table(head, rows, label="Removal", numbers=frozenset(range(1, len(heads) + 2)), cls="dense wrap")


def _binding_cell(binding: Binding) -> Html:
    """The score, and that of its control in brackets; what it says is in the title."""
    beside = "" if binding.control is None else f" ({percent(binding.control.forced_choice.value)})"
    found = None if binding.forced_choice is None else binding.forced_choice.value
    return tag("span", f"{percent(found)}{beside}", title=f"{derived_note(binding)}: {score_text(binding)}")

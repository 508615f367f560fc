"""What the probes found: three cards and their finding, then bars by head and by value, then the settings behind."""

import json
from collections.abc import Mapping

import streamlit as st

from bindscope.core.binding_rules import CHANCE
from bindscope.core.sentences.words import Tone, too_few, unpaired_text
from bindscope.core.wire import AnalysisResponse, Binding, Interval, StrictChance
from bindscope.features.probes.findings import binding_finding, origin_sentence, probe_note
from bindscope.features.probes.schemas import ProbeResponse
from bindscope.features.surveys.schemas import VerdictBatch
from bindscope_dashboard.pages.probes.figures import split_figure, split_text, values_figure, values_text
from bindscope_dashboard.shared import charts, exports, state, tables
from bindscope_dashboard.shared.cards import finding_card as story_card
from bindscope_dashboard.shared.html import Html, tag
from bindscope_dashboard.shared.wording import percent, spread

__all__ = ["binding_card", "downloads", "empty_card", "figure_card", "kept_since", "show", "story_card", "strict_note"]

_TITLES = {"image": "Image probe", "text": "Text probe", "upload": "Probe of the upload"}
_HEAD = "object_on_valid_swaps"
_TONES: Mapping[str, Tone] = {"present": "binds", "not found": "bag_of_concepts", "below chance": "bag_of_concepts"}


def show(probes: Mapping[str, ProbeResponse], missing: Mapping[str, str], verdict: VerdictBatch | str) -> None:
    """All of it, the cards first."""
    towers = {name: probe.binding for name, probe in probes.items()}
    contest = None if isinstance(verdict, str) else verdict.binding
    order = ["upload"] if "upload" in {*probes, *missing} else ["image", "text"]
    cards = [_probe_card(name, probes.get(name), missing.get(name)) for name in order]
    cards.append(_verdict_card(verdict))
    st.html(tag("div", *cards, cls="bs-facts three"))
    if not probes:
        return
    st.html(story_card(binding_finding(towers, contest)))
    for name, probe in probes.items():
        said = origin_sentence(probe.binding) or probe.note
        if said:
            st.caption(f"{_TITLES[name]}, against random weights: {said}")
    with st.container(key="probe-columns"):
        columns = st.columns(len(probes), gap="large")
    for column, (name, probe) in zip(columns, probes.items(), strict=True):
        with column:
            _bars(name, probe)
    st.caption(
        "Bars are held-out scenes, strictly: every value that is there above every one that is not, a tie never "
        "counts. Intervals are 95 % over sets of values. The circle is training, the upright tick is chance; at the "
        "objects there are two: random scores among the objects that the values allow, and always naming the most "
        "frequent pairing of these values, which takes no binding."
    )
    _behind(probes)


def strict_note(objects: Interval | None, chance: StrictChance) -> str:
    """The strict figure of objects beside what it reaches without binding."""
    if objects is None or objects.value is None or chance.ceiling_bag is None:
        return "no scene with a valid swap was scored strictly"
    return (
        f"all objects above all others: {percent(objects.value)} (knowing the values {percent(chance.given_bag)}, at "
        f"most {percent(chance.ceiling_bag)} without binding)"
    )


def binding_card(title: str, binding: Binding, *, status: str, note: str) -> Html:
    """The binding score with its interval, chance and the number of bags."""
    found, tone = binding.forced_choice, _TONES.get(binding.says, "undecided")
    if found is None or found.value is None:
        why = unpaired_text(binding.unpaired) if binding.unpaired is not None else too_few(binding)
        parts = (tag("div", title, cls="title"), tag("div", "–", cls="figure"), tag("div", status, cls="state"),
                 tag("div", f"{why}; {note}", cls="bs-muted"))  # fmt: skip
        return tag("div", *parts, cls=f"bs-fact {tone}")
    told = f"binding score; chance {percent(CHANCE)}; {found.n} sets of values; {note}"
    return figure_card(title, found, status=status, note=told, tone=tone)


def figure_card(title: str, interval: Interval, *, status: str, note: str, tone: str) -> Html:
    """A big number with its interval."""
    figure = tag("div", percent(interval.value), tag("small", f" {spread(interval)}"), cls="figure")
    parts = (tag("div", title, cls="title"), figure, tag("div", status, cls="state"), tag("div", note, cls="bs-muted"))
    return tag("div", *parts, cls=f"bs-fact {tone}")


def empty_card(title: str, why: str) -> Html:
    """A card that has no number, and why."""
    parts = (tag("div", title, cls="title"), tag("div", "–", cls="figure"), tag("div", why, cls="bs-muted"))
    return tag("div", *parts, cls="bs-fact")


def _probe_card(name: str, probe: ProbeResponse | None, why: str | None) -> Html:
    if probe is None:
        return empty_card(_TITLES[name], why or "Not measured.")
    note = strict_note(probe.test.get(_HEAD), probe.object_chance)
    return binding_card(_TITLES[name], probe.binding, status=probe_note(probe.binding), note=note)


def _verdict_card(verdict: VerdictBatch | str) -> Html:
    if isinstance(verdict, str):
        return empty_card("Contest of captions", verdict)
    image = verdict.anchor == "image"
    statuses = {
        "present": "the cosine uses it",
        "weak": "the cosine uses a part of it",
        "not found": "the cosine does not use it",
        "below chance": "prefers the swapped one",
        "too few": "too few scenes to say",
    }
    against = "its own caption against that of its swap" if image else "captions in another order against swapped ones"
    return binding_card("Contest of captions", verdict.binding, status=statuses[verdict.binding.says], note=against)


def _bars(name: str, probe: ProbeResponse) -> None:
    dark = state.is_dark()
    st.subheader(f"{_TITLES[name]}: held out against training", anchor=False)
    st.plotly_chart(
        split_figure(probe, dark=dark),
        theme=None,
        key=f"probe.split.{name}",
        config=charts.saving("probe"),
        alt=split_text(probe),
    )
    with st.expander("By value"):
        for concept, values in probe.per_value.items():
            st.caption(f"Scenes that hold the value: how often their {concept} is recognised")
            st.plotly_chart(
                values_figure(values, dark=dark),
                theme=None,
                key=f"probe.values.{name}.{concept}",
                config=charts.saving("probe-values"),
                alt=values_text(values, concept),
            )


def kept_since(answer: AnalysisResponse) -> str:
    """When the answer was computed, and how long that took."""
    took = f"computed in {answer.seconds:.1f} s"
    if answer.computed_at is None:
        return took
    when = answer.computed_at[:19].replace("T", " ")
    return f"kept since {when} UTC, {took} then" if answer.cached else f"{took}, {when} UTC"


def _behind(probes: Mapping[str, ProbeResponse]) -> None:
    with st.expander("Provenance and downloads"):
        for name, probe in probes.items():
            strengths = ", ".join(
                f"{head} {'not fitted' if value is None else f'{value:g}'}" for head, value in probe.strength.items()
            )
            st.html(
                tables.facts(
                    [
                        ("probe", _TITLES[name]),
                        ("answer", kept_since(probe)),
                        ("scenes", f"{probe.train_scenes} for training, {probe.test_scenes} held out"),
                        ("splits", f"{probe.splits}, by sets of values"),
                        ("regularisation", f"{strengths} (chosen inside the training scenes)"),
                        *tables.provenance_facts(probe.provenance),
                    ],
                    label=f"Provenance, {_TITLES[name]}",
                )
            )
        answers = {name: probe.model_dump(mode="json") for name, probe in probes.items()}
        downloads("probe", json_text=json.dumps(answers, indent=2), csv_text=exports.probe_csv(probes))


def downloads(name: str, *, json_text: str, csv_text: str) -> None:
    """The answer as JSON and its figures as CSV."""
    with st.container(horizontal=True):
        st.download_button(
            "Answer (JSON)", json_text, f"{name}.json", "application/json", key=f"{name}.json", on_click="ignore",
            icon=":material/download:",
        )  # fmt: skip
        st.download_button(
            "Figures (CSV)", csv_text, f"{name}.csv", "text/csv", key=f"{name}.csv", on_click="ignore",
            icon=":material/download:",
        )  # fmt: skip

"""What the probes found: three cards and their story, then bars by head and by value, then the settings behind."""

import json
from collections.abc import Mapping

import streamlit as st

from bindscope.schemas.base import AnalysisResponse, Interval
from bindscope.schemas.probes import ProbeResponse
from bindscope.schemas.verdicts import VerdictBatch
from bindscope_dashboard import charts, exports, state, tables
from bindscope_dashboard.markup import Html, tag
from bindscope_dashboard.plots.probes import split_figure, split_text, values_figure, values_text
from bindscope_dashboard.story import MOST, Contest, Reading, Story, accuracy_note, binding_story, probe_note
from bindscope_dashboard.wording import DIAGNOSES, percent

_TITLES = {"image": "Image probe", "text": "Text probe", "upload": "Probe of the upload"}
_HEAD = "object_on_valid_swaps"


def show(probes: Mapping[str, ProbeResponse], missing: Mapping[str, str], verdict: VerdictBatch | str) -> None:
    """All of it, the cards first."""
    readings = {name: reading_of(probe) for name, probe in probes.items()}
    contest = None if isinstance(verdict, str) else Contest(verdict.swap_accuracy, verdict.undecided)
    order = ["upload"] if "upload" in {*probes, *missing} else ["image", "text"]
    cards = [_probe_card(name, probes.get(name), missing.get(name)) for name in order]
    cards.append(_verdict_card(verdict, contest))
    st.html(tag("div", *cards, cls="bs-facts three"))
    if readings:
        st.html(story_card(binding_story(readings, contest)))
    if not probes:
        return
    with st.container(key="probe-columns"):
        columns = st.columns(len(probes), gap="large")
    for column, (name, probe) in zip(columns, probes.items(), strict=True):
        with column:
            _bars(name, probe)
    st.caption(
        "Bars are held-out scenes with 95 % intervals; the circle is training, the upright tick is chance. "
        "A tie never counts as recognised."
    )
    _behind(probes)


def reading_of(probe: ProbeResponse) -> Reading:
    """Objects on scenes with a valid swap, where only binding helps."""
    chance = probe.chance[_HEAD].value
    return Reading(probe.test[_HEAD], 1.0 if chance is None else chance)


def story_card(story: Story) -> Html:
    """A title with its sign, and the sentence."""
    sign = DIAGNOSES[story.tone].sign
    title = tag("p", tag("span", sign, cls="sign", aria_hidden="true"), story.title, cls="bs-diagnosis")
    words = tag("div", title, tag("p", story.sentence, cls="answer"), cls="words")
    return tag("section", words, cls=f"bs-card bs-verdict {story.tone}", aria_label="In one sentence")


def figure_card(title: str, interval: Interval, *, status: str, note: str, tone: str) -> Html:
    """A big number with its interval."""
    figure = tag("div", percent(interval.value), tag("small", f" {accuracy_note(interval)}"), cls="figure")
    parts = (tag("div", title, cls="title"), figure, tag("div", status, cls="state"), tag("div", note, cls="bs-muted"))
    return tag("div", *parts, cls=f"bs-fact {tone}")


def empty_card(title: str, why: str) -> Html:
    """A card that has no number, and why."""
    parts = (tag("div", title, cls="title"), tag("div", "–", cls="figure"), tag("div", why, cls="bs-muted"))
    return tag("div", *parts, cls="bs-fact")


def _probe_card(name: str, probe: ProbeResponse | None, why: str | None) -> Html:
    if probe is None:
        return empty_card(_TITLES[name], why or "Not measured.")
    reading = reading_of(probe)
    note = f"objects, on {reading.found.n} held-out scenes with a valid swap; chance {percent(reading.chance)}"
    tone = ("binds" if (reading.found.value or 0) >= MOST else "undecided") if reading.encodes else "bag_of_concepts"
    return figure_card(_TITLES[name], reading.found, status=probe_note(reading), note=note, tone=tone)


def _verdict_card(verdict: VerdictBatch | str, contest: Contest | None) -> Html:
    if isinstance(verdict, str) or contest is None:
        return empty_card("Cross-modal verdict", str(verdict))
    accuracy = contest.accuracy
    image = verdict.anchor == "image"
    title = "Cross-modal verdict" if image else "Text-only verdict"
    if contest.wins:
        status = "they share it" if (accuracy.value or 0) >= MOST else "they share part of it"
        tone = "binds" if (accuracy.value or 0) >= MOST else "undecided"
    else:
        status, tone = "no better than a coin", "bag_of_concepts"
    if not image and contest.wins:
        status = "the true caption wins"
    against = "true caption against swapped ones" if image else "reordered captions against swapped ones"
    return figure_card(title, accuracy, status=status, tone=tone,
                       note=f"swap accuracy: {against}, {accuracy.n} scenes; a coin 50 %")  # fmt: skip


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
            strengths = ", ".join(f"{head} {value:g}" for head, value in probe.strength.items())
            st.html(
                tables.facts(
                    [
                        ("probe", _TITLES[name]),
                        ("answer", kept_since(probe)),
                        ("scenes", f"{probe.train_scenes} for training, {probe.test_scenes} held out"),
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

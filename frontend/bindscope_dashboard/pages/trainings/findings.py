"""What a training shows: curves while it runs, then its figures and where to go with the model."""

import json
from collections.abc import Sequence

import streamlit as st

from bindscope.core.binding_rules import CHANCE
from bindscope.core.sentences.held_out import held_out_text
from bindscope.core.wire import Binding, Interval, Recognition
from bindscope.features.jobs.schemas import JobModel
from bindscope.features.trainings.findings import training_finding
from bindscope.features.trainings.schemas import TrainingResult
from bindscope_dashboard.pages.probes.findings import downloads
from bindscope_dashboard.pages.trainings.figures import (
    Report,
    loss_figure,
    loss_text,
    recognition_history_figure,
    recognition_history_text,
)
from bindscope_dashboard.shared import charts, exports, state, tables
from bindscope_dashboard.shared.cards import finding_card
from bindscope_dashboard.shared.html import Html, tag
from bindscope_dashboard.shared.job_cards import is_running
from bindscope_dashboard.shared.use_model import use_model
from bindscope_dashboard.shared.wording import duration, percent, spread


def show(job: JobModel) -> None:
    """The figures of the run if it is done, its curves so far if it runs."""
    if job.result:
        result = TrainingResult.model_validate(job.result)
        st.html(finding_card(training_finding(result)))
        st.html(_facts(result))
        use_model(result.model, str(result.config["space"]), key="train.use")
        curves(result.history, result.steps, key="train", best_step=result.best_step,
               chance=_value(result.chance, "object"))  # fmt: skip
        _behind(result)
        return
    if job.live:
        live = job.live[0]
        curves(live.history, live.steps, key="train")
    elif is_running(job):
        st.caption("The curves appear with the first reports.")


def curves(
    history: Sequence[Report], steps: int, *, key: str, best_step: int | None = None, chance: float | None = None
) -> None:
    """Recognition and loss against the step."""
    dark = state.is_dark()
    with st.container(key=f"{key.replace('.', '-')}-columns"):
        left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Recognition", anchor=False)
        st.plotly_chart(
            recognition_history_figure(history, steps, best_step=best_step, chance=chance, dark=dark),
            theme=None,
            key=f"{key}.recognition",
            config=charts.saving("training-recognition"),
            alt=recognition_history_text(history, steps),
        )
    with right:
        st.subheader("Loss", anchor=False)
        st.plotly_chart(
            loss_figure(history, steps, dark=dark),
            theme=None,
            key=f"{key}.loss",
            config=charts.saving("training-loss"),
            alt=loss_text(history, steps),
        )
    st.caption(
        "Solid: scenes made only of unseen objects (held out for validation while it trains); dotted: scenes of seen "
        "ones. Recognised means that everything in the scene scores strictly higher than everything else."
    )


def _value(heads: Recognition | None, name: str) -> float | None:
    return heads[name].value if heads is not None and name in heads else None


def _facts(result: TrainingResult) -> Html:
    level = _value(result.chance, "object")
    chance = "under 1 %" if level is not None and level < 0.005 else percent(level)
    boxes = [
        _score("Unseen objects", result.binding),
        _score("Seen objects", result.seen_binding),
        _share("Unseen: strict", result.unseen.get("object"), f"all objects above all others; chance {chance}"),
        _share("Unseen: all concepts", result.unseen.get("concepts"), "all concepts recognised at once"),
        _fact("Trained in", duration(result.seconds), "", f"{result.steps:,} steps on {result.device.upper()}, "
              f"{result.parameters:,} parameters, kept: step\u00a0{result.best_step:,}"),
    ]  # fmt: skip
    return tag("div", *boxes, cls="bs-facts")


def _score(title: str, binding: Binding | None) -> Html:
    found = None if binding is None else binding.forced_choice
    if found is None:
        return _fact(title, "–", "", held_out_text(binding))
    return _share(title, found, f"binding score; chance {percent(CHANCE)}")


def _share(title: str, interval: Interval | None, note: str) -> Html:
    if interval is None:
        return _fact(title, "–", "", note)
    return _fact(title, percent(interval.value), spread(interval), f"{note}, n\u00a0=\u00a0{interval.n:,}")


def _fact(title: str, figure: str, extra: str, note: str) -> Html:
    number = tag("div", figure, tag("small", f" {extra}"), cls="figure")
    return tag("div", tag("div", title, cls="title"), number, tag("div", note, cls="bs-muted"), cls="bs-fact")


def _behind(result: TrainingResult) -> None:
    with st.expander("Settings and downloads of this run"):
        facts = [("model", result.model), *((name, str(value)) for name, value in result.config.items())]
        st.html(tables.facts(facts, label="Settings of this run"))
        answer = json.dumps(result.model_dump(mode="json"), indent=2)
        downloads("training", json_text=answer, csv_text=exports.history_csv(result.history))

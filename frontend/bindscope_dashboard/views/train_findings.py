"""What a training shows: curves while it runs, then its figures and where to go with the model."""

import json
from collections.abc import Sequence

import streamlit as st

from bindscope.schemas.base import Interval, Recognition
from bindscope.schemas.jobs import JobModel
from bindscope.schemas.trainings import TrainingResult
from bindscope_dashboard import charts, exports, state, tables
from bindscope_dashboard.job_cards import is_running
from bindscope_dashboard.markup import Html, tag
from bindscope_dashboard.plots.training import (
    Report,
    loss_figure,
    loss_text,
    recognition_history_figure,
    recognition_history_text,
)
from bindscope_dashboard.story import Story, accuracy_note
from bindscope_dashboard.views.probe_findings import downloads, story_card
from bindscope_dashboard.views.use_model import use_model
from bindscope_dashboard.wording import duration, percent

#: From this recognition of unseen objects on a run generalises; below the other one it does not.
GENERALISES, FAILS = 0.8, 0.2


def show(job: JobModel) -> None:
    """The figures of the run if it is done, its curves so far if it runs."""
    if job.result:
        result = TrainingResult.model_validate(job.result)
        st.html(story_card(training_story(result.seen, result.unseen)))
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


def training_story(seen: Recognition, unseen: Recognition) -> Story:
    """Whether the run binds objects that it never saw."""
    found, known = _value(unseen, "object"), _value(seen, "object")
    figures = f"unseen objects {percent(found)}, seen objects {percent(known)}"
    if found is None:
        return Story("Not measured", "No scene of unseen objects was left to judge it on.", "undecided")
    if found >= GENERALISES:
        return Story("It generalises", f"It binds objects that it has never seen ({figures} recognised).", "binds")
    if (known or 0.0) < GENERALISES / 2:
        return Story("Not learnt", f"It does not even bind the objects of its training ({figures} recognised): "
                     "more steps may help.", "blind")  # fmt: skip
    if found < FAILS:
        return Story("It memorises", f"It binds the objects of its training, but not others ({figures} recognised).",
                     "bag_of_concepts")  # fmt: skip
    return Story("It generalises in part", f"It binds some objects that it has never seen ({figures} recognised).",
                 "undecided")  # fmt: skip


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
        _share("Unseen objects", result.unseen.get("object"), f"objects recognised; chance {chance}"),
        _share("Seen objects", result.seen.get("object"), "objects recognised, scenes of training objects"),
        _share("Unseen: all concepts", result.unseen.get("concepts"), "all concepts recognised at once"),
        _fact("Trained in", duration(result.seconds), "", f"{result.steps:,} steps on {result.device.upper()}, "
              f"{result.parameters:,} parameters, kept: step\u00a0{result.best_step:,}"),
    ]  # fmt: skip
    return tag("div", *boxes, cls="bs-facts")


def _share(title: str, interval: Interval | None, note: str) -> Html:
    if interval is None:
        return _fact(title, "–", "", note)
    return _fact(title, percent(interval.value), accuracy_note(interval), f"{note}, n\u00a0=\u00a0{interval.n:,}")


def _fact(title: str, figure: str, extra: str, note: str) -> Html:
    number = tag("div", figure, tag("small", f" {extra}"), cls="figure")
    return tag("div", tag("div", title, cls="title"), number, tag("div", note, cls="bs-muted"), cls="bs-fact")


def _behind(result: TrainingResult) -> None:
    with st.expander("Settings and downloads of this run"):
        facts = [("model", result.model), *((name, str(value)) for name, value in result.config.items())]
        st.html(tables.facts(facts, label="Settings of this run"))
        answer = json.dumps(result.model_dump(mode="json"), indent=2)
        downloads("training", json_text=answer, csv_text=exports.history_csv(result.history))

"""What a phase diagram shows: the diagram, the curves of one square, and the relation to the global product."""

import json
from collections.abc import Sequence, Set

import streamlit as st

from bindscope.core.binding_rules import CHANCE, LEAST_BAGS
from bindscope.core.errors import InvalidInput
from bindscope.core.sentences.held_out import held_out_text
from bindscope.features.jobs.schemas import JobModel, LiveCell
from bindscope.features.trainings.findings import diagram_finding, relation_sentence
from bindscope.features.trainings.schemas import PhaseCell, PhaseResult
from bindscope.scenes.concepts import ConceptSpace
from bindscope_dashboard.pages.phase_diagrams.figures import (
    Square,
    phase_figure,
    phase_text,
    place_of,
    settings_of,
    square_name,
    square_title,
    squares_of,
)
from bindscope_dashboard.pages.phase_diagrams.product import (
    PART_NAMES,
    PARTS,
    product_figure,
    product_points,
    product_text,
)
from bindscope_dashboard.pages.probes.findings import downloads
from bindscope_dashboard.pages.trainings.findings import curves
from bindscope_dashboard.shared import charts, exports, service, state, tables
from bindscope_dashboard.shared.html import Html
from bindscope_dashboard.shared.training import square_key
from bindscope_dashboard.shared.use_model import use_model
from bindscope_dashboard.shared.wording import percent, plain_number

_CLICK = "phase.diagram"


def show(job: JobModel, square: str) -> str:
    """All of it. Returns the square that the reader chose."""
    result = PhaseResult.model_validate(job.result) if job.result else PhaseResult(cells=[])
    cells = result.cells
    squares = squares_of(job.request, cells, result.points, live=job.live, failures=job.failures)
    with st.container(key="phase-columns"):
        left, right = st.columns([3, 2], gap="large")
    with left:
        chosen = _diagram(squares, cells, square)
        if result.courses:
            st.caption(diagram_finding(result.courses))
    with right:
        _relation(result)
    _square(chosen, job.live)
    if cells:
        with st.expander("As a table"):
            st.html(runs_table(cells))
        with st.expander("Downloads"):
            answer = json.dumps({"request": job.request, "result": job.result}, indent=2)
            downloads("phase", json_text=answer, csv_text=exports.phase_csv(cells))
    return square_key(chosen.space, chosen.coverage)


def _diagram(squares: Sequence[Square], cells: Sequence[PhaseCell], shown: str) -> Square:
    st.subheader("Binding score of unseen objects", anchor=False)
    key, chart = "phase.square", f"{_CLICK}.{state.pickers_revision(_CLICK)}"
    st.plotly_chart(
        phase_figure(squares, _sizes(squares, cells), dark=state.is_dark()),
        theme=None,
        key=chart,
        config=charts.saving("phase"),
        on_select=lambda: _take_click(chart, key),
        selection_mode="points",
        alt=phase_text(squares),
    )
    st.caption(
        f"In %, chance {percent(CHANCE)}: the run's own queries choose between a scene made only of objects that "
        "training never saw and its swap, of such objects too. n counts unseen objects (or sets of values where these "
        f"are fewer) over the seeds; with fewer than {LEAST_BAGS} nothing is claimed. "
        "Outlined squares are not finished. Click one to see its curves."
    )
    numbers = list(range(len(squares)))
    keys = [square_key(s.space, s.coverage) for s in squares]
    if not state.has_widget(key) or state.widget(key) not in numbers:
        state.set_widgets({key: keys.index(shown) if shown in keys else _first(squares)})
    number = st.selectbox(
        "Or choose a square", numbers, key=key, format_func=lambda n: square_name(squares[n]), on_change=_unclick
    )
    return squares[number]


def _take_click(chart: str, key: str) -> None:
    """A callback, for squares that fill in make the chart anew: only this hears of a click on the old one."""
    points = state.widget(chart).selection.points
    number = points[0].get("customdata") if points else None
    number = number[0] if isinstance(number, list | tuple) else number
    if isinstance(number, int):
        state.set_widgets({key: number})


def _unclick() -> None:
    """After a choice from the list the chart is made anew, without a selection."""
    state.renew_pickers(_CLICK)


def _first(squares: Sequence[Square]) -> int:
    """The best finished square, else a running one."""
    best = max(range(len(squares)), key=lambda n: -1.0 if squares[n].value is None else squares[n].value or 0.0)
    if squares[best].value is not None:
        return best
    return next((n for n, square in enumerate(squares) if square.state == "running"), 0)


def _sizes(squares: Sequence[Square], cells: Sequence[PhaseCell]) -> dict[str, int]:
    """Objects by space: as the runs say, else as the space is known here."""
    spaces: dict[str, ConceptSpace] = service.spaces()
    sizes = {cell.space: cell.objects for cell in cells}
    for name in {square.space for square in squares} - set(sizes):
        try:
            sizes[name] = spaces[name].object_count
        except (KeyError, InvalidInput):
            continue
    return sizes


def _square(square: Square, live: Sequence[LiveCell]) -> None:
    st.subheader(square_title(square), anchor=False)
    place = (square.space, square.coverage)
    running = [one for one in live if place_of(one.cell) == place]
    finished = {cell.seed: cell for cell in square.cells}
    live_by_seed = {int(settings_of(one.cell).get("seed", 0)): one for one in running}
    seeds = sorted({*finished, *live_by_seed})
    if not seeds:
        st.caption("Its curves appear when its training begins.")
        return
    seed = seeds[0] if len(seeds) == 1 else _seed_picker(seeds, set(seeds) - set(finished))
    if seed in finished:
        cell = finished[seed]
        chance = cell.chance.get("object") if cell.chance else None
        use_model(cell.model, cell.space, key="phase.use")
        curves(cell.history, cell.steps, key="phase.run", best_step=cell.best_step,
               chance=chance.value if chance else None)  # fmt: skip
        return
    curves(live_by_seed[seed].history, live_by_seed[seed].steps, key="phase.run")


def _seed_picker(seeds: Sequence[int], running: Set[int]) -> int:
    key = "phase.seed"
    if not state.has_widget(key) or state.widget(key) not in seeds:
        state.set_widgets({key: seeds[0]})
    chosen = st.segmented_control(
        "Run", seeds, key=key, required=True,
        format_func=lambda seed: f"seed {seed}{' (running)' if seed in running else ''}",
    )  # fmt: skip
    return seeds[0] if chosen is None else chosen


def _relation(result: PhaseResult) -> None:
    st.subheader("Is it a product that generalises?", anchor=False)
    cells = result.cells
    if not any(product_points(cells, part) for part in PARTS):
        st.caption("Each finished run whose embeddings a global product could be fitted to is a point here.")
        return
    chosen = st.segmented_control(
        "Fitted to scenes of", PARTS, key="phase.part", format_func=PART_NAMES.__getitem__, default=PARTS[0],
        required=True,
    )  # fmt: skip
    part = chosen or PARTS[0]
    st.plotly_chart(product_figure(cells, part, dark=state.is_dark()), theme=None, key="phase.product",
                    config=charts.saving("phase-product"), alt=product_text(cells, part))  # fmt: skip
    st.markdown(" ".join(relation_sentence(found) for found in result.relations if found.part == part))
    st.caption(
        "Across: a global product, fitted on scenes of four fifths of these objects, predicts the run's embeddings of "
        "scenes of the others; most of an embedding is a sum whatever was learnt, so what counts is what the product "
        "adds to it. Seen and unseen objects are fitted apart, for their shares change with coverage. "
        "Reported by the paper: runs that generalise are those that the product fits."
    )


def runs_table(cells: Sequence[PhaseCell]) -> Html:
    """Every finished run."""
    rows = [
        (
            c.space,
            f"{c.objects:,}",
            f"{c.coverage:g}",
            str(c.seed),
            held_out_text(c.binding),
            held_out_text(c.seen_binding),
            percent(c.unseen["object"].value if "object" in c.unseen else None),
            plain_number(c.product.seen.product_share if c.product.seen else None, 2),
            plain_number(c.product.unseen.product_share if c.product.unseen else None, 2),
            c.model,
        )
        for c in cells
    ]
    head = (
        "Space",
        "Objects",
        "Coverage",
        "Seed",
        "Unseen objects: binding score",
        "Seen objects: binding score",
        "Unseen objects, strict",
        "Product beyond the sum: seen",
        "unseen",
        "Model",
    )
    return tables.table(head, rows, label="Runs of the diagram", numbers=frozenset(range(1, 9)), cls="dense")

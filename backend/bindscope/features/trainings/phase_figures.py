"""What the runs of a phase diagram show together: over seeds, against coverage, and between figures."""

from collections.abc import Sequence

import numpy as np

from bindscope.core.binding_rules import LEAST_BAGS
from bindscope.jobs.kind import Fields, plain


def shown(run: Fields) -> Fields:
    """A run without what only figures over several runs take."""
    return {name: value for name, value in run.items() if name != "bags"}


def _grouped(runs: Sequence[Fields]) -> dict[tuple[str, float], list[Fields]]:
    groups: dict[tuple[str, float], list[Fields]] = {}
    for run in runs:
        groups.setdefault((run["space"], run["coverage"]), []).append(run)
    return groups


def points(runs: Sequence[Fields]) -> list[Fields]:
    """The binding score of unseen objects over the seeds: each run has bags and unseen objects of its own."""
    return [
        {
            "space": space,
            "coverage": coverage,
            "seeds": len(own),
            "binding": _together([r["bags"]["unseen"] for r in own]),
        }
        for (space, coverage), own in _grouped(runs).items()
    ]


def _together(found: Sequence[Fields]) -> Fields:
    from bindscope.analysis.binding import BagScores, binding_of

    parts, first = [], 0
    for own in found:
        scores, ties = (np.array(own[name], dtype=np.float64) for name in ("scores", "undecided"))
        parts.append(BagScores(first + np.arange(len(scores)), scores, ties))
        first += len(scores)
    return plain(binding_of(parts, units=sum(own["objects"] for own in found)))


def _scored(runs: Sequence[Fields]) -> list[tuple[Fields, float]]:
    """Runs with enough unseen objects for a binding score of their own, and that score."""
    found = ((run, run["binding"]["forced_choice"]) for run in runs)
    return [(run, score["value"]) for run, score in found if score is not None and score["n"] >= LEAST_BAGS]


def courses(runs: Sequence[Fields]) -> list[Fields]:
    """Of each space: the shape of the binding score of unseen objects against coverage."""
    from bindscope.analysis.complexity.relations import course_of

    found = []
    for space in dict.fromkeys(run["space"] for run in runs):
        own = _scored([run for run in runs if run["space"] == space])
        course = course_of([run["coverage"] for run, _ in own], [value for _, value in own])
        found.append({"space": space, **plain(course)})
    return found


def relations(runs: Sequence[Fields]) -> list[Fields]:
    """Does what the product adds to the sum go with binding unseen objects, among runs of equal space and coverage?

    Asked of the scenes of seen and of unseen objects apart: their shares change with coverage, so that in a mixture of
    them everything goes with it.
    """
    from bindscope.analysis.complexity.relations import partial_rank

    found = []
    for part in ("seen", "unseen"):
        own = [(run, value) for run, value in _scored(runs) if run["product"][part] is not None]
        own = [(run, value) for run, value in own if run["product"][part]["product_share"] is not None]
        shares = [run["product"][part]["product_share"] for run, _ in own]
        places = [f"{run['space']} {run['coverage']}" for run, _ in own]
        groups = np.unique(np.array(places, dtype=str), return_inverse=True)[1]
        relation = partial_rank(shares, [value for _, value in own], groups)
        found.append({"part": part, **plain(relation)})
    return found

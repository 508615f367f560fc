"""What Retrieve, Repair and Compare say in one sentence."""

from collections.abc import Sequence

from bindscope.schemas.comparisons import ComparisonResponse, ComparisonRow
from bindscope.schemas.repairs import RepairModel
from bindscope.schemas.retrievals import RetrievalResponse
from bindscope_dashboard.story import Story
from bindscope_dashboard.wording import model_title, percent, with_interval

#: A repair that brings at least this much, and costs at most that much of ordinary retrieval.
GAIN, COST = 0.15, 0.03
_FREE = {"mean_removed": "removing the means of both sides", "whitened": "whitening both sides"}


def retrieval_story(found: RetrievalResponse) -> Story:
    """Who comes first."""
    first, twin = found.recall["1"], found.swapped_first
    figures = f"the right scene comes first in {with_interval(first)}"
    if twin.n == 0:
        return Story("No twins", f"{figures.capitalize()}; no query has a swapped twin in the gallery.", "undecided")
    against = f"its swapped twin scores higher in {percent(twin.value)}"
    if found.undecided.low is not None and found.undecided.low > 0.5:
        return Story(
            "It cannot tell them apart",
            f"In {percent(found.undecided.value)} of the queries the right scene and its swapped twin score the same.",
            "bag_of_concepts",
        )
    if twin.low is not None and twin.high is not None and twin.low <= 0.5 <= twin.high:
        return Story(
            "A coin between twins",
            f"{figures.capitalize()}; {against}, as a coin would have it: the search knows the concepts, not which "
            "belong together.",
            "bag_of_concepts",
        )
    if (twin.value or 0.0) > 0.5:
        return Story("The twin wins", f"{figures.capitalize()}; {against}, more often than not.", "bag_of_concepts")
    if (twin.value or 0.0) <= 0.05:
        return Story("It finds the right scene", f"{figures.capitalize()}; {against}.", "binds")
    return Story("Mostly the right scene", f"{figures.capitalize()}; {against}.", "undecided")


def repair_story(found: RepairModel) -> Story:
    """Gain beside cost, on scenes of unseen objects."""
    before, after = found.before.swap_accuracy, found.after.swap_accuracy
    lost = (found.before.recall_at_1.value or 0.0) - (found.after.recall_at_1.value or 0.0)
    gain = (after.value or 0.0) - (before.value or 0.0)
    figures = (
        f"swap accuracy on unseen objects from {percent(before.value)} to {with_interval(after)}, "
        f"ordinary recall@1 from {percent(found.before.recall_at_1.value)} to {percent(found.after.recall_at_1.value)}"
    )
    free = max(((own.swap_accuracy.value or 0.0), name) for name, own in found.baselines.items())
    aside = f" Without any training, {_FREE.get(free[1], free[1])} reaches {percent(free[0])}."
    if before.low is not None and after.low is not None and after.low <= (before.value or 0.0):
        return Story(
            "No repair found",
            f"A linear map does not help beyond chance: {figures}. What the text side does not hold, no map can bring "
            f"back.{aside}",
            "bag_of_concepts",
        )
    if gain >= GAIN and lost <= COST:
        return Story("Repaired", f"The map brings {figures}.{aside}", "binds")
    title = "A gain that costs" if lost > COST else "A small gain"
    return Story(title, f"The map brings {figures}.{aside}", "undecided")


def board_story(found: ComparisonResponse) -> Story:
    """Who leads, and whether the lead is one."""
    rows = [row for row in found.rows if row.kind == "model"]
    if len(rows) == 1:
        return Story("One model", f"{_named(rows[0])}: add another one to compare.", "undecided")
    leaders = [row for row in rows if row.rank == 1]
    best = max(leaders, key=lambda row: row.swap_accuracy.value or 0.0)
    if len(leaders) == len(rows):
        return Story(
            "No difference shown", f"On {found.scenes} scenes no two models separate: {_all(rows)}.", "undecided"
        )
    if len(leaders) > 1:
        return Story(
            "A shared lead",
            f"{len(leaders)} models share the first rank on {found.scenes} scenes: {_all(leaders)}.",
            "undecided",
        )
    return Story(
        f"{model_title(best.model)} leads",
        f"{_named(best)}, beyond chance better than the others on the same {found.scenes} scenes.",
        "binds" if (best.swap_accuracy.low or 0.0) > 0.5 else "bag_of_concepts",
    )


def _named(row: ComparisonRow) -> str:
    return f"{model_title(row.model)} prefers the true caption in {with_interval(row.swap_accuracy)}"


def _all(rows: Sequence[ComparisonRow]) -> str:
    return ", ".join(f"{model_title(row.model)} {percent(row.swap_accuracy.value)}" for row in rows)

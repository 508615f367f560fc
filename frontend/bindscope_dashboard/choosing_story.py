"""What Repair says in one sentence."""

from bindscope.schemas.repairs import RepairModel
from bindscope_dashboard.story import Story
from bindscope_dashboard.wording import percent, with_interval

#: A repair that brings at least this much, and costs at most that much of ordinary retrieval.
GAIN, COST = 0.15, 0.03
_FREE = {"mean_removed": "removing the means of both sides", "whitened": "whitening both sides"}


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

"""What may be said of a binding score: the rules, and nothing else.

A *binding score* is a paired forced choice (``analysis/binding``): 1/2 is what everything reaches that knows which
values a scene shows and not which object owns which, whatever the number of objects, concepts or repetitions. Pages,
reports and the command line take their words from here and from ``features/*/findings``; none has a threshold of its
own.
"""

from typing import Literal

Says = Literal["present", "weak", "not found", "below chance", "too few"]
Origin = Literal[
    "more than random weights",
    "less than random weights",
    "already in the input representation",
    "not separable from random weights",
]

Standing = Literal["above chance", "not separable from chance", "below chance", "too few"]

#: What a bag of concepts reaches in a paired forced choice, exactly.
CHANCE = 0.5
#: Fewer bags than this are shown as a figure and support no claim.
LEAST_BAGS = 10
#: Two models are compared on at least this many bags: below it a sign-flip test over bags is no test.
LEAST_COMPARED = 30
#: "Present" takes an interval that lies wholly above this.
PRESENT = 0.75
#: "Not found" takes an interval that lies wholly below this: an interval that only contains 1/2 says nothing.
NOT_FOUND = 0.60
#: Differences from the random-weights twin within this are none.
MARGIN = 0.05
#: Where the twin itself is above this the question is too easy to show learning: ask again with less training data.
EASY = 0.90


def says(low: float | None, high: float | None, n: int) -> Says:
    """What a paired forced choice with this 95 % interval over ``n`` bags supports."""
    if low is None or high is None or n < LEAST_BAGS:
        return "too few"
    if high < CHANCE:
        return "below chance"
    if low >= PRESENT:
        return "present"
    if low > CHANCE:
        return "weak"
    return "not found" if high <= NOT_FOUND else "too few"


def says_derived(low: float | None, high: float | None, *, gap_low: float, gap_high: float, n: int) -> Says:
    """What a score on vectors that labels helped to make supports (rebuilt, edited, with parts taken out).

    The labels themselves can put binding there, so it must also exceed what the same analysis reaches after the vectors
    of each bag were dealt out anew among its scenes; ``gap``: the 95 % interval of the difference from it.
    """
    word = says(low, high, n)
    if word == "too few" and n < LEAST_BAGS:
        return word
    if gap_low > 0 and word in ("present", "weak"):
        return "present" if word == "present" and gap_low > MARGIN else "weak"
    return "not found" if gap_high <= NOT_FOUND - CHANCE else "too few"


def says_unpaired(difference_low: float | None, n: int) -> Says:
    """What an unpaired forced choice supports, from its difference to the bag baseline: at most "weak".

    Without pairs, habits of the labels (red apples, yellow bananas) look like binding, so neither presence nor absence
    can be shown.
    """
    return "weak" if difference_low is not None and n >= LEAST_BAGS and difference_low > 0 else "too few"


def origin(low: float, high: float) -> Origin:
    """What the 95 % interval of the difference model minus random-weights twin supports."""
    if low > MARGIN:
        return "more than random weights"
    if high < -MARGIN:
        return "less than random weights"
    if low >= -MARGIN and high <= MARGIN:
        return "already in the input representation"
    return "not separable from random weights"


def standing(low: float | None, high: float | None, n: int) -> Standing:
    """Where a model's contest stands on a board: all whose interval holds 1/2 share one group."""
    if low is None or high is None:
        return "too few"
    if low <= CHANCE <= high:
        return "not separable from chance"
    if n < LEAST_BAGS:
        return "too few"
    return "below chance" if high < CHANCE else "above chance"

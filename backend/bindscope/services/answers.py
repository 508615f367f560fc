"""The verdict in one plain sentence."""

from collections.abc import Sequence

from bindscope.analysis.verdict import Diagnosis, Outcome


def listed(words: Sequence[str]) -> str:
    """``red, blue, square``: each word once, in order."""
    return ", ".join(dict.fromkeys(words))


def answer(diagnosis: Diagnosis, outcome: Outcome, *, seen: Sequence[str], missed: Sequence[str], margin: float) -> str:
    """``seen`` and ``missed`` are the present values whose concept is recognised or not."""
    if diagnosis == "blind":
        rest = f" It does see {listed(seen)}." if seen else ""
        return f"It does not reliably see {listed(missed)}, so there is nothing to bind.{rest}"
    if diagnosis == "bag_of_concepts":
        if outcome == "binds":
            return (
                f"It sees {listed(seen)} and prefers the true caption, "
                "but asked for single objects it names some that are not there."
            )
        if outcome == "swaps":
            return f"It sees {listed(seen)}, but not which is which: it prefers the swapped caption."
        return f"It sees {listed(seen)}, but not which is which."
    if outcome == "no_valid_swap":
        return f"It sees {listed(seen)}. Nothing can be exchanged in this scene, so there is no swapped caption."
    if diagnosis == "undecided":
        return f"It sees {listed(seen)}, but the true and the swapped caption score the same, within its own noise."
    return f"It knows which is which: the true caption leads the swapped one by {margin:.3f}."

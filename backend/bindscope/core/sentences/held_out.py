"""Words for scores of held-out objects, whose n counts objects where these are fewer than sets of values."""

from bindscope.core.binding_rules import LEAST_BAGS
from bindscope.core.sentences.words import Binding, too_few, with_interval


def held_out_text(binding: Binding | None) -> str:
    """``93 % (85 to 97 %, n = 20)``."""
    if binding is None or binding.forced_choice is None or binding.forced_choice.value is None:
        return "no scene whose swap is made of such objects too"
    return with_interval(binding.forced_choice)


def held_out_too_few(binding: Binding) -> str:
    """Why a figure supports no claim."""
    n = binding.forced_choice.n if binding.forced_choice is not None else 0
    if n < LEAST_BAGS:
        counted = "n counts held-out objects, or sets of values where these are fewer"
        return f"{counted}: {n}, and a claim takes {LEAST_BAGS}"
    return too_few(binding)

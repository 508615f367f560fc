"""How results are said on a terminal."""

from bindscope.schemas.base import Interval


def interval_text(value: Interval) -> str:
    """``0.930 [0.900, 0.951] (n = 400)``."""
    if value.value is None or value.low is None or value.high is None:
        return "unknown (no trial)"
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}] (n = {value.n})"

"""How results are said on a terminal."""

from bindscope.core.errors import InvalidInput
from bindscope.core.wire import Interval


def interval_text(value: Interval) -> str:
    """``0.930 [0.900, 0.951] (n = 400)``."""
    if value.value is None or value.low is None or value.high is None:
        return "unknown (no trial)"
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}] (n = {value.n})"


def names(text: str) -> list[str]:
    """``a,b`` as a list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def decimals(text: str) -> list[float]:
    """``0.2,0.4`` as numbers. Raises InvalidInput."""
    try:
        return [float(part) for part in names(text)]
    except ValueError:
        raise InvalidInput(f"Write numbers with commas between, such as 0.2,0.4,0.6: got {text!r}.") from None


def counted(count: int, noun: str) -> str:
    """``1 object``, ``2,500 objects``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

"""How results are said on a terminal, and lists are typed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from bindscope.core.errors import InvalidInput

if TYPE_CHECKING:
    from bindscope.core.wire import Binding, Interval


def interval_text(value: "Interval") -> str:
    """``0.930 [0.900, 0.951] (n = 400)``."""
    if value.value is None or value.low is None or value.high is None:
        return "unknown (no trial)"
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}] (n = {value.n})"


def score_text(binding: "Binding") -> str:
    """The binding score with its interval."""
    found = binding.forced_choice
    return "unknown (no scene whose swap is there)" if found is None else interval_text(found)


def print_recognition(recognition: "Mapping[str, Interval]") -> None:
    """One line a concept."""
    for name, own in recognition.items():
        typer.echo(f"  {name:22} {interval_text(own)}")


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

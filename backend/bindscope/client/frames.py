"""Answers as tables and figures: ``records`` (plain rows), ``frame`` (pandas) and ``figure`` (plotly).

``client.rows`` has the rule for all answers. A feature whose answer wants other rows, or a figure of its own, says so
in ``features/NOUN/frame.py``: ``ROWS`` and ``FIGURES``, by the type of the answer. pandas and plotly are only needed
where they are asked for: pip install 'bindscope[notebook]'.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from bindscope import features
from bindscope.client import rows
from bindscope.client.rows import Record
from bindscope.core.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def frame(answer: Any) -> "pd.DataFrame":
    """The answer as a table; ``attrs["provenance"]`` says what its numbers were made with.

    Raises InvalidInput for an answer that is no table, and where pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise InvalidInput("Tables need pandas: pip install 'bindscope[notebook]'.") from error
    table = pd.DataFrame.from_records(records(answer))
    made = getattr(answer, "provenance", None)
    table.attrs["provenance"] = made.model_dump(mode="json") if made is not None else None
    return table


def records(answer: Any) -> list[Record]:
    """Plain rows of an answer. Raises InvalidInput for a kind that is no table."""
    own = _rule("ROWS", answer)
    found: list[Record] | None = None
    if own is not None:
        found = own(answer)
    elif isinstance(answer, BaseModel):
        found = rows.rows_of(answer)
    elif isinstance(answer, Sequence) and all(isinstance(one, BaseModel) for one in answer):
        found = rows.plain_rows(answer)
    if found is None:
        raise InvalidInput(f"A {type(answer).__name__} is not a table: take its fields.")
    return found


def figure(answer: Any) -> "go.Figure":
    """The answer as one figure. Raises InvalidInput for an answer without one, and where plotly is not installed."""
    try:
        import plotly.graph_objects  # noqa: F401
    except ImportError as error:
        raise InvalidInput("Figures need plotly: pip install 'bindscope[notebook]'.") from error
    from bindscope.client.figures import shares

    draw = _rule("FIGURES", answer) or shares()
    drawn: go.Figure = draw(answer)
    return drawn


def _rule(name: str, answer: Any) -> Callable[[Any], Any] | None:
    """What the feature of an answer says about it."""
    package = type(answer).__module__.split(".")
    if package[:2] != ["bindscope", "features"]:
        return None
    module = features.module(package[2], "frame")
    rules: dict[type, Callable[[Any], Any]] = getattr(module, name, {})
    return rules.get(type(answer))

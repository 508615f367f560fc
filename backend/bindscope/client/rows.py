"""One row is one number with its interval: ``name``, ``value``, ``low``, ``high``, ``n``, and where it belongs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, get_args, get_origin

from pydantic import BaseModel

from bindscope.core.binding_rules import CHANCE
from bindscope.core.wire import AnalysisResponse, Binding, Interval, Provenance, Recognition, StrictChance

Record: TypeAlias = dict[str, Any]
_SCALARS = (str, int, float, bool, type(None))
_NO_FIGURES = (Provenance, StrictChance)


def row(name: str, own: Interval, **more: Any) -> Record:
    """One figure."""
    return {**more, "name": name, "value": own.value, "low": own.low, "high": own.high, "n": own.n}


def binding_rows(own: Binding, *, name: str = "binding", **more: Any) -> list[Record]:
    """The binding score with its chance and what it says; no row where nothing pairs."""
    if own.forced_choice is None:
        return []
    return [row(name, own.forced_choice, chance=CHANCE, says=own.says, **more)]


def recognition_rows(recognition: Recognition, **more: Any) -> list[Record]:
    """One row a head."""
    return [row(name, own, **more) for name, own in recognition.items()]


def rows_of(answer: BaseModel) -> list[Record] | None:
    """Rows of an answer that has no rule of its own: the parts of its first list, or else its figures, or one row of
    its plain fields; None where it has none of these. A part without figures is one row of its fields; a part with
    figures is a row for each of them."""
    for name, field in type(answer).model_fields.items():
        if _is_list_of_models(field.annotation):
            return [found for part in getattr(answer, name) for found in _part_rows(name, part)]
    return _figures(answer) or _plain_fields(answer) or None


def _plain_fields(answer: BaseModel) -> list[Record]:
    own = {name: value for name, value in answer if name not in AnalysisResponse.model_fields}
    numbers = {name: value for name, value in own.items() if isinstance(value, _SCALARS)}
    return [numbers] if any(isinstance(value, int | float) for value in numbers.values()) else []


def _is_list_of_models(annotation: Any) -> bool:
    return get_origin(annotation) is list and all(_is_model(one) for one in get_args(annotation))


def _is_model(one: Any) -> bool:
    return isinstance(one, type) and issubclass(one, BaseModel)


def plain_rows(parts: Sequence[BaseModel]) -> list[Record]:
    """One row a part, with its fields as columns."""
    return [part.model_dump(mode="json") for part in parts]


def _part_rows(kind: str, part: BaseModel) -> list[Record]:
    figures = _figures(part)
    if not figures:
        return plain_rows([part])
    fields = {name: value for name, value in part if isinstance(value, _SCALARS)}
    where = {kind if name == "name" else name: value for name, value in fields.items() if name not in ("value", "n")}
    return [{**where, **figure} for figure in figures]


def _figures(answer: BaseModel) -> list[Record]:
    own = {name: value for name, value in answer if name not in AnalysisResponse.model_fields}
    return [found for name, value in own.items() for found in _rows_at(name, value)]


def _rows_at(name: str, value: Any, **more: Any) -> Iterator[Record]:
    """An interval or a binding score is a row; of the items of a mapping its name is the ``part``."""
    if isinstance(value, Interval):
        yield row(name, value, **more)
    elif isinstance(value, Binding):
        yield from binding_rows(value, name=name, **more)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            nested = isinstance(item, Mapping)
            yield from _rows_at(str(key), item, **({} if nested else {"part": more.get("part", name)}))
    elif isinstance(value, BaseModel) and not isinstance(value, _NO_FIGURES):
        for key, item in value:
            if isinstance(item, float):
                yield {**more, "name": f"{name}_{key}", "value": item}

"""Public tests of compositional captions, as their files say: SugarCrepe, Winoground, ARO.

Every item has one picture and captions of which the first is true, or two pictures and two captions that belong to each
other in order.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bindscope.core.errors import InvalidInput
from bindscope.scenes.exchanges import same_words

Format = Literal["sugarcrepe", "winoground", "aro"]
FORMATS: tuple[Format, ...] = ("sugarcrepe", "winoground", "aro")
_MAX_CAPTION = 2_000
MAX_ITEMS = 100_000
_LISTED = 5
_FARTHEST = 100_000


@dataclass(frozen=True)
class PairItem:
    """``pictures``: file names. ``box`` (left, top, width, height) cuts the picture, as ARO asks. ``split``: the row of
    results that the item belongs to."""

    id: str
    split: str
    pictures: tuple[str, ...]
    captions: tuple[str, ...]
    box: tuple[int, int, int, int] | None = None

    @property
    def order_only(self) -> bool:
        """Whether the captions are the same bag of words."""
        return all(same_words(self.captions[0], other) for other in self.captions[1:])


def format_of(rows: Sequence[Mapping[str, Any]]) -> Format | None:
    """The format that the fields of an item belong to."""
    keys = set(rows[0]) if rows else set()
    if {"caption", "negative_caption"} <= keys:
        return "sugarcrepe"
    if {"caption_0", "caption_1", "image_0", "image_1"} <= keys:
        return "winoground"
    if {"true_caption", "false_caption"} <= keys or {"caption_options"} <= keys:
        return "aro"
    return None


def rows_of(data: bytes, what: str) -> list[dict[str, Any]]:
    """Items of a JSON list, a JSON mapping of id to item, or JSON lines. Raises InvalidInput that names the line."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InvalidInput(f"{what}, line {line}: not UTF-8: save the file as UTF-8.") from error
    try:
        body: Any = json.loads(text)
    except RecursionError as error:
        raise InvalidInput(f"{what} is nested too deeply.") from error
    except ValueError:
        body = _lines(text, what)
    if isinstance(body, Mapping):
        body = [{"id": key, **item} if isinstance(item, Mapping) else item for key, item in body.items()]
    if not isinstance(body, list) or not all(isinstance(item, dict) for item in body):
        raise InvalidInput(f"{what} must be a list of items, a mapping of id to item, or one item a line.")
    if len(body) > MAX_ITEMS:
        raise InvalidInput(f"{what} has {len(body):,} items: at most {MAX_ITEMS:,}.")
    return body


def _lines(text: str, what: str) -> list[Any]:
    items = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            items.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{what}, line {number}: not JSON.") from error
    return items


def items_of(rows: Sequence[Mapping[str, Any]], what: str, *, split: str) -> list[PairItem]:
    """The items of one file. Raises InvalidInput that names the item and the field."""
    kind = format_of(rows)
    if kind is None:
        keys = ", ".join(sorted(map(str, rows[0]))) if rows else "nothing"
        raise InvalidInput(
            f"{what} is in none of the known formats: SugarCrepe (caption, negative_caption, filename), Winoground "
            f"(caption_0, caption_1, image_0, image_1), ARO (true_caption, false_caption, image_path). It has {keys}."
        )
    read = {"sugarcrepe": _sugarcrepe, "winoground": _winoground, "aro": _aro}[kind]
    items = [read(row, f"{what}, item {number}", split, number) for number, row in enumerate(rows, start=1)]
    _check_ids(items, what)
    return items


def _sugarcrepe(row: Mapping[str, Any], what: str, split: str, number: int) -> PairItem:
    captions = (_text(row, "caption", what), _text(row, "negative_caption", what))
    picture = _text(row, "filename", what) if "filename" in row else _text(row, "image", what)
    return PairItem(str(row.get("id", number)), split, (picture,), captions)


def _winoground(row: Mapping[str, Any], what: str, split: str, number: int) -> PairItem:
    captions = (_text(row, "caption_0", what), _text(row, "caption_1", what))
    own = str(row.get("collapsed_tag") or row.get("tag") or split)
    return PairItem(
        str(row.get("id", number)), own, (_picture(row, "image_0", what), _picture(row, "image_1", what)), captions
    )


def _aro(row: Mapping[str, Any], what: str, split: str, number: int) -> PairItem:
    if "caption_options" in row:
        given = row["caption_options"]
        if not isinstance(given, list) or len(given) < 2 or not all(isinstance(text, str) and text for text in given):
            raise InvalidInput(f"{what}: caption_options must be a list of at least two texts, the true one first.")
        captions = tuple(given)
    else:
        captions = (_text(row, "true_caption", what), _text(row, "false_caption", what))
    picture = _text(row, "image_path", what) if "image_path" in row else _text(row, "image", what)
    return PairItem(str(row.get("id", number)), split, (picture,), captions, _box(row, what))


def _box(row: Mapping[str, Any], what: str) -> tuple[int, int, int, int] | None:
    sides = [row.get(f"bbox_{side}") for side in "xywh"]
    if all(side is None for side in sides):
        return None
    numbers = [int(side) for side in sides if isinstance(side, int | float) and 0 <= side < _FARTHEST]
    if len(numbers) != len(sides) or min(numbers[2:]) < 1:
        raise InvalidInput(f"{what}: bbox_x, bbox_y, bbox_w and bbox_h must be pixels, got {sides}.")
    left, top, width, height = numbers
    return left, top, width, height


def _text(row: Mapping[str, Any], key: str, what: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip() or len(value) > _MAX_CAPTION:
        raise InvalidInput(f"{what}: {key!r} must be a text of 1 to {_MAX_CAPTION:,} characters.")
    return value.strip()


def _picture(row: Mapping[str, Any], key: str, what: str) -> str:
    """A name; Parquet files of the hub hold ``{"path": name, "bytes": ...}``, whose bytes the reader has put aside."""
    value = row.get(key)
    return _text(value, "path", what) if isinstance(value, Mapping) else _text(row, key, what)


def _check_ids(items: Iterable[PairItem], what: str) -> None:
    seen: dict[str, int] = {}
    twice = []
    for item in items:
        if seen.setdefault(item.id, 1) and seen[item.id] > 1:
            twice.append(item.id)
        seen[item.id] += 1
    if twice:
        raise InvalidInput(f"{what}: {len(twice)} ids occur twice: {', '.join(twice[:_LISTED])}.")

"""Labels of scenes as a table that somebody wrote: one row a scene, one column for each concept of each object.

Layouts: ``object1_color, object1_shape, object2_color, ...`` (the paper's release), the columns of PUG: SPARE, or any
columns with a mapping. ``..._idx`` columns may stand beside the names; with a known space they win, because released
tables exist whose names are wrong and whose numbers are right.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bindscope.core.errors import InvalidInput
from bindscope.scenes.concepts import ConceptSpace, space_from_mapping
from bindscope.scenes.scene import MAX_OBJECTS

#: Names of the column of picture files, and of the column of captions, where no mapping says so.
IMAGE_COLUMNS = ("filename", "file_name", "image", "image_path", "file", "path", "picture")
TEXT_COLUMNS = ("text", "caption")
MAX_ROWS = 200_000
_LISTED = 8
_OBJECT = re.compile(r"object_?(\d+)_(.+?)(_idx)?", re.IGNORECASE)
_PUG = ("character_name", "character2_name", "character_texture", "character2_texture")
#: A line break inside a cell is allowed; a cell of megabytes is not.
_MAX_CELL = 10_000

Row = Mapping[str, str]


@dataclass(frozen=True)
class ColumnMapping:
    """Which column holds what. ``objects``: concept -> column, one mapping an object, in the order of the slots."""

    objects: tuple[tuple[tuple[str, str], ...], ...]
    image: str | None = None
    text: str | None = None
    #: Concept -> column of indices, one mapping an object; may be empty.
    indices: tuple[tuple[tuple[str, str], ...], ...] = ()

    @property
    def concepts(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.objects[0]) if self.objects else ()


@dataclass(frozen=True, eq=False)
class LabelTable:
    """``scenes`` [row, object, concept] of ``space``; None where the table has texts only. ``notes``: what was decided
    on the way and the reader should know."""

    space: ConceptSpace | None
    scenes: NDArray[np.int64] | None
    files: tuple[str, ...] | None
    texts: tuple[str, ...] | None
    notes: tuple[str, ...] = field(default=())


def read_rows(data: bytes, what: str) -> list[dict[str, str]]:
    """Rows of a CSV (comma, semicolon or tab) in UTF-8 by column. Raises InvalidInput that names the line."""
    text = _decoded(data, what)
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines = [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise InvalidInput(f"{what} is not a CSV table: {error}.") from error
    lines = [(number, cells) for number, cells in lines if any(cell.strip() for cell in cells)]
    if len(lines) < 2:
        raise InvalidInput(f"{what} needs a line of column names and at least one row.")
    columns = [name.strip() for name in lines[0][1]]
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice or not all(columns):
        raise InvalidInput(f"{what}: each column needs its own name, got {', '.join(map(repr, columns))}.")
    if len(lines) - 1 > MAX_ROWS:
        raise InvalidInput(f"{what} has {len(lines) - 1:,} rows: at most {MAX_ROWS:,}.")
    rows: list[dict[str, str]] = []
    for number, cells in lines[1:]:
        if len(cells) != len(columns):
            raise InvalidInput(f"{what}, line {number}: {len(cells)} cells in a table of {len(columns)} columns.")
        if any(len(cell) > _MAX_CELL for cell in cells):
            raise InvalidInput(f"{what}, line {number}: a cell is longer than {_MAX_CELL:,} characters.")
        rows.append({name: cell.strip() for name, cell in zip(columns, cells, strict=True)})
    return rows


def _decoded(data: bytes, what: str) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InvalidInput(f"{what} is UTF-16: save it as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InvalidInput(
            f"{what}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8: save the table as UTF-8."
        ) from error
    if "\0" in text:
        raise InvalidInput(f"{what}, line {text[: text.index(chr(0))].count(chr(10)) + 1}: a zero byte: not a table.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def mapping_from(data: object) -> ColumnMapping:
    """A mapping as read from YAML or JSON: ``{"image": column, "text": column, "objects": [{concept: column}, ...]}``.

    Raises InvalidInput.
    """
    if not isinstance(data, Mapping) or set(data) - {"image", "text", "objects"}:
        raise InvalidInput("A mapping has the fields image, text and objects (a list of {concept: column}).")
    objects = data.get("objects", [])
    plain = isinstance(objects, Sequence) and not isinstance(objects, str)
    if not plain or not all(isinstance(own, Mapping) and own and _texts(own) for own in objects):
        raise InvalidInput("'objects' of a mapping is a list of {concept: column}, one for each object of a scene.")
    for key in ("image", "text"):
        if data.get(key) is not None and not isinstance(data[key], str):
            raise InvalidInput(f"{key!r} of a mapping is the name of a column.")
    names = [tuple(own) for own in objects]
    if any(own != names[0] for own in names):
        raise InvalidInput("Every object of a mapping needs the same concepts, in the same order.")
    return ColumnMapping(tuple(tuple(own.items()) for own in objects), data.get("image"), data.get("text"))


def _texts(own: Mapping[object, object]) -> bool:
    return all(isinstance(part, str) for pair in own.items() for part in pair)


def guessed_mapping(columns: Sequence[str]) -> ColumnMapping:
    """The mapping that the names of the columns suggest; one without objects where there are none."""
    image = next((name for name in columns if name.lower() in IMAGE_COLUMNS), None)
    text = next((name for name in columns if name.lower() in TEXT_COLUMNS), None)
    if set(_PUG) <= set(columns):
        both = (("character", "character_name"), ("texture", "character_texture"))
        other = (("character", "character2_name"), ("texture", "character2_texture"))
        return ColumnMapping((both, other), image, text)
    found: dict[int, dict[str, str]] = {}
    numbers: dict[int, dict[str, str]] = {}
    for column in columns:
        match = _OBJECT.fullmatch(column)
        if match is not None:
            kind = numbers if match[3] else found
            kind.setdefault(int(match[1]), {})[match[2].lower()] = column
    if not found:
        return ColumnMapping((), image, text)
    order = sorted(found)
    first = list(found[order[0]])
    for number in order:
        lacking = [name for name in first if name not in found[number]]
        more = [name for name in found[number] if name not in first]
        if lacking or more:
            column = f"object{number}_{lacking[0]}" if lacking else f"object{order[0]}_{more[0]}"
            raise InvalidInput(f"The table lacks column {column!r}: every object needs the same concepts.")
    indices = ()
    if set(numbers) == set(found) and all(set(numbers[n]) == set(first) for n in order):
        indices = tuple(tuple((name, numbers[n][name]) for name in first) for n in order)  # type: ignore[assignment]
    return ColumnMapping(tuple(tuple((name, found[n][name]) for name in first) for n in order), image, text, indices)


def labelled(
    rows: Sequence[Row], mapping: ColumnMapping, *, what: str, space: ConceptSpace | None, name: str
) -> LabelTable:
    """The labels of a table. Without ``space`` the values are those that occur, in the order of their appearance.

    Raises InvalidInput that names the column, the rows, or the values with their counts.
    """
    columns = tuple(rows[0])
    wanted = [column for own in (*mapping.objects, *mapping.indices) for _, column in own]
    wanted += [column for column in (mapping.image, mapping.text) if column is not None]
    missing = [column for column in dict.fromkeys(wanted) if column not in columns]
    if missing:
        raise InvalidInput(
            f"{what} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(map(repr, missing))}. "
            f"It has {', '.join(map(repr, columns))}."
        )
    files = None if mapping.image is None else tuple(row[mapping.image] for row in rows)
    texts = None if mapping.text is None else tuple(row[mapping.text] for row in rows)
    if not mapping.objects:
        return LabelTable(None, None, files, texts)
    if len(mapping.objects) > MAX_OBJECTS:
        raise InvalidInput(f"{what}: a scene has at most {MAX_OBJECTS} objects, got {len(mapping.objects)}.")
    cells = [[[row[column] for _, column in own] for own in mapping.objects] for row in rows]
    for number, scene in enumerate(cells, start=1):
        for slot, own in enumerate(scene):
            if not all(own):
                column = mapping.objects[slot][own.index("")][1]
                raise InvalidInput(
                    f"{what}, row {number}: column {column!r} is empty. Every scene needs {len(scene)} objects with "
                    "all their values: leave the row out, or split the table by the number of objects."
                )
    if space is None:
        space = _space_of(cells, mapping.concepts, name)
        return LabelTable(space, _indexed(cells, space, mapping, what), files, texts)
    if set(space.names) != set(mapping.concepts):
        raise InvalidInput(
            f"{what} has the concepts {', '.join(mapping.concepts)}, space {space.name!r} has "
            f"{', '.join(space.names)}: choose another space, none, or give a mapping."
        )
    place = [mapping.concepts.index(concept) for concept in space.names]
    cells = [[[own[k] for k in place] for own in scene] for scene in cells]
    if mapping.indices:
        return _by_numbers(rows, cells, mapping, space=space, what=what, files=files, texts=texts)
    return LabelTable(space, _indexed(cells, space, mapping, what), files, texts)


def _space_of(cells: Sequence[Sequence[Sequence[str]]], concepts: Sequence[str], name: str) -> ConceptSpace:
    parts = []
    for k, concept in enumerate(concepts):
        values = tuple(dict.fromkeys(own[k] for scene in cells for own in scene))
        if len(values) < 2:
            raise InvalidInput(f"Concept {concept!r} has one value only ({values[0]!r}): leave the column out.")
        parts.append((re.sub(r"[^a-z0-9_-]+", "_", concept.lower()), list(values)))
    return space_of_values(name, dict(parts))


def space_of_values(name: str, concepts: Mapping[str, Sequence[str]]) -> ConceptSpace:
    """A space made of values that occur: its phrase is an article and one value of each concept."""
    phrase = "{article} " + " ".join("{" + concept + "}" for concept in concepts)
    return space_from_mapping({"name": name, "concepts": concepts, "phrase": phrase})


def _indexed(
    cells: Sequence[Sequence[Sequence[str]]], space: ConceptSpace, mapping: ColumnMapping, what: str
) -> NDArray[np.int64]:
    unknown: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], int] = {}
    lower = [{value.lower(): i for value, i in concept.index.items()} for concept in space.concepts]
    out = np.zeros((len(cells), len(cells[0]), len(space.concepts)), dtype=np.int64)
    for number, scene in enumerate(cells):
        for slot, own in enumerate(scene):
            for k, value in enumerate(own):
                found = space.concepts[k].index.get(value, lower[k].get(value.lower(), -1))
                out[number, slot, k] = max(found, 0)
                if found < 0:
                    key = (space.concepts[k].name, value)
                    unknown[key] += 1
                    first.setdefault(key, number + 1)
    if unknown:
        listed = [
            f"{value!r} ({concept}, {count}×, first in row {first[concept, value]})"
            for (concept, value), count in unknown.most_common(_LISTED)
        ]
        more = f" and {len(unknown) - _LISTED} more" if len(unknown) > _LISTED else ""
        known = "; ".join(f"{concept.name}: {', '.join(concept.values)}" for concept in space.concepts)
        raise InvalidInput(
            f"{what} has values that space {space.name!r} lacks: {', '.join(listed)}{more}. Known: {known}."
        )
    return out


def _by_numbers(
    rows: Sequence[Row],
    cells: Sequence[Sequence[Sequence[str]]],
    mapping: ColumnMapping,
    *,
    space: ConceptSpace,
    what: str,
    files: tuple[str, ...] | None,
    texts: tuple[str, ...] | None,
) -> LabelTable:
    """Indices where the table has them; a note where its names say something else."""
    place = [mapping.concepts.index(concept) for concept in space.names]
    scenes = np.zeros((len(rows), len(mapping.objects), len(space.concepts)), dtype=np.int64)
    other: Counter[tuple[str, str, str]] = Counter()
    for number, row in enumerate(rows):
        for slot, own in enumerate(mapping.indices):
            for k, where in enumerate(place):
                concept, column = space.concepts[k], own[where][1]
                text = row[column]
                if not text.isascii() or not text.isdigit() or int(text) >= len(concept.values):
                    raise InvalidInput(
                        f"{what}, row {number + 1}: {column} is {text!r}; it must be a number from 0 to "
                        f"{len(concept.values) - 1} (the values of {concept.name})."
                    )
                scenes[number, slot, k] = int(text)
                meant, said = concept.values[int(text)], cells[number][slot][k]
                if meant.lower() != said.lower():
                    other[concept.name, said, meant] += 1
    notes = tuple(
        f"{concept}: {count} cells say {said!r} where the index means {meant!r}: the index was used."
        for (concept, said, meant), count in other.most_common(_LISTED)
    )
    return LabelTable(space, scenes, files, texts, notes)

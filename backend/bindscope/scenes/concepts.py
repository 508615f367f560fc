"""Concept spaces: K concepts with V_k values each, and how an object is said in words (section 2 of the paper).

An *object* is a tuple of value indices, one per concept; its id is the mixed-radix number with the
last concept fastest, so that ids, indices and names convert without a table.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from string import Formatter
from typing import ClassVar

from bindscope.core.errors import InvalidInput, UnknownName

Object = tuple[int, ...]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_VALUE = re.compile(r"[^\W_]([\w .'-]{0,46}[\w.'-])?")
_MAX_OBJECTS = 10_000
_MAX_PHRASE = 200
_GRID = re.compile(r"grid-([1-9]\d*)x([1-9]\d*)")
#: Names that results use beside those of the concepts.
RESERVED_NAMES = frozenset({"concepts", "object", "object_on_valid_swaps"})
#: The field of a phrase that is no concept.
ARTICLE = "article"
_MAX_ARTICLE, _MAX_TEMPLATES = 24, 20


@dataclass(frozen=True)
class Concept:
    """One concept and its values, in order (an index is a position in ``values``)."""

    name: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInput(f"Concept name {self.name!r} must be lower snake case, at most 64 characters.")
        if self.name in RESERVED_NAMES or self.name == ARTICLE:
            raise InvalidInput(f"Concept name {self.name!r} is taken by the results: choose another one.")
        if len(self.values) < 2:
            raise InvalidInput(f"Concept {self.name!r} needs at least two values, got {len(self.values)}.")
        if len(set(self.values)) != len(self.values):
            raise InvalidInput(f"Concept {self.name!r} lists a value twice.")
        for value in self.values:
            if not _VALUE.fullmatch(value):
                raise InvalidInput(
                    f"Value {value!r} of concept {self.name!r} must start with a letter or digit, not end with a "
                    "space, and be at most 48 letters, digits, spaces, dots, hyphens or apostrophes."
                )

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Value name -> index."""
        return {value: i for i, value in enumerate(self.values)}


@dataclass(frozen=True)
class ConceptSpace:
    """An ordered set of concepts.

    ``phrase`` says one object, with a ``{concept}`` field for each concept; ``renderable`` spaces have
    concepts ``color`` and ``shape`` whose values the renderer knows. A phrase may hold ``{article}``: that of the
    object's value in ``articles`` (``a pair of``, or nothing), else ``a`` or ``an`` by the word that follows.
    ``templates`` are texts with one ``{}`` that suit the space: pages offer them.
    """

    name: str
    concepts: tuple[Concept, ...]
    phrase: str
    renderable: bool = False
    articles: tuple[tuple[str, str], ...] = ()
    templates: tuple[str, ...] = ()
    #: Objects that a space may have: services list them all.
    most_objects: ClassVar[int] = _MAX_OBJECTS

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInput(f"Space name {self.name!r} must be lower snake case, at most 64 characters.")
        names = [c.name for c in self.concepts]
        if not names or len(set(names)) != len(names):
            raise InvalidInput(f"Space {self.name!r} needs at least one concept, each with its own name.")
        if len(names) > 8 or self.object_count > self.most_objects:
            raise InvalidInput(
                f"Space {self.name!r} is too large: at most 8 concepts and {self.most_objects} objects, "
                f"got {len(names)} and {self.object_count}."
            )
        _check_phrase(self.phrase, names)
        _check_articles(self)

    @cached_property
    def article_of(self) -> Mapping[str, str]:
        """Value -> its own article."""
        return dict(self.articles)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the concepts, in order."""
        return tuple(c.name for c in self.concepts)

    @cached_property
    def values(self) -> tuple[int, ...]:
        """V_k: the number of values of each concept."""
        return tuple(len(c.values) for c in self.concepts)

    @property
    def object_count(self) -> int:
        """|O| = product of the V_k."""
        return prod(len(c.values) for c in self.concepts)

    def concept(self, name: str) -> Concept:
        """The concept called ``name``. Raises UnknownName."""
        for concept in self.concepts:
            if concept.name == name:
                return concept
        raise UnknownName("concept", name, self.names)

    def objects(self) -> list[Object]:
        """All objects, in the order of their ids."""
        return list(itertools.product(*(range(v) for v in self.values)))

    def object_id(self, obj: Sequence[int]) -> int:
        """Mixed-radix id, last concept fastest."""
        number = 0
        for value, size in zip(obj, self.values, strict=True):
            number = number * size + int(value)
        return number

    def object_at(self, number: int) -> Object:
        """The inverse of ``object_id``."""
        digits: list[int] = []
        for size in reversed(self.values):
            number, digit = divmod(number, size)
            digits.append(digit)
        return tuple(reversed(digits))

    def index(self, named: Mapping[str, str]) -> Object:
        """Value names -> object. Raises UnknownName for a foreign concept or value, InvalidInput for a missing one."""
        for name in named:
            self.concept(name)
        missing = [name for name in self.names if name not in named]
        if missing:
            raise InvalidInput(f"An object of space {self.name!r} needs a value for {', '.join(missing)}.")
        found: list[int] = []
        for concept in self.concepts:
            value = named[concept.name]
            if value not in concept.index:
                raise UnknownName(concept.name, value, concept.values)
            found.append(concept.index[value])
        return tuple(found)

    def named(self, obj: Sequence[int]) -> dict[str, str]:
        """Object -> value names by concept."""
        return {c.name: c.values[i] for c, i in zip(self.concepts, obj, strict=True)}


def _check_phrase(phrase: str, names: Sequence[str]) -> None:
    """Raises InvalidInput unless every field is a bare ``{concept}``: a width such as ``{color:>9999999}`` would make
    each caption as long as its author likes."""
    if len(phrase) > _MAX_PHRASE or not phrase.isprintable():
        raise InvalidInput(f"A phrase is at most {_MAX_PHRASE} printable characters, such as 'a {{color}} {{shape}}'.")
    wanted = ", ".join("{" + name + "}" for name in names)
    try:
        fields = [part[1:] for part in Formatter().parse(phrase) if part[1] is not None]
    except ValueError as error:
        raise InvalidInput(f"Phrase {phrase!r} has a brace without its partner: use {wanted}.") from error
    if any(name not in (*names, ARTICLE) or spec or conversion for name, spec, conversion in fields):
        raise InvalidInput(f"Phrase {phrase!r} may only use the fields {{{ARTICLE}}}, {wanted}.")
    used = {name for name, _, _ in fields}
    missing = [name for name in names if name not in used]
    if missing:
        raise InvalidInput(f"Phrase {phrase!r} leaves out the concepts {missing}.")


def _check_articles(space: "ConceptSpace") -> None:
    """Raises InvalidInput for articles of values that are not there, and templates without a place for the objects."""
    every = {value for concept in space.concepts for value in concept.values}
    for value, article in space.articles:
        if value not in every:
            raise InvalidInput(f"articles names {value!r}, which is no value of space {space.name!r}.")
        if len(article) > _MAX_ARTICLE or not article.isprintable() or "{" in article or "}" in article:
            raise InvalidInput(f"The article of {value!r} must be at most {_MAX_ARTICLE} printable characters.")
    if space.articles and "{" + ARTICLE + "}" not in space.phrase:
        raise InvalidInput(
            f"articles need a phrase with {{{ARTICLE}}} in it, such as '{{{ARTICLE}}} {{color}} {{noun}}'."
        )
    if len(space.templates) > _MAX_TEMPLATES:
        raise InvalidInput(f"At most {_MAX_TEMPLATES} templates, got {len(space.templates)}.")
    for text in space.templates:
        if text.count("{}") != 1 or text.count("{") != 1 or text.count("}") != 1 or len(text) > _MAX_PHRASE:
            raise InvalidInput(f"Template {text!r} must hold one {{}} where the objects go.")


def _space(name: str, phrase: str, *, renderable: bool, **concepts: str) -> ConceptSpace:
    parts = tuple(Concept(key, tuple(values.split())) for key, values in concepts.items())
    return ConceptSpace(name, parts, phrase, renderable)


_COLORS = "blue brown cyan gray green purple red yellow"

#: The spaces that come with Bindscope.
BUILTIN_SPACES: Mapping[str, ConceptSpace] = {
    space.name: space
    for space in (
        _space(
            "shapes2d",
            "a {color} {shape}",
            renderable=True,
            color=f"{_COLORS} orange pink",
            shape="square circle triangle diamond pentagon star heart cross ring crescent",
        ),
        _space(
            "clevr2d",
            "a {color} {shape}",
            renderable=True,
            color=_COLORS,
            shape="square triangle circle",
        ),
        _space(
            "words",
            "a {attribute} {noun}",
            renderable=False,
            attribute="red blue green yellow purple orange pink brown gray black small large tiny round sharp "
            "rough bumpy smooth matte glossy",
            noun="circle square triangle star heart spiral sphere cylinder cone pyramid car cat dog man woman "
            "tree flower rock bird fish",
        ),
    )
}

#: What the renderer can draw; a space is renderable when its color and shape values are among these.
RENDERABLE_COLORS = frozenset(BUILTIN_SPACES["shapes2d"].concept("color").values)
RENDERABLE_SHAPES = frozenset(BUILTIN_SPACES["shapes2d"].concept("shape").values)


@dataclass(frozen=True)
class GridSpace(ConceptSpace):
    """``grid-CxV``: C concepts with V values each, for controlled training. Its objects need not fit a list."""

    most_objects: ClassVar[int] = 64**6


def grid_space(name: str) -> GridSpace | None:
    """The space that ``grid-CxV`` names (C 1 to 6, V 2 to 64), or None for another name.

    Concepts c1, c2, ... have the values a0 a1 ..., b0 b1 ..., so that a word belongs to one concept only.
    """
    match = _GRID.fullmatch(name)
    if match is None:
        return None
    count, size = int(match[1]), int(match[2])
    if not 1 <= count <= 6 or not 2 <= size <= 64:
        raise InvalidInput(f"A grid has 1 to 6 concepts with 2 to 64 values each, such as grid-2x20, got {name!r}.")
    concepts = tuple(Concept(f"c{k + 1}", tuple(f"{'abcdef'[k]}{i}" for i in range(size))) for k in range(count))
    return GridSpace(name, concepts, "a " + " ".join("{" + concept.name + "}" for concept in concepts))


def space_from_mapping(data: object) -> ConceptSpace:
    """A user's own space, as read from YAML or JSON.

    ``{"name": ..., "concepts": {concept: [values]}, "phrase": "a {color} {shape}"}``; the phrase is optional
    (default: ``a`` and the concepts in order). ``articles`` (value: article) and ``templates`` (a list) are optional.
    Raises InvalidInput with the place that is wrong.
    """
    if not isinstance(data, Mapping):
        raise InvalidInput("A space is a mapping with 'name' and 'concepts'.")
    unknown = sorted(str(key) for key in set(data) - {"name", "concepts", "phrase", "articles", "templates"})
    if unknown:
        raise InvalidInput(
            f"A space has the fields name, concepts, phrase, articles and templates, not {', '.join(unknown)}."
        )
    concepts = data.get("concepts")
    if isinstance(data.get("name"), str) and _GRID.fullmatch(data["name"]):
        raise InvalidInput(f"{data['name']!r} is the name of a grid that is always there: choose another one.")
    if not isinstance(data.get("name"), str) or not isinstance(concepts, Mapping):
        raise InvalidInput("A space needs 'name' (text) and 'concepts' (a mapping of concept to its list of values).")
    parts: list[Concept] = []
    for name, values in concepts.items():
        if not isinstance(values, Sequence) or isinstance(values, str):
            raise InvalidInput(f"Concept {name!r} needs a list of values.")
        if not all(isinstance(value, str) for value in values):
            raise InvalidInput(f"Values of concept {name!r} must be text: put quotes around yes, no and numbers.")
        parts.append(Concept(str(name), tuple(values)))
    phrase = data.get("phrase", "a " + " ".join("{" + part.name + "}" for part in parts))
    if not isinstance(phrase, str):
        raise InvalidInput("'phrase' must be text such as 'a {color} {shape}'.")
    by_name = {part.name: set(part.values) for part in parts}
    renderable = (
        set(by_name) == {"color", "shape"}
        and by_name["color"] <= RENDERABLE_COLORS
        and by_name["shape"] <= RENDERABLE_SHAPES
    )
    articles, templates = _own_articles(data.get("articles")), _own_templates(data.get("templates"))
    return ConceptSpace(data["name"], tuple(parts), phrase, renderable, articles, templates)


def space_to_mapping(space: ConceptSpace) -> dict[str, object]:
    """What ``space_from_mapping`` reads."""
    body: dict[str, object] = {
        "name": space.name,
        "concepts": {c.name: list(c.values) for c in space.concepts},
        "phrase": space.phrase,
    }
    if space.articles:
        body["articles"] = dict(space.articles)
    if space.templates:
        body["templates"] = list(space.templates)
    return body


def _own_articles(given: object) -> tuple[tuple[str, str], ...]:
    if given is None:
        return ()
    if not isinstance(given, Mapping) or not all(isinstance(part, str) for pair in given.items() for part in pair):
        raise InvalidInput("'articles' must map values to their articles, such as {scissors: a pair of, water: ''}.")
    return tuple(given.items())


def _own_templates(given: object) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, Sequence) or isinstance(given, str) or not all(isinstance(text, str) for text in given):
        raise InvalidInput("'templates' must be a list of texts such as 'a photo of {}'.")
    return tuple(given)

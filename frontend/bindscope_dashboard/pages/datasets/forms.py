"""The form for a concept space: its fields as the YAML that the service takes, and an example of its words."""

import io
from collections.abc import Mapping, Sequence

import yaml

from bindscope.core.errors import InvalidInput
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import ConceptSpace, space_from_mapping

#: What the form starts with.
EXAMPLE_ROWS = (
    {"concept": "color", "values": "red, blue, green"},
    {"concept": "item", "values": "shoe, bag, scissors"},
)
EXAMPLE_PHRASE = "{article} {color} {item}"
EXAMPLE_ARTICLES = "scissors: a pair of"
SAMPLE_CSV = (
    "filename,object1_color,object1_shape,object2_color,object2_shape\n"
    "0001.jpg,red,cube,blue,sphere\n0002.jpg,blue,cube,red,sphere\n"
)


def space_text(name: str, rows: Sequence[Mapping[str, object]], *, phrase: str, articles: str, templates: str) -> str:
    """YAML of the form. Raises InvalidInput for what a form cannot mean."""
    concepts: dict[str, list[str]] = {}
    for row in rows:
        concept, values = str(row.get("concept") or "").strip(), str(row.get("values") or "").strip()
        if not concept and not values:
            continue
        if not concept or concept in concepts:
            raise InvalidInput(f"Each concept needs a name of its own, got {concept!r}.")
        concepts[concept] = [value.strip() for value in values.split(",") if value.strip()]
    body: dict[str, object] = {"name": name.strip(), "concepts": concepts}
    if phrase.strip():
        body["phrase"] = phrase.strip()
    own = dict(_pair(line) for line in articles.splitlines() if line.strip())
    if own:
        body["articles"] = own
    texts = [line.strip() for line in templates.splitlines() if line.strip()]
    if texts:
        body["templates"] = texts
    file = io.StringIO()
    yaml.safe_dump(body, file, sort_keys=False, allow_unicode=True)
    return file.getvalue()


def example_of(text: str) -> tuple[ConceptSpace, str]:
    """The space, and the caption of two of its objects. Raises InvalidInput."""
    space = space_from_mapping(yaml.safe_load(text))
    last = tuple(size - 1 for size in space.values)
    return space, Captioner(articles="a_or_an").caption(space, [(0,) * len(space.values), last])


def _pair(line: str) -> tuple[str, str]:
    value, colon, article = line.partition(":")
    if not colon:
        raise InvalidInput(f"Write an article as 'value: article', such as 'scissors: a pair of', got {line!r}.")
    return value.strip(), article.strip()

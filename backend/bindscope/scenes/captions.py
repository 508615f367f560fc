"""Captions: a scene in words, in any order of mention and any template.

The caption of a scene is its objects' phrases joined by `` and ``, put into a template with one ``{}``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.scenes.concepts import ConceptSpace, Object

#: Named templates; a user may also send a text of their own with one ``{}`` in it.
TEMPLATES: Mapping[str, str] = {
    "plain": "{}",
    "photo": "a photo of {}",
    "picture": "a picture of {}",
    "sentence": "There is {}.",
}
MAX_TEMPLATE = 200
#: At most this many orders of mention: all of them up to four objects, rotations and their reversals above.
MAX_ORDERS = 24


@dataclass(frozen=True)
class Captioner:
    """How objects become text. ``template`` is a name in TEMPLATES or a text with one ``{}``."""

    template: str = "plain"
    articles: str = "a"

    def __post_init__(self) -> None:
        if self.articles not in ("a", "a_or_an"):
            raise UnknownName("article rule", self.articles, ("a", "a_or_an"))
        if self.template in TEMPLATES:
            return
        if "{}" not in self.template:
            if "{" in self.template or "}" in self.template or " " in self.template:
                raise InvalidInput(f"Template {self.template!r} must hold one {{}} where the objects go.")
            raise UnknownName("template", self.template, (*TEMPLATES, "or a text with one {} in it"))
        rest = self.template.replace("{}", "", 1)
        if "{" in rest or "}" in rest or len(self.template) > MAX_TEMPLATE:
            raise InvalidInput(f"A template holds one {{}} and at most {MAX_TEMPLATE} characters.")

    def phrase(self, space: ConceptSpace, obj: Object) -> str:
        """One object: ``a red square``."""
        named = space.named(obj)
        if "{article}" in space.phrase:
            return _articled(space, named)
        return self._with_article(space.phrase.format(**named))

    def caption(self, space: ConceptSpace, objects: Sequence[Object]) -> str:
        """The objects in the given order: ``a red square and a blue circle``."""
        return self.fill(" and ".join(self.phrase(space, o) for o in objects))

    def object_query(self, space: ConceptSpace, obj: Object) -> str:
        """The query for one whole object."""
        return self.fill(self.phrase(space, obj))

    def concept_query(self, space: ConceptSpace, concept: int, value: int) -> str:
        """The query for one concept value: its bare word in the template."""
        return self.fill(space.concepts[concept].values[value])

    def fill(self, text: str) -> str:
        """The text inside the template."""
        return TEMPLATES.get(self.template, self.template).replace("{}", text, 1)

    def _with_article(self, text: str) -> str:
        if self.articles == "a_or_an" and text.startswith("a ") and text[2:3].lower() in "aeiou":
            return "an" + text[1:]
        return text


def _articled(space: ConceptSpace, named: Mapping[str, str]) -> str:
    """The phrase with the article of the value that has its own, else a or an by the word that follows."""
    own = [space.article_of[value] for value in named.values() if value in space.article_of]
    before, after = (part.format(**named) for part in space.phrase.split("{article}", 1))
    article = own[-1] if own else ("an" if after.lstrip()[:1].lower() in "aeiou" else "a")
    return " ".join(f"{before} {article} {after}".split())


def mention_orders(count: int) -> list[tuple[int, ...]]:
    """Orders in which ``count`` objects may be mentioned; the first is the given one."""
    if count <= 4:
        return list(permutations(range(count)))
    forward = list(range(count))
    turns = [tuple(forward[i:] + forward[:i]) for i in range(count)]
    return turns + [turn[::-1] for turn in turns]


def captions_in_orders(
    captioner: Captioner, space: ConceptSpace, *, objects: Sequence[Object], orders: Sequence[Sequence[int]]
) -> list[str]:
    """One caption per order, without repetitions (equal objects make equal captions)."""
    texts = (captioner.caption(space, [objects[i] for i in order]) for order in orders)
    return list(dict.fromkeys(texts))

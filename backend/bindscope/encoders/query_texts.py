"""Texts in the words of one concept space, taken apart into objects and single values."""

import re

from bindscope.core.errors import InvalidInput
from bindscope.encoders.families.synthetic import words_of
from bindscope.scenes.concepts import ConceptSpace

_SPLIT = re.compile(r"\s+and\s+|[,;]")
_SPACE = re.compile(r"\s+")

Part = dict[int, int]  # concept -> value


class QueryTexts:
    """Finds the values of ``space`` in texts. Case, function words and the words of the space's phrase are ignored."""

    def __init__(self, space: ConceptSpace) -> None:
        self._space = space
        self._places: dict[str, list[tuple[int, int]]] = {}
        for k, concept in enumerate(space.concepts):
            for v, value in enumerate(concept.values):
                self._places.setdefault(value.lower(), []).append((k, v))
        longest_first = sorted(self._places, key=len, reverse=True)
        self._value = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
        self._ignored = frozenset(words_of(re.sub(r"{\w*}", " ", space.phrase)))

    def parts(self, text: str) -> list[Part]:
        """One part for each stretch between ``and`` or commas; a concept named twice begins a new part.

        Raises InvalidInput for words that the space does not have, and where no value is left.
        """
        plain = _SPACE.sub(" ", text.lower().replace("\0", " "))
        found: list[Part] = []
        # A value that holds "and" must survive the split: values are cut out first.
        values = self._value.findall(plain)
        number = iter(range(len(values)))
        marked = self._value.sub(lambda match: f" \0{next(number)} ", plain)
        for stretch in _SPLIT.split(marked):
            found += self._stretch(text, stretch, values)
        if not found:
            raise InvalidInput(f"{_short(text)} names no value of space {self._space.name!r}: {self._known()}")
        return found

    def _stretch(self, text: str, stretch: str, values: list[str]) -> list[Part]:
        parts: list[Part] = []
        for word in stretch.split():
            if word[0] != "\0":
                unknown = set(words_of(word)) - self._ignored
                if unknown:
                    raise InvalidInput(
                        f"{_short(text)} has words that space {self._space.name!r} does not know "
                        f"({', '.join(sorted(unknown))}): {self._known()}"
                    )
                continue
            places = self._places[values[int(word[1:])]]
            free = [place for place in places if not parts or place[0] not in parts[-1]]
            if not parts or not free:
                parts.append({})
            concept, value = (free or places)[0]
            parts[-1][concept] = value
        return parts

    def _known(self) -> str:
        shown = (
            f"{c.name} {', '.join(c.values[:8])}{', ...' if len(c.values) > 8 else ''}" for c in self._space.concepts
        )
        return f"it knows {'; '.join(shown)}."


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")

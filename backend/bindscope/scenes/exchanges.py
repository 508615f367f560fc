"""Adjectives exchanged between the things of an English caption: ``a red shoe and a blue bag`` both ways.

Simple rules, no grammar: adjectives are words of a list, or a single word between an article and a noun. What the
rules offer is a proposal for a person to read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
_ARTICLES = frozenset(("a", "an"))
_DETERMINER_WORDS = """
a an the this that these those one two three four five some many several his her its their my your our
"""
#: Words between things. A thing never reaches across them.
_BETWEEN_WORDS = """
and or with without next to beside besides near behind before after above below under over on in at by of for
from into onto between against along around left right front is are was were has have holding wearing while
chases chasing facing
"""
_ADJECTIVE_WORDS = """
red orange yellow green blue purple pink brown black white gray grey cyan magenta violet golden gold silver beige
turquoise maroon navy teal tan crimson scarlet ivory cream blond blonde dark light bright pale colorful colourful
big small large tiny little huge giant tall short long narrow wide thick thin high low deep shallow fat slim
round square rectangular triangular oval flat curved straight pointed sharp blunt crooked
old new young ancient modern fresh stale used broken cracked
wooden metal metallic plastic glass leather stone brick paper rubber woolen woollen cotton silk ceramic concrete
striped spotted dotted checkered checked plaid patterned plain floral furry fluffy hairy bald smooth rough bumpy
shiny matte glossy dull soft hard wet dry clean dirty dusty muddy rusty
hot cold warm cool open closed empty full heavy lightweight bare
happy sad angry smiling sleeping sleepy standing sitting running lying wild tame cute ugly beautiful pretty
ripe raw cooked sliced whole frozen sweet sour
snowy sunny rainy cloudy grassy sandy rocky leafy
"""
_DETERMINERS = frozenset(_DETERMINER_WORDS.split())
_BETWEEN = frozenset(_BETWEEN_WORDS.split())
ADJECTIVES = frozenset(_ADJECTIVE_WORDS.split())


@dataclass(frozen=True)
class Exchange:
    """``text``: the caption with the adjectives of two things exchanged; ``first`` and ``second`` are these things."""

    text: str
    first: str
    second: str


@dataclass(frozen=True)
class _Thing:
    """Places of its adjectives in the text, and of its noun's end."""

    start: int
    end: int
    stop: int


def exchanges(caption: str) -> list[Exchange]:
    """Every exchange of adjectives between two things of the caption that changes it; the first two things first."""
    found: list[Exchange] = []
    for one, other in combinations(_things(caption), 2):
        left, right = caption[one.start : one.end], caption[other.start : other.end]
        if left.lower() == right.lower():
            continue
        head, middle, tail = caption[: one.start], caption[one.end : other.start], caption[other.end :]
        if one.start == 0:
            right, left = right[:1].upper() + right[1:] if left[:1].isupper() else right, left.lower()
        text = _with_articles(f"{head}{right}{middle}{left}{tail}")
        found.append(Exchange(text, caption[one.start : one.stop], caption[other.start : other.stop]))
    return found


def _things(caption: str) -> list[_Thing]:
    words = [(m.start(), m.end(), m.group().lower()) for m in _WORD.finditer(caption)]
    things: list[_Thing] = []
    at = 0
    while at < len(words):
        size = _adjectives(words, at, caption)
        if size:
            first, last, noun = words[at], words[at + size - 1], words[at + size]
            things.append(_Thing(first[0], last[1], noun[1]))
            at += size
        at += 1
    return things


def _adjectives(words: Sequence[tuple[int, int, str]], at: int, caption: str) -> int:
    """How many words from ``at`` on are the adjectives of a thing; 0 where no thing begins."""
    size = 0
    while at + size < len(words) and words[at + size][2] in ADJECTIVES and _together(words, at, at + size, caption):
        size += 1
    noun = at + size
    if size > 1 and (noun >= len(words) or not _is_noun(words[noun][2]) or not _together(words, at, noun, caption)):
        return size - 1  # "a red square": the last of them is the thing itself
    if size and noun < len(words) and _is_noun(words[noun][2]) and _together(words, at, noun, caption):
        return size
    if size or at == 0 or words[at - 1][2] not in _DETERMINERS or not _is_noun(words[at][2]):
        return 0
    # An article, one unknown word, a noun, and then something that ends the thing: "a tartan scarf and".
    whole = at + 1 < len(words) and _is_noun(words[at + 1][2]) and _together(words, at, at + 1, caption)
    ends = at + 2 >= len(words) or words[at + 2][2] in _BETWEEN or not _together(words, at, at + 2, caption)
    return 1 if whole and ends else 0


def _is_noun(word: str) -> bool:
    return word not in _BETWEEN and word not in _DETERMINERS


def _together(words: Sequence[tuple[int, int, str]], first: int, last: int, caption: str) -> bool:
    """Whether nothing but words and spaces lies between the words."""
    between = caption[words[first][0] : words[last][1]]
    comma = last > first and "," in caption[words[last - 1][1] : words[last][0]]
    return not comma and not re.search(r"[.;:!?()]", between)


def _with_articles(text: str) -> str:
    """``a`` before a consonant, ``an`` before a vowel, as the letters say."""

    def fitted(match: re.Match[str]) -> str:
        article = "an" if match[3][:1].lower() in "aeiou" else "a"
        return (article.capitalize() if match[1][:1].isupper() else article) + match[2] + match[3]

    return re.sub(r"\b([Aa]n?)(\s+)([A-Za-z]+)", fitted, text)


def same_words(one: str, other: str) -> bool:
    """Whether two captions are the same bag of words: only an encoder that reads order can tell them apart."""
    return sorted(_bag(one)) == sorted(_bag(other))


def _bag(text: str) -> list[str]:
    return ["a" if word in _ARTICLES else word for word in re.findall(r"\w+(?:['-]\w+)*", text.lower())]

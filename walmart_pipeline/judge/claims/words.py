"""Words of a text with their roots, and where a record has them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from walmart_pipeline.judge.claims.slots import marked, slots
from walmart_pipeline.text import tokenizer
from walmart_pipeline.text.english import word_classes
from walmart_pipeline.text.word_search import search_text

# The longest first. "Less" stays, since it denies: strapless is the opposite of straps.
_SUFFIXES = tuple(
    """
    ations ation ingly ness ment able ible edly ion ing ity ian ese ers est ful ous ive ish ed er or ly al ic en y e
    """.split()
)
_SHORTEST = 3
# A compound such as "washcloth" may be written as two words, each of at least three letters.
_COMPOUND = 6
# The class of every word that english.yaml does not have.
CONTENT = "x"


class Word(NamedTuple):
    """A word with its span, its root, and its class in english.yaml."""

    start: int
    end: int
    text: str
    root: str
    word_class: str


@lru_cache(maxsize=1 << 16)
def root(word: str) -> str:
    """What the forms of a lower-case word share: wash for washable, washing and washed."""
    found = tokenizer.stem(word)
    for suffix in _SUFFIXES:
        if found.endswith(suffix) and len(found) - len(suffix) >= _SHORTEST + (len(suffix) < 3):
            found = found.removesuffix(suffix)
            break
    if len(found) > _SHORTEST and found[-1] == found[-2] and found[-1] not in "aeiousl":
        found = found[:-1]
    return found.removesuffix("e") if len(found) > _SHORTEST else found


def words(normalized: str) -> list[Word]:
    """The words of a normalized text."""
    found = [(match.start(), match.end(), match.group()) for match in tokenizer.PIECE.finditer(normalized)]
    classes = word_classes([text for _, _, text in found])
    return [Word(start, end, text, root(text), of) for (start, end, text), of in zip(found, classes, strict=True)]


class WordIndex:
    """In which passages of a record each root and each value of a property is, as bits of an integer."""

    def __init__(self, passages: Sequence[str]) -> None:
        self.affirmed: dict[str, int] = {}
        self.denied: dict[str, int] = {}
        self.values: dict[str, dict[str, int]] = {}
        for place, passage in enumerate(passages):
            self._add(passage, 1 << place)

    def _add(self, passage: str, bit: int) -> None:
        normalized = tokenizer.normalized(passage)
        found = slots(search_text(passage), normalized)
        affirmed = self.affirmed
        marks = marked(found.denied, len(normalized))
        if found.denied:
            for match in tokenizer.PIECE.finditer(normalized):
                bits, key = self.denied if marks[match.start()] else affirmed, root(match.group())
                bits[key] = bits.get(key, 0) | bit
        else:
            for key in map(root, tokenizer.PIECE.findall(normalized)):
                affirmed[key] = affirmed.get(key, 0) | bit
        for mention in found.mentions:
            if not marks[mention.start]:
                values = self.values.setdefault(mention.value.slot, {})
                values[mention.value.value] = values.get(mention.value.value, 0) | bit

    def passages(self, word: Word) -> int:
        """The passages that have a word."""
        if found := self._of(word.root):
            return found
        for cut in range(3, len(word.text) - 2) if len(word.text) >= _COMPOUND else ():
            if (first := self._of(root(word.text[:cut]))) and (both := first & self._of(root(word.text[cut:]))):
                return both
        return 0

    def _of(self, key: str) -> int:
        return self.affirmed.get(key, 0) | self.denied.get(key, 0)


def roots(normalized: str) -> frozenset[str]:
    """The roots of the words of a normalized text."""
    return frozenset(map(root, tokenizer.PIECE.findall(normalized)))

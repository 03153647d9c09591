"""Words of a text with their roots, and where a record has them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
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
_COMPOUND, _HALF = 6, 3
# The class of every word that english.yaml does not have.
CONTENT = "x"
# Classes of words that are compared: content, unpronounceable names, words that other languages have too.
_CHECKED = frozenset(f"{CONTENT}zf")
# Between the parts of a text that are searched as one: no phrase, number or denial spans it.
BETWEEN = " ;\n"
_WORD = re.compile(r"([^\W_]+)")


class Word(NamedTuple):
    """A word with its root and its class in english.yaml.

    is_checked: a record could have it. is_compared: it is evidence if the record does not.
    """

    text: str
    root: str
    word_class: str
    is_checked: bool
    is_compared: bool


class Words(NamedTuple):
    """The words of a text, and where each starts and ends."""

    words: list[Word]
    starts: list[int]
    ends: list[int]


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


@lru_cache(maxsize=1 << 16)
def _word(text: str) -> Word:
    word_class = word_classes([text])
    is_checked = word_class in _CHECKED
    return Word(text, root(text), word_class, is_checked, is_checked and len(text) > 1 and not text.isdigit())


def words(normalized: str) -> Words:
    """The words of a normalized text."""
    pieces, starts, ends = _pieces(normalized)
    return Words(list(map(_word, pieces)), starts, ends)


def _pieces(normalized: str) -> tuple[list[str], list[int], list[int]]:
    """Letters and digits in a row, and where each begins and ends."""
    parts = _WORD.split(normalized)
    bounds = list(accumulate(map(len, parts)))
    return parts[1::2], bounds[:-1:2], bounds[1::2]


class WordIndex:
    """In which passages of a record each root and each value of a property is, as bits of an integer.

    text: the passages with BETWEEN between them; one long text is searched faster than many short ones.
    """

    def __init__(self, text: str) -> None:
        self.affirmed: dict[str, int] = {}
        self.denied: dict[str, int] = {}
        self.values: dict[str, dict[str, int]] = {}
        normalized = tokenizer.normalized(text)
        found = slots(search_text(text), normalized)
        marks = marked(found.denied, len(normalized))
        ends = list(accumulate(len(passage) + len(BETWEEN) for passage in text.split(BETWEEN)))
        self._add(normalized, ends, marks)
        for mention in found.mentions:
            if not marks[mention.start]:
                values = self.values.setdefault(mention.value.slot, {})
                bit = 1 << bisect_right(ends, mention.start)
                values[mention.value.value] = values.get(mention.value.value, 0) | bit
        self._stated = self.affirmed | {key: bits | self.affirmed.get(key, 0) for key, bits in self.denied.items()}
        self.only_denied = self.denied.keys() - self.affirmed.keys()

    def _add(self, normalized: str, ends: Sequence[int], marks: bytearray) -> None:
        affirmed, denied = self.affirmed, self.denied
        pieces, starts, _ = _pieces(normalized)
        keys, first, bit = list(map(root, pieces)), 0, 1
        for end in ends:
            last = bisect_left(starts, end, first)
            if first < last and marks.find(1, starts[first], end) == -1:
                for key in keys[first:last]:
                    affirmed[key] = affirmed.get(key, 0) | bit
            else:
                for place in range(first, last):
                    bits, key = denied if marks[starts[place]] else affirmed, keys[place]
                    bits[key] = bits.get(key, 0) | bit
            first, bit = last, bit << 1

    def passages(self, words: Sequence[Word]) -> list[int]:
        """The passages that have each of these words; 0 for one that no record has."""
        stated = self._stated.get
        return [(stated(word.root) or self._with_halves(word.text)) if word.is_checked else 0 for word in words]

    def _with_halves(self, compound: str) -> int:
        for first, second in _halves(compound) if len(compound) >= _COMPOUND else ():
            if (bits := self._stated.get(first)) and (both := bits & self._stated.get(second, 0)):
                return both
        return 0


@lru_cache(maxsize=1 << 14)
def _halves(compound: str) -> list[tuple[str, str]]:
    """The roots of each two words that a compound may be."""
    return [(root(compound[:cut]), root(compound[cut:])) for cut in range(_HALF, len(compound) - _HALF + 1)]


# A record's passages are compared with several numbers of a listing.
@lru_cache(maxsize=1 << 10)
def roots(normalized: str) -> frozenset[str]:
    """The roots of the words of a normalized text."""
    return frozenset(map(root, tokenizer.PIECE.findall(normalized)))

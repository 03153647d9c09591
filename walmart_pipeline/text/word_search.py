"""Searches text for many whole words at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

Found = TypeVar("Found")

# Vulgar fractions of Latin-1 are kept; the others are rare enough to be dropped.
_FRACTIONS = "½¼¾"


def _table() -> bytes:
    table = bytearray(b" " * 256)
    for code in range(256):
        char = chr(code)
        base = unicodedata.normalize("NFD", char)[0].lower()
        if char == "_" or char in _FRACTIONS or (char.isalnum() and not base.isascii()):
            table[code] = code
        elif char.isalnum() and base.isalnum():
            table[code] = ord(base)
    return bytes(table)


_TABLE = _table()


def search_text(text: str) -> str:
    """The text in lower case without accents, other characters and those beyond Latin-1 as spaces; spans stay valid."""
    return text.encode("latin-1", "replace").translate(_TABLE).decode("latin-1")


def has_phrase(text: str, phrase: str, *, plural: bool = False) -> bool:
    """Whether a lower-case text contains a phrase as whole words. plural: also with a plural ending."""
    start = r"(?<!\w)" if phrase[:1].isalnum() else ""
    end = r"(?!\w)" if phrase[-1:].isalnum() else ""
    return re.search(f"{start}{re.escape(phrase)}{'(?:e?s)?' if plural else ''}{end}", text) is not None


class WordSearch(Generic[Found]):
    """Finds words and phrases in a search text with one Aho-Corasick automaton; a phrase matches single spaces only."""

    def __init__(self, words: Mapping[str, Found]) -> None:
        from ahocorasick_rs import AhoCorasick, Implementation

        searched = {f" {search_text(word).strip()} ": found for word, found in words.items()}
        self._automaton = AhoCorasick(searched, implementation=Implementation.ContiguousNFA)
        self._found = list(searched.values())

    def find(self, text: str) -> Iterator[tuple[int, int, Found]]:
        """(start, end, value) of each match, ordered by end; matches may overlap."""
        # The added spaces match words at either end of the text.
        for which, start, end in self._automaton.find_matches_as_indexes(f" {text} ", overlapping=True):
            yield start, end - 2, self._found[which]

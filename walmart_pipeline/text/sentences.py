"""Splits text into sentences and finds the clause around a span."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

# "text.Next": a stop without its space; lower-case letters before and after keep "Walmart.com" and "No.Iron" whole.
_STOP = re.compile(r"[.!?…]+[\"'”’)\]]*(?:\s+(?=[\"'“‘(\[]?[A-Z0-9\u0080-\uffff])|(?<=[a-z]{3}[.!?])(?=[A-Z][a-z]{2}))")
# For text without capitals.
_LOWER_STOP = re.compile(r"[.!?…]+[\"'”’)\]]*\s+")
# A word that ends a sentence, with closing brackets and quotes.
_LAST_WORD = re.compile(r"[.!?…]+[\"'”’)\]]*$")
# Clauses end with a semicolon too, and the items of a list with their mark.
_CLAUSE_END = re.compile(r"[.!?;]+(?=\s|$)|[\n;•|]+")
_LAST_CLAUSE_END = re.compile(r".*(?:[.!?;](?=\s|$)|[\n;•|])", re.DOTALL)

# How far a clause is read on either side of a word, in characters.
REACH = 90

# fmt: off
ABBREVIATIONS = frozenset({
    "dr", "mr", "mrs", "ms", "st", "no", "nos", "vs", "inc", "co", "ltd", "approx", "e.g", "i.e", "fig", "max",
    "min", "jr", "sr", "dept", "vol", "ave", "incl", "dia",
})
# Abbreviations that end a sentence before a word that typically begins one.
UNITS = frozenset({
    "in", "oz", "lb", "lbs", "ft", "sq", "qt", "pt", "gal", "fl", "cu", "yd", "cm", "wt", "tbsp", "tsp", "pcs", "pkg",
    "u.s", "u.k", "u.s.a", "a.m", "p.m", "etc",
})
_OPENERS = frozenset({
    "the", "this", "it", "a", "an", "each", "its", "our", "these", "they", "with", "for", "made", "includes",
    "comes", "use", "when", "no", "all", "perfect", "you", "your",
})
# fmt: on
_DOTTED = frozenset(f"{word}." for word in ABBREVIATIONS | UNITS)


# Several rules and models ask for the sentences of the same description.
@lru_cache(maxsize=64)
def spans(text: str) -> tuple[tuple[int, int], ...]:
    """Start and end of each sentence; the end of a line ends a sentence."""
    return tuple(_spans(text))


def _spans(text: str) -> Iterator[tuple[int, int]]:
    stops = _LOWER_STOP if text.islower() else _STOP
    for line in re.finditer(r"[^\n]+", text):
        start = line.start()
        for stop in stops.finditer(text, *line.span()):
            if not _is_abbreviation(text, start, stop):
                yield start, stop.end()
                start = stop.end()
        if text[start : line.end()].strip():
            yield start, line.end()


def split(text: str) -> list[str]:
    """The sentences of a text."""
    return [text[start:end].strip() for start, end in spans(text)]


def is_last_word(word: str) -> bool:
    """Whether a lower-case piece between two spaces, such as "(kettle.)", ends a sentence."""
    return _LAST_WORD.search(word) is not None and word not in _DOTTED


def left_context(text: str, start: int, reach: int = REACH) -> str:
    """The clause before a word that starts there."""
    before = text[max(0, start - reach) : start]
    last = _LAST_CLAUSE_END.match(before)
    return before[last.end() :] if last else before


def right_context(text: str, end: int, reach: int = REACH) -> str:
    """The clause after a word that ends there."""
    after = text[end : end + reach]
    stop = _CLAUSE_END.search(after)
    return after[: stop.start()] if stop else after


def context(text: str, start: int, end: int, reach: int = REACH) -> tuple[str, str]:
    """The clause before and after a span."""
    return left_context(text, start, reach), right_context(text, end, reach)


def _is_abbreviation(text: str, start: int, stop: re.Match[str]) -> bool:
    if stop.group()[0] != ".":
        return False
    before = text[start : stop.start()].rsplit(None, 1)
    last = before[-1].lower().lstrip("(\"'“‘") if before else ""
    if last in ABBREVIATIONS or (len(last) == 1 and last.isalpha()):
        return True
    if last.lstrip("0123456789.-") in UNITS:
        following = text[stop.end() : stop.end() + 12].split(None, 1)
        return not following or following[0].lower() not in _OPENERS
    return False

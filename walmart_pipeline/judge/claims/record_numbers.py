"""Indexes the numbers of a product's record, each with the kinds that it may be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from walmart_pipeline.core.records import Product
from walmart_pipeline.judge.claims.number_matching import ANY, COUNTED, UNLESS_STATED, NumberIndex
from walmart_pipeline.judge.claims.words import BETWEEN
from walmart_pipeline.text import tokenizer
from walmart_pipeline.text.quantities import Quantity, Reading, quantities
from walmart_pipeline.text.units import COUNTS, UNITS

# Kinds of a number without a unit, by the name of its attribute; elsewhere it may be of any kind.
KINDS_OF_NAME: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(words.split()), frozenset(kinds.split()))
    for words, kinds in (
        ("weight", "mass"),
        ("length width height depth diameter thickness dimension screen drop inseam", "length"),
        ("capacity volume", "volume mass cup data charge person"),
        ("seat seating sleep sleeping occupant occupancy people person", "person"),
        ("watt wattage power", "power"),
        ("volt voltage", "voltage"),
        ("count quantity piece pack package number", " ".join(COUNTS)),
        ("warranty age", "calendar days"),
        ("speed", "turns speed setting times"),
        ("temperature", "temperature degrees"),
    )
)
# 18 in + 2 in.
PLUS = re.compile(r"\s*\+\s*")
# A name that was taken from a web address has lost its punctuation.
LOST_SIGN = re.compile(r"(?<![\d.])(\d{1,2}) (\d{1,2})(?![\d.])")
LOST_COMMA = re.compile(r"(?<=\b\d) (?=000\b)|(?<=\b\d\d) (?=000\b)")
TWO_NUMBERS = re.compile(r"\d \d")
LOST_OF = re.compile(r"\b(?:set|pack) (\d{1,3})\b", re.IGNORECASE)
# A word or unit that runs into a capital or figure marks a lost line break; iPhone stays whole.
GLUED = re.compile(
    r"[A-Z\d](?<=[a-z][a-z][a-z].)|[A-Z](?:(?<=[a-z]\).)|(?<=\d [a-z][a-z].)|(?<=\d [A-Za-z].)(?=[a-z]))"
)
# 2-5 players; a longer range is no count.
RANGE = re.compile(r"(\d{1,3})\s*[-–]\s*(\d{1,3})")
LONGEST_RANGE = 50


def record_number_index(product: Product, text: str) -> NumberIndex:
    """The numbers of a product's record. An attribute's name may hold the unit: `Weight (lb): 30`.

    text: the whole record, which begins with the name and ends with each attribute as "name: value".
    A number without a unit may be what its attribute is about; in the name, any kind that is stated nowhere else; in
    prose, a count, so that "Includes 12" does not support 12 lb.
    """
    made = NumberIndex(text)
    starts = list(_attribute_starts(product, text))
    first = starts[-1][0] if starts else len(text)
    found = made.found = quantities(text, counted=True)
    for quantity in [*found, *_added_up(text, found), *_mended(text)]:
        if quantity.readings and not quantity.unsure:
            made.add(quantity)
        elif quantity.start < len(product.product_name):
            # A name that was taken from a web address has lost its %.
            made.add(quantity, (UNLESS_STATED, "percent"))
        elif quantity.start < first:
            made.add(quantity, (COUNTED, "percent"))
        else:
            made.add(quantity, _kinds_of(next(name for start, name in starts if start <= quantity.start)))
    for name, value in product.attributes.items():
        _add_attribute(made, name, value)
    return made


def unglued(text: str) -> str:
    """The text with lost line breaks restored: "above elbow sleeves30" lengthRayon"."""
    return GLUED.sub(r" \g<0>", text)


def _add_attribute(made: NumberIndex, name: str, value: str) -> None:
    """Add what an attribute's name adds to its number: the unit, or that it is a count."""
    if units := _units_in(name):
        for quantity in _with_units(value, units):
            made.add(quantity)
    noun = name.lower().split(" per ", maxsplit=1)[0].split()[-1:]
    if noun and noun[0].endswith("s"):
        for count in _counts(value.strip()):
            made.count(noun[0], count, f"{name}: {value}")
    if value.isdigit() and not {"count", "quantity"}.isdisjoint(tokenizer.name_words(name)):
        for quantity in quantities(f"{value} count"):
            made.add(quantity)


def _counts(value: str) -> Iterator[float]:
    """4 of "Players: 4", and 2 to 5 of "Players: 2-5"."""
    if value.isdigit():
        yield float(value)
    elif range_ := RANGE.fullmatch(value):
        first, last = int(range_[1]), int(range_[2])
        yield from map(float, range(first, min(last, first + LONGEST_RANGE) + 1))


def _added_up(text: str, found: Sequence[Quantity]) -> Iterator[Quantity]:
    """Sums such as 18 in + 2 in."""
    for one, other in pairwise(found):
        if PLUS.fullmatch(text, one.end, other.start) and one.readings and other.readings:
            first, second = one.readings[0], other.readings[0]
            if first.kind == second.kind:
                total = Reading(first.kind, first.amount + second.amount, first.unit)
                yield one._replace(end=other.end, text=text[one.start : other.end], readings=(total,))


def _mended(text: str) -> Iterator[Quantity]:
    """Numbers that lost their marks: 1.48 oz in "1 48 oz", 1/4 in "1 4", 6,000 in "6 000", a set of 2 in "set 2"."""
    for start, line in _lines_with(TWO_NUMBERS, text):
        for pattern, mark in ((LOST_COMMA, ""), (LOST_SIGN, r"\1.\2"), (LOST_SIGN, r"\1/\2")):
            if (mended := pattern.sub(mark, line)) != line:
                yield from (found._replace(start=start + found.start) for found in quantities(mended))
    lower = text.lower()
    if "set " in lower or "pack " in lower:
        for count in LOST_OF.findall(text):
            yield from quantities(f"set of {count}")


def _lines_with(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    """Each line that has a match, and where it starts."""
    end = 0
    for match in pattern.finditer(text):
        if match.start() >= end:
            start = text.rfind("\n", 0, match.start()) + 1
            end = text.find("\n", match.end())
            end = len(text) if end == -1 else end
            yield start, text[start:end]


def _attribute_starts(product: Product, text: str) -> Iterator[tuple[int, str]]:
    """Start and name of each attribute, the last one first."""
    end = len(text)
    for name, value in reversed(product.attributes.items()):
        start = end - len(name) - len(": ") - len(value)
        yield start, name
        end = start - len(BETWEEN)


@lru_cache(maxsize=4096)
def _kinds_of(name: str) -> frozenset[str]:
    words = set(map(tokenizer.stem, tokenizer.name_words(name)))
    return next((kinds for named, kinds in KINDS_OF_NAME if not words.isdisjoint(named)), frozenset({ANY}))


@lru_cache(maxsize=4096)
def _units_in(name: str) -> tuple[str, ...]:
    # One letter may be anything (W is a width as well), and "in" a preposition, unless it stands in brackets.
    words = re.findall(r"[a-z°%]+", name.lower())
    return tuple(word for word in words if word in UNITS and len(word) > 1 and (word != "in" or "(in)" in name.lower()))


@lru_cache(maxsize=4096)
def _with_units(value: str, units: tuple[str, ...]) -> tuple[Quantity, ...]:
    found = quantities(value)
    if len(found) != 1 or found[0].readings:
        return ()
    return tuple(quantity for unit in units for quantity in quantities(f"{found[0].text} {unit}"))

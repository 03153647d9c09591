"""The numbers of a record, and whether they support a number of a text: alone, compared or calculated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import combinations, pairwise, permutations
from typing import NamedTuple

from walmart_pipeline.judge.claims.listing_text import ClaimStatus
from walmart_pipeline.text import tokenizer
from walmart_pipeline.text.quantities import Quantity
from walmart_pipeline.text.units import COUNTS, Unit

# "Just over" and "nearly" are within a tenth, "about" within a twentieth.
NEAR, ABOUT = 0.1, 0.05
LIKE = 0.7, 1.4
# Units are converted with factors of seven digits: 1 lb = 16 oz.
EQUAL = 1e-4


class Comparison(NamedTuple):
    """Range of true values, as shares of the figure in the text. inclusive: the figure itself is in the range."""

    least: float
    most: float
    inclusive: bool

    def is_true(self, stated: float, value: float) -> bool:
        """Whether a value satisfies the comparison: 8 is more than 7."""
        if abs(value - stated) <= EQUAL * abs(stated):
            return self.inclusive
        return self.least * stated <= value <= self.most * stated


def is_like(stated: float, value: float) -> bool:
    """Whether two figures are of similar size, such as a rounded and an exact one."""
    return LIKE[0] * stated <= value <= LIKE[1] * stated


_UNBOUNDED = float("inf")
_SLIGHTLY = r"(?:just|only just|a little|a bit|slightly)"
_OVER = r"(?:over|above|more than|greater than|longer than|upwards of|in excess of)"
_UNDER = r"(?:under|below|less than|fewer than|shorter than)"
_NOT = r"(?:no|not|never)"
_BEFORE = {
    rf"{_NOT} {_UNDER}|at least|at minimum|(?:a )?minimum of": Comparison(1.0, _UNBOUNDED, True),
    rf"{_NOT} {_OVER}|at most|(?:a )?maximum of": Comparison(0.0, 1.0, True),
    rf"{_SLIGHTLY} {_OVER}": Comparison(1.0, 1.0 + NEAR, False),
    rf"{_SLIGHTLY} {_UNDER}|(?:just )?shy of|not quite|nearly|almost": Comparison(1.0 - NEAR, 1.0, False),
    _OVER: Comparison(1.0, _UNBOUNDED, False),
    _UNDER: Comparison(0.0, 1.0, False),
    r"(?:just )?about|around|approximately|approx\.?|roughly|close to|some": Comparison(1.0 - ABOUT, 1.0 + ABOUT, True),
}
_AFTER = {
    r"or (?:more|longer|greater|higher)": Comparison(1.0, _UNBOUNDED, True),
    r"or (?:less|fewer|shorter|under)": Comparison(0.0, 1.0, True),
}
# One expression each: the number of the group that matches is the place of its comparison.
_ANY_BEFORE = re.compile(rf"\b(?:{'|'.join(f'({words})' for words in _BEFORE)})\s+$")
_ANY_AFTER = re.compile(rf"\s+(?:{'|'.join(f'({words})' for words in _AFTER)})\b")
_COMPARISONS_BEFORE, _COMPARISONS_AFTER = list(_BEFORE.values()), list(_AFTER.values())
# The longest of them is "only just greater than".
_LONGEST_CHARS = 25


def comparison_of(left_context: str, right_context: str) -> Comparison | None:
    """Comparison that the context applies to a figure; None for an exact figure."""
    if left_context[-1:].isspace() and (before := _ANY_BEFORE.search(left_context[-_LONGEST_CHARS:])):
        return _COMPARISONS_BEFORE[(before.lastindex or 0) - 1]
    after = _ANY_AFTER.match(right_context)
    return _COMPARISONS_AFTER[(after.lastindex or 0) - 1] if after else None


# Between different units a printed figure is rounded: 1.7 L is sold as 57 oz (0.8 % off), 13.6 kg as 30 lb.
CONVERSION_TOLERANCE = 0.02
# At most so many of the record's figures are named in a message.
SHOWN_FIGURES = 4
ANY_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+")
# Each of these holds several of what is counted.
CONTAINERS = frozenset({"pack", "box", "bag", "pouch", "sachet", "tray", "bottle", "pair", "roll"})
# Only the first reading of these can be contradicted: an angle is no temperature, and the cups of a coffee maker are
# no volume.
FIRST_OF_ALL = frozenset({"degrees", "cup"})
# Three kinds of time, which are comparable; a month has 30.4 days.
SECONDS = {"clock": 1.0, "days": 86_400.0, "calendar": 2_629_800.0}
# Kinds that are products of two others, and the conversion factor: mm² to a square foot, volts × amperes to a watt.
PRODUCTS = {
    "area": ("length", "length", 92_903.04),
    "power": ("voltage", "current", 1.0),
    "energy": ("voltage", "charge", 1_000.0),
}
# Two numbers of a record are multiplied only if they are this close: "two boxes with a dozen bars each".
TOGETHER_CHARS = 30
# Wildcard kinds of a number without a unit.
ANY, UNLESS_STATED, COUNTED = "any", "unless stated", "counted"


class NumberIndex:
    """Index of a text's numbers: with a unit by kind, without one by the kinds they may be.

    text: searched for numbers that state nothing by themselves (model numbers). found: the text's quantities.
    """

    def __init__(self, text: str = "") -> None:
        self.by_kind: dict[str, list[tuple[float, Unit, str]]] = {}
        self.found: list[Quantity] = []
        self._nouns: dict[str, list[tuple[float, str]]] = {}
        self._counted: list[Quantity] = []
        self._bare: set[tuple[float, str]] = set()
        self._values: set[float] = set()
        self._text = text

    def add(self, quantity: Quantity, bare: Iterable[str] = (ANY,)) -> None:
        """Add a number. bare: the kinds that it may be if it has no unit."""
        self._values.add(quantity.value)
        if quantity.noun or (quantity.readings and quantity.readings[0].kind in COUNTS):
            self._counted.append(quantity)
        if quantity.noun:
            self.count(quantity.noun, quantity.value, f"{quantity.text} {quantity.noun}")
        if not quantity.readings or quantity.unsure:
            self._bare.update((quantity.value, kind) for kind in bare)
        for reading in quantity.readings:
            self.by_kind.setdefault(reading.kind, []).append((reading.amount, reading.unit, quantity.text))

    def count(self, noun: str, value: float, text: str) -> None:
        """Add a count of things of this name."""
        self._nouns.setdefault(tokenizer.stem(noun.lower()), []).append((value, text))

    def judge(self, quantity: Quantity) -> ClaimStatus:
        """supported; contradicted if the kind has other values only; unsupported if the kind is absent."""
        if self._has_reading(quantity):
            return "supported"
        if quantity.noun and (same := self._of_name(quantity.noun)):
            values = {value for value, _ in same} | {amount for amount, _, _ in self.by_kind.get("pack", ())}
            fits = quantity.value in values or quantity.value == sum(values) or self._is_product(quantity.value)
            return "supported" if fits else "contradicted"
        if not quantity.readings or quantity.unsure:
            known = quantity.value in self._values or quantity.value in self._every or self._is_product(quantity.value)
            return "supported" if known else "unsupported"
        if self._may_be(quantity) or self._is_derived(quantity):
            return "supported"
        kind = quantity.readings[0].kind
        counted = kind in COUNTS and (self._has_count(quantity) or self._is_product(quantity.value))
        # Two panels make a set of 2, whatever else the record counts in packs.
        if counted and kind == "pack":
            return "supported"
        kinds = quantity.readings[:1] if kind in FIRST_OF_ALL else quantity.readings
        if any(reading.kind in self.by_kind for reading in kinds):
            return "contradicted"
        return "supported" if counted else "unsupported"

    def has_in_other_unit(self, quantity: Quantity) -> bool:
        """Whether the same number is there with another unit of its kind: 134 gallons, for 134 liters."""
        return any(
            abs((amount - unit.offset) / unit.factor - quantity.value) < 1e-9
            for kind, _, own in quantity.readings
            for amount, unit, _ in self.by_kind.get(kind, ())
            if unit != own
        )

    def has_value(self, value: float) -> bool:
        """Whether this figure is anywhere in the text, of any kind."""
        return value in self._values or value in self._every

    def in_all(self, quantity: Quantity) -> bool:
        """Whether it is the total of the record's pieces: 24 bars of 1.4 oz are 33.6 oz, bowls of 2 and 5 qt 7."""
        counts = self._products | {value for same in self._nouns.values() for value, _ in same}
        counts |= {amount for kind in COUNTS & self.by_kind.keys() for amount, _, _ in self.by_kind[kind]}
        for _, stated, unit in quantity.readings:
            amounts = {amount for amount, _, _ in self.by_kind.get(unit.kind, ())}
            results = [sum(amounts), *(amount * count for amount in amounts for count in counts if count > 1)]
            if any(abs(result - stated) <= CONVERSION_TOLERANCE * stated for result in results):
                return True
        return False

    def compared(self, quantity: Quantity) -> list[tuple[float, float]]:
        """Pairs of a text's figure and each of the record's of its kind, in the kind's base unit."""
        if not quantity.readings:
            named = [*(self._of_name(quantity.noun) if quantity.noun else ()), *self._of_name("pack")]
            return [(quantity.value, value) for value, _ in named]
        return [(stated, amount) for kind, stated, _ in quantity.readings for amount in self.amounts(kind)]

    def amounts(self, kind: str) -> list[float]:
        """The record's figures of a kind, or its numbers of things of that name."""
        return [amount for amount, _, _ in self.by_kind.get(kind, ())] + [
            value for value, _ in self._nouns.get(tokenizer.stem(kind), ())
        ]

    def closeness(self, quantity: Quantity) -> float:
        """Ratio of the figure and the nearest one of its kind, the smaller by the larger; 0 without any."""
        pairs = self.compared(quantity)
        return max((min(one, other) / max(one, other) for one, other in pairs if one > 0 and other > 0), default=0.0)

    def like(self, quantity: Quantity) -> tuple[str, ...]:
        """The figures of the same kind as they are written."""
        kinds = [reading.kind for reading in quantity.readings]
        if not COUNTS.isdisjoint(kinds):
            kinds.append("pack")
        same = [text for _, text in self._of_name(quantity.noun)] if quantity.noun else []
        same += [text.strip() for kind in kinds for _, _, text in self.by_kind.get(kind, ())]
        return tuple(dict.fromkeys(same))[:SHOWN_FIGURES]

    @cached_property
    def _every(self) -> frozenset[float]:
        return frozenset(float(number.replace(",", "")) for number in ANY_NUMBER.findall(self._text))

    @cached_property
    def _products(self) -> frozenset[float]:
        """Products of the record's counts: two boxes of 12 bars are 24."""
        return frozenset(
            first.value * second.value
            for first, second in pairwise(self._counted)
            # A pack of 2 and "two cables" are the same two.
            if 0 <= second.start - first.end <= TOGETHER_CHARS
            and min(first.value, second.value) > 1
            and _holds(first, second)
        )

    def _of_name(self, noun: str) -> list[tuple[float, str]]:
        """Counts of things of this name: "2 batteries" is a number with a unit."""
        name = tokenizer.stem(noun.lower())
        return [*self._nouns.get(name, ()), *((amount, text) for amount, _, text in self.by_kind.get(name, ()))]

    def _is_derived(self, quantity: Quantity) -> bool:
        """Whether it follows from figures of other kinds: 60 hours are two and a half days, 5 V and 2 A 10 W."""
        for kind, stated, _ in quantity.readings:
            if kind in SECONDS:
                results = [
                    amount * SECONDS[other] / SECONDS[kind]
                    for other in SECONDS.keys() - {kind}
                    for amount, _, _ in self.by_kind.get(other, ())
                ]
            elif kind in PRODUCTS:
                first, second, unit = PRODUCTS[kind]
                results = [
                    one * other / unit
                    for one, _, _ in self.by_kind.get(first, ())
                    for other, _, _ in self.by_kind.get(second, ())
                ]
            else:
                continue
            if any(abs(result - stated) <= CONVERSION_TOLERANCE * stated for result in results):
                return True
        return False

    def _is_product(self, value: float) -> bool:
        return value in self._products

    def _may_be(self, quantity: Quantity) -> bool:
        """Whether a number without a unit may be this one."""
        value = quantity.value
        return any(
            (value, ANY) in self._bare
            or (value, reading.kind) in self._bare
            or ((value, UNLESS_STATED) in self._bare and reading.kind not in self.by_kind)
            or ((value, COUNTED) in self._bare and reading.kind in COUNTS)
            for reading in quantity.readings
        )

    def _has_reading(self, quantity: Quantity) -> bool:
        for kind, stated, unit in quantity.readings:
            # "400 Side Loading Pockets".
            if kind in COUNTS and any(value == stated for value, _ in self._nouns.get(kind, ())):
                return True
            for amount, own, _ in self.by_kind.get(unit.kind, ()):
                if amount == stated or abs(amount - stated) <= (1e-6 if own == unit else CONVERSION_TOLERANCE) * max(
                    abs(amount), abs(stated)
                ):
                    return True
        return False

    def _has_count(self, quantity: Quantity) -> bool:
        return any(
            amount == quantity.value for kind in COUNTS & self.by_kind.keys() for amount, _, _ in self.by_kind[kind]
        )


def _holds(first: Quantity, second: Quantity) -> bool:
    """Whether one of them counts containers of the other."""
    return any(reading.kind in CONTAINERS for quantity in (first, second) for reading in quantity.readings)


def number_index(found: Iterable[Quantity]) -> NumberIndex:
    """Index of these quantities; one without a unit may be of any kind."""
    made = NumberIndex()
    for quantity in found:
        made.add(quantity)
    return made


# A printed result is rounded: three times 333 m are "just about a kilometer".
TOLERANCE = 0.015
_DAILY = re.compile(r"\b(?:one|once|1|a|an|a single) (?:[a-z]+ )?(?:a|per|each|every) day\b|\bdaily\b")
_EACH = re.compile(r"\b(?:each|apiece|per|a piece|every)\b")
_TWO = re.compile(r"\b(?:both|pair|each side|twice|double)\b")


def follows(quantity: Quantity, beside: Sequence[Quantity], sentence: str, number_index: NumberIndex) -> bool:
    """Whether a figure is the sum or a multiple of others: three skeins of 364 yards are 1,092.

    beside: the other numbers of its sentence. A multiple needs the factor in the sentence, where it is judged itself.
    """
    times = {other.value for other in beside if _counts(other) and other.value > 1}
    if _TWO.search(sentence):
        times.add(2)
    each = _EACH.search(sentence) is not None
    if not quantity.readings:
        values = [other.value for other in beside if _counts(other)]
        results = [result for pair in combinations(values, 2) for result in (pair[0] + pair[1], pair[0] * pair[1])]
        results += [2 * other.value for other in beside] if 2 in times else []
        values = [other.value for other in beside if other.value]
        results += [one / other for one, other in permutations(values, 2)] if each else []
        return any(_is_near(result, quantity.value) for result in results)
    if _DAILY.search(sentence) and quantity.readings[0].kind in SECONDS:
        unit = SECONDS[quantity.readings[0].kind] / SECONDS["days"]
        pieces = times | {
            amount for kind in COUNTS & number_index.by_kind.keys() for amount, _, _ in number_index.by_kind[kind]
        }
        return any(abs(count / unit - quantity.readings[0].amount) <= ABOUT * count / unit for count in pieces)
    return any(
        _is_near(result, stated)
        for kind, stated, _ in quantity.readings
        for result in _results(kind, times, beside, number_index, each=each)
    )


def _counts(quantity: Quantity) -> bool:
    return not quantity.readings or quantity.readings[0].kind in COUNTS


def _results(
    kind: str, times: set[float], beside: Sequence[Quantity], number_index: NumberIndex, *, each: bool
) -> Iterator[float]:
    own = {reading.amount for other in beside for reading in other.readings if reading.kind == kind}
    for amount in own | set(number_index.amounts(kind)):
        yield from (amount * factor for factor in times)
        if each:
            yield from (amount / factor for factor in times)
    # A chain of 18 inches with an extender of 2.
    yield from (first + second for first, second in combinations(own, 2))


def _is_near(result: float, stated: float) -> bool:
    return abs(result - stated) <= TOLERANCE * abs(stated)

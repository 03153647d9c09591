"""The numbers of a record, and what they say about a number of a text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise

from walmart_pipeline.judge.claims.claim import ClaimStatus
from walmart_pipeline.text import tokenizer
from walmart_pipeline.text.quantities import Quantity
from walmart_pipeline.text.units import COUNTS, Unit

# Between different units a printed figure is rounded: 1.7 L is sold as 57 oz (0.8 % off), 13.6 kg as 30 lb.
CONVERSION_TOLERANCE = 0.02
# The message names so many of the record's figures.
SHOWN_FIGURES = 4
ANY_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+")
# Of these each holds some of what is counted.
CONTAINERS = frozenset({"pack", "box", "bag", "pouch", "sachet", "tray", "bottle", "pair", "roll"})
# The first reading of these is what a text says, another only what may support it: an angle is no temperature, and the
# cups of a coffee maker are no measure.
FIRST_OF_ALL = frozenset({"degrees", "cup"})
# Time is three kinds, of which one may say what another does; a month has 30.4 days.
SECONDS = {"clock": 1.0, "days": 86_400.0, "calendar": 2_629_800.0}
# Kinds that two others come to, and how many of their units make one: mm² a square foot, volts × amperes a watt.
PRODUCTS = {
    "area": ("length", "length", 92_903.04),
    "power": ("voltage", "current", 1.0),
    "energy": ("voltage", "charge", 1_000.0),
}
# Two numbers of a record are factors of one only where they stand so near: "two boxes with a dozen bars each".
TOGETHER_CHARS = 30
# Kinds of a number without a unit that are not the name of one.
ANY, UNLESS_STATED, COUNTED = "any", "unless told", "counted"


class NumberIndex:
    """The numbers of a text: by kind with their unit, and those without one by what they may be."""

    def __init__(self, text: str = "") -> None:
        """text: where numbers stand that state nothing by themselves (model numbers).

        found: the quantities of that text, with their spans in it.
        """
        self.by_kind: dict[str, list[tuple[float, Unit, str]]] = {}
        self.found: list[Quantity] = []
        self._nouns: dict[str, list[tuple[float, str]]] = {}
        self._counted: list[Quantity] = []
        self._bare: set[tuple[float, str]] = set()
        self._values: set[float] = set()
        self._text = text

    def add(self, quantity: Quantity, bare: Iterable[str] = (ANY,)) -> None:
        """One number of the text; `bare`: the kinds that it may be if it has no unit."""
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
        """So many things of this name."""
        self._nouns.setdefault(tokenizer.stem(noun.lower()), []).append((value, text))

    @property
    def counted(self) -> frozenset[str]:
        """Stems of the things that are counted by name."""
        return frozenset(self._nouns)

    def counts(self, noun: str) -> bool:
        """Whether there is a number of things of this name."""
        return bool(self._of_name(noun))

    def judge(self, quantity: Quantity) -> ClaimStatus:
        """supported; contradicted when the kind is there with other values only; unsupported when it is not there."""
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

    def in_all(self, quantity: Quantity) -> bool:
        """Whether it is what all the record's pieces come to: 24 bars of 1.4 oz are 33.6 oz, bowls of 2 and 5 qt 7."""
        counts = self._products | {value for same in self._nouns.values() for value, _ in same}
        counts |= {amount for kind in COUNTS & self.by_kind.keys() for amount, _, _ in self.by_kind[kind]}
        for _, stated, unit in quantity.readings:
            amounts = {amount for amount, _, _ in self.by_kind.get(unit.kind, ())}
            results = [sum(amounts), *(amount * count for amount in amounts for count in counts if count > 1)]
            if any(abs(result - stated) <= CONVERSION_TOLERANCE * stated for result in results):
                return True
        return False

    def compared(self, quantity: Quantity) -> list[tuple[float, float]]:
        """A figure of a text beside each of the record's of its kind, both in the kind's base unit."""
        if not quantity.readings:
            named = [*(self._of_name(quantity.noun) if quantity.noun else ()), *self._of_name("pack")]
            return [(quantity.value, value) for value, _ in named]
        return [(stated, amount) for kind, stated, _ in quantity.readings for amount in self.amounts(kind)]

    def amounts(self, kind: str) -> list[float]:
        """The record's figures of a kind, or its numbers of things of that name."""
        return [amount for amount, _, _ in self.by_kind.get(kind, ())] + [
            value for value, _ in self._nouns.get(tokenizer.stem(kind), ())
        ]

    def are_fewer(self, value: float) -> bool:
        """Whether the record counts its pieces, and none of its counts comes to so many."""
        counts = [amount for kind in COUNTS & self.by_kind.keys() for amount, _, _ in self.by_kind[kind]]
        counts += [amount for same in self._nouns.values() for amount, _ in same]
        return bool(counts) and value > max([*counts, *self._products]) and value not in self._values

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
        """What the record's counts come to: two boxes of 12 bars are 24."""
        return frozenset(
            first.value * second.value
            for first, second in pairwise(self._counted)
            # A pack of 2 and "two cables" are the same two.
            if 0 <= second.start - first.end <= TOGETHER_CHARS
            and min(first.value, second.value) > 1
            and _holds(first, second)
        )

    def _of_name(self, noun: str) -> list[tuple[float, str]]:
        """How many things of this name the record counts: "2 batteries" is a number with a unit."""
        name = tokenizer.stem(noun.lower())
        return [*self._nouns.get(name, ()), *((amount, text) for amount, _, text in self.by_kind.get(name, ()))]

    def _is_derived(self, quantity: Quantity) -> bool:
        """Whether figures of other kinds come to it: 60 hours are two and a half days, 5 V and 2 A 10 W."""
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
    """Whether one of them counts what the others come in."""
    return any(reading.kind in CONTAINERS for quantity in (first, second) for reading in quantity.readings)


def number_index(found: Iterable[Quantity]) -> NumberIndex:
    """These quantities, looked up by kind; one without a unit may be any."""
    made = NumberIndex()
    for quantity in found:
        made.add(quantity)
    return made

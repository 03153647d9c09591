"""What the record says about each number of a text.

Belongs here: the record's numbers, and the verdict on a text's number.
Does not: reading numbers (quantities.py), or what an unsupported one costs (the policy profile).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

from walmart_pipeline.quality.quantities import COUNTS, UNITS, Quantity, Unit, quantities
from walmart_pipeline.records import Product

Verdict: TypeAlias = Literal["supported", "unsupported", "contradicted"]

# Between different units a printed figure is rounded: 1.7 L is sold as 57 oz (0.8 % off), 13.6 kg as 30 lb.
CONVERSION_TOLERANCE = 0.02
# The message names so many of the record's figures; more would not help a writer.
SHOWN_FIGURES = 4
ANY_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+")


class Claim(NamedTuple):
    """A number of the listing, with the record's verdict; `source_has`: the record's figures of the same kind."""

    field: str
    quantity: Quantity
    verdict: Verdict
    source_has: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of a text: by kind with their unit, those without a unit, and every one whatever it counts."""

    by_kind: dict[str, list[tuple[float, Unit, str]]]
    bare: frozenset[float]
    every: frozenset[float]

    def judge(self, quantity: Quantity) -> Verdict:
        """supported; contradicted when the kind is there with other values only; unsupported when it is not there."""
        if not quantity.readings or quantity.unsure:
            return "supported" if quantity.value in self.every or self._has_reading(quantity) else "unsupported"
        if quantity.value in self.bare or self._has_reading(quantity):
            return "supported"
        kind = quantity.readings[0].kind
        counted = kind in COUNTS and self._has_count(quantity)
        # Two panels make a set of 2, whatever else the record counts in packs.
        if counted and kind == "pack":
            return "supported"
        if any(reading.kind in self.by_kind for reading in quantity.readings):
            return "contradicted"
        return "supported" if counted else "unsupported"

    def like(self, quantity: Quantity) -> tuple[str, ...]:
        """The figures of the same kind as they are written."""
        same = [text for reading in quantity.readings for _, _, text in self.by_kind.get(reading.kind, ())]
        return tuple(dict.fromkeys(same))[:SHOWN_FIGURES]

    def _has_reading(self, quantity: Quantity) -> bool:
        return any(
            abs(amount - reading.amount)
            <= (1e-6 if unit == reading.unit else CONVERSION_TOLERANCE) * max(abs(amount), abs(reading.amount))
            for reading in quantity.readings
            for amount, unit, _ in self.by_kind.get(reading.kind, ())
        )

    def _has_count(self, quantity: Quantity) -> bool:
        return any(
            amount == quantity.value for kind in COUNTS & self.by_kind.keys() for amount, _, _ in self.by_kind[kind]
        )


def figures(found: Iterable[Quantity], every: Iterable[float] = ()) -> Figures:
    """These quantities, looked up by kind; `every` adds numbers that state nothing by themselves (model numbers)."""
    by_kind: dict[str, list[tuple[float, Unit, str]]] = {}
    bare: set[float] = set()
    values: set[float] = set(every)
    for quantity in found:
        values.add(quantity.value)
        if not quantity.readings or quantity.unsure:
            bare.add(quantity.value)
        for reading in quantity.readings:
            by_kind.setdefault(reading.kind, []).append((reading.amount, reading.unit, quantity.text.strip()))
    return Figures(by_kind, frozenset(bare), frozenset(values))


def source_figures(product: Product) -> Figures:
    """The numbers of a product's record. An attribute's name may hold the unit: `Weight (lb): 30`."""
    parts = [product.product_name, product.brand or "", *product.category, *product.features, product.description]
    for name, value in product.attributes.items():
        parts.append(f"{name}: {value}")
        found = quantities(value)
        if len(found) == 1 and not found[0].readings:
            parts.extend(f"{found[0].text} {word}" for word in _units_in(name))
    # One text costs less than many; no number reaches over a semicolon.
    whole = " ;\n".join(parts)
    return figures(quantities(whole), (float(number.replace(",", "")) for number in ANY_NUMBER.findall(whole)))


@lru_cache(maxsize=4096)
def _units_in(name: str) -> tuple[str, ...]:
    # One letter may be anything (W is a width as well), and "in" a preposition, unless it stands in brackets.
    words = re.findall(r"[a-z°%]+", name.lower())
    return tuple(word for word in words if word in UNITS and len(word) > 1 and (word != "in" or "(in)" in name.lower()))


def claims_of(stated: Sequence[tuple[str, Quantity]], product: Product) -> list[Claim]:
    """Each stated number (field, quantity) with the record's verdict."""
    if not stated:
        return []
    record = source_figures(product)
    return [
        Claim(field, quantity, verdict, record.like(quantity) if verdict == "contradicted" else ())
        for field, quantity in stated
        for verdict in [record.judge(quantity)]
    ]

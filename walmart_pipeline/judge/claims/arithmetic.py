"""A figure that follows from others: three skeins of 364 yards are 1,092, and five modes of seven levels make 35."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

from walmart_pipeline.judge.claims.number_matching import SECONDS, NumberIndex
from walmart_pipeline.text.quantities import Quantity
from walmart_pipeline.text.units import COUNTS

# A printed result is rounded: three times 333 m are "just about a kilometer".
TOLERANCE = 0.015
# 120 days are "about four months".
ABOUT = 0.05
_DAILY = re.compile(r"\b(?:one|once|1|a|an|a single) (?:[a-z]+ )?(?:a|per|each|every) day\b|\bdaily\b")
_EACH = re.compile(r"\b(?:each|apiece|per|a piece|every)\b")
_TWO = re.compile(r"\b(?:both|pair|each side|twice|double)\b")


def follows(quantity: Quantity, beside: Sequence[Quantity], sentence: str, number_index: NumberIndex) -> bool:
    """Whether a figure is the sum or a multiple of others.

    beside: the other numbers of its sentence; figures: the record's. A multiple is believed where the sentence says how
    many there are, for that number is judged by itself.
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
    # Said beside each other: a chain of 18 inches with an extender of 2.
    yield from (first + second for first, second in combinations(own, 2))


def _is_near(result: float, stated: float) -> bool:
    return abs(result - stated) <= TOLERANCE * abs(stated)

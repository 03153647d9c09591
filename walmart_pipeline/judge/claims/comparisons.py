"""Words that compare a figure: more than 7 days, at least 2 lb, nearly 8 ft, 30 minutes or less."""

from __future__ import annotations

import re
from typing import NamedTuple

# "Just over" and "nearly" are within a tenth, "about" within a twentieth.
NEAR, ABOUT = 0.1, 0.05
LIKE = 0.7, 1.4
# Units are converted with factors of seven digits: 1 lb = 16 oz.
EQUAL = 1e-4


class Comparison(NamedTuple):
    """The range of true values, as shares of the figure in the text. inclusive: whether the figure itself is in it."""

    least: float
    most: float
    inclusive: bool

    def is_true(self, stated: float, value: float) -> bool:
        """Whether a value fulfils it: 8 is more than 7."""
        if abs(value - stated) <= EQUAL * abs(stated):
            return self.inclusive
        return self.least * stated <= value <= self.most * stated


def is_like(stated: float, value: float) -> bool:
    """Whether two figures are of the same size, as a rounded one and the exact one are."""
    return LIKE[0] * stated <= value <= LIKE[1] * stated


_UNBOUNDED = float("inf")
_SLIGHTLY = r"(?:just|only just|a little|a bit|slightly)"
_OVER = r"(?:over|above|more than|greater than|longer than|upwards of|in excess of)"
_UNDER = r"(?:under|below|less than|fewer than|shorter than)"
_NOT = r"(?:no|not|never)"
# The first that matches the words before a figure counts.
_BEFORE = [
    (re.compile(rf"\b(?:{words})\s+$"), comparison)
    for words, comparison in (
        (rf"{_NOT} {_UNDER}|at least|at minimum|(?:a )?minimum of", Comparison(1.0, _UNBOUNDED, True)),
        (rf"{_NOT} {_OVER}|at most|(?:a )?maximum of", Comparison(0.0, 1.0, True)),
        (rf"{_SLIGHTLY} {_OVER}", Comparison(1.0, 1.0 + NEAR, False)),
        (rf"{_SLIGHTLY} {_UNDER}|(?:just )?shy of|not quite|nearly|almost", Comparison(1.0 - NEAR, 1.0, False)),
        (_OVER, Comparison(1.0, _UNBOUNDED, False)),
        (_UNDER, Comparison(0.0, 1.0, False)),
        (
            r"(?:just )?about|around|approximately|approx\.?|roughly|close to|some",
            Comparison(1.0 - ABOUT, 1.0 + ABOUT, True),
        ),
    )
]
# The longest of them is "only just greater than".
_LONGEST_CHARS = 25
_AFTER = [
    (re.compile(rf"\s+{words}\b"), comparison)
    for words, comparison in (
        (r"or (?:more|longer|greater|higher)", Comparison(1.0, _UNBOUNDED, True)),
        (r"or (?:less|fewer|shorter|under)", Comparison(0.0, 1.0, True)),
    )
]


def comparison_of(left_context: str, right_context: str) -> Comparison | None:
    """How a figure between these words is compared; None where it is stated as it is."""
    left = left_context[-_LONGEST_CHARS:]
    for words, comparison in _BEFORE:
        if words.search(left):
            return comparison
    return next((comparison for words, comparison in _AFTER if words.match(right_context)), None)

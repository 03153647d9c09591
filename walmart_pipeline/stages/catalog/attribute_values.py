"""Corrects values of attributes: decimal points that a feed lost, models that only repeat the brand or the name."""

from __future__ import annotations

import re

from walmart_pipeline.text import mending

# "0 95" and "1 7 L", and in "4 5 x 3 x 0 8 inches" each number with two parts.
_TWO_PARTS = re.compile(r"(?:^|(?<= x ))(\d{1,3}) (\d{1,3})(?= ?(?P<unit>[A-Za-z]+|\")?(?: per .*)?$| x )")
_MEASURED = re.compile(
    r"weight|length|width|height|depth|diameter|thickness|dimensions?|capacity|volume", re.IGNORECASE
)


def with_points(attribute: str, value: str) -> str:
    """Return a measure with its lost decimal points: a value that is nothing but "2 5 ft" can't be anything else."""

    def joined(parts: re.Match[str]) -> str:
        is_measure = mending.is_measure(parts["unit"]) if parts["unit"] else _MEASURED.search(attribute) is not None
        return f"{parts[1]}.{parts[2]}" if is_measure else parts[0]

    return _TWO_PARTS.sub(joined, value)


def is_model(model: str, brand: str | None, name: str) -> bool:
    """Return whether a model says something that the brand and the name do not: `Classmark` by Classmark does not."""
    words = re.findall(r"\w+", model.casefold())
    if "".join(words) == "".join(re.findall(r"\w+", name.casefold())):
        return False
    return not words or not set(words) <= set(re.findall(r"\w+", (brand or "").casefold()))

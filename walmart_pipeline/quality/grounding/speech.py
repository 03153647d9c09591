"""Numbers of a sentence that are no figures of the product, and words that let a figure be rounded or added up.

Belongs here: what the words around a number do to it. Does not: looking a figure up (figures.py).
"""

from __future__ import annotations

import re

from walmart_pipeline.quality.quantities import Quantity

# "No two pieces", "for the next ten years".
_IN_WORDS = re.compile(r"\b(?:no|next|last|past|first|any|every|these|those|other|another|than)\s+$")
# Route 66, and < 3 (a heart).
_NAMED = re.compile(r"(?:\b(?:route|highway|interstate|chapter|catch|dials?|dialed|call)|<)\s+$")
# Seven days a week, 24 hours a day, 365 days a year.
_ALWAYS = re.compile(r"\s+(?:a week|a day|a year)\b")
_ALL_THE_TIME = frozenset({7, 24, 52, 365})
_TO_FIVE = re.compile(r"\s+to\s+(?:5|five)\b(?!\s*[\w%°\"-])")
_NINE_TO = re.compile(r"\b(?:9|nine)\s+to\s+$")
# "Add two cups of spinach": an amount of something else.
_AMOUNTS = frozenset({"cup", "spoon", "volume", "mass"})
_ADDED = re.compile(r"^\W*(?:(?:just |then |now |first )?(?:add|pour|measure|stir|mix|blend|take)(?: in)?\s+)?$")
# "Works with your iPhone 15": a figure in the name of another thing.
_OTHERS = re.compile(r"\b(?:compatible|works?|fits?|for|pairs?|supports?|connects?|replaces?)\b")
_CAPITALS = re.compile(r"\b\w*[A-Z]\w*\s+$")
# "Just over 7 pounds" says 7.2 lb.
_ABOUT = re.compile(
    r"\b(?:about|around|approximately|approx\.?|roughly|nearly|almost|just over|just under|close to)\s+$"
)
_TOGETHER = re.compile(r"\b(?:together|total|in all|combined|altogether|overall|means?|makes?|adds? up to|comes? to)\b")
# "Rinse the jar for ten seconds", "steep for three to five minutes": what a person is told to do. "Boils in 3 minutes"
# and "heat it up in 3 minutes" tell what the product can do.
_DIRECTED = re.compile(
    r"(?:^|[,:]\s+|\b(?:and|then|or)\s+)\W*(?:(?:then|just|simply|first|next|now|please|let it)\s+)?"
    r"(?:steep|brew|boil|simmer|soak|rinse|wash|dry|rest|wait|leave|let|set|cook|bake|roast|fry|grill|microwave|heat|warm|"
    r"chill|cool|freeze|stir|shake|mix|knead|massage|rub|apply|press|hold|charge|sit|stand|air|preheat)\b"
    r"[^.;]*\b(?:for|to|another|after|every|at least)\s+(?:[\w-]+\s+(?:to|or)\s+)?$"
)
_DURATIONS = frozenset({"clock", "days", "temperature", "degrees"})


def is_figurative(quantity: Quantity, ahead: str, behind: str) -> bool:
    """Nine to five, seven days a week, no two alike, Route 66."""
    if quantity.text[0].isalpha() and _IN_WORDS.search(ahead):
        return True
    if quantity.value in _ALL_THE_TIME and _ALWAYS.match(behind):
        return True
    if (quantity.value == 9 and _TO_FIVE.match(behind)) or (quantity.value == 5 and _NINE_TO.search(ahead)):
        return True
    return not quantity.readings and _NAMED.search(f"{ahead} ") is not None


def is_of_others(quantity: Quantity, written: str, ahead: str, behind: str) -> bool:
    """An ingredient's amount, the time of a direction, or part of another product's name.

    written: the text up to it, not folded.
    """
    if quantity.readings:
        if quantity.readings[0].kind in _DURATIONS and _DIRECTED.search(ahead):
            return True
        added = behind.startswith(" of ") and quantity.readings[0].kind in _AMOUNTS
        return added and _ADDED.match(ahead) is not None
    return not quantity.noun and _OTHERS.search(ahead) is not None and _CAPITALS.search(written) is not None


def is_rounded(ahead: str) -> bool:
    """Whether a figure after these words need not be exact."""
    return _ABOUT.search(ahead) is not None


def is_total(ahead: str, behind: str) -> bool:
    """Whether a figure between these words is of all pieces together."""
    return _TOGETHER.search(f"{ahead} {behind}") is not None

"""Numbers of a sentence that are no figures of the product, and words that let figures be added up."""

from __future__ import annotations

import re

from walmart_pipeline.text.quantities import Quantity

# "No two pieces", "for the next ten years".
_IN_WORDS = re.compile(r"\b(?:no|next|last|past|first|any|every|these|those|other|another|than)\s+$")
_OR_SO = re.compile(r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten)\s+or\s+$")
# Route 66, and < 3 (a heart).
_NAMED = re.compile(r"(?:\b(?:route|highway|interstate|chapter|catch|dials?|dialed|call)|<)\s+$")
# Seven days a week, 24 hours a day, 365 days a year.
_ALWAYS = re.compile(r"\s+(?:a week|a day|a year)\b")
_COUNTED_IN_PROSE = re.compile(r"\s+(?:steps|reasons|ways|uses|followers|likes|memories)\b")
_ALL_THE_TIME = frozenset({7, 24, 52, 365})
HIGH_UP = 1_000
FULL_TURN = 360
_TO_FIVE = re.compile(r"\s+to\s+(?:5|five)\b(?!\s*[\w%°\"-])")
_NINE_TO = re.compile(r"\b(?:9|nine)\s+to\s+$")
# "Works with your iPhone 15": a figure in the name of another thing.
_OTHERS = re.compile(r"\b(?:compatible|works?|fits?|for|pairs?|supports?|connects?|replaces?)\b")
_CAPITALS = re.compile(r"\b\w*[A-Z]\w*\s+$")
_OLD = re.compile(r"[\s-]*(?:olds?\b|of age\b)")
_PERFORMS = re.compile(
    r"\b(?:last|run|charge|recharge|boil|heat|keep|stay|cook|dr(?:y|ie)|play|work|burn|cool|freeze|brew|hold|operate|"
    r"protect|wear|glow|power|shut|clean|wash|sound|fade|cure|set|act|bake|toast|record|print|grow|bloom|kill|fill|"
    r"inflate|assemble|install|pop|blend|chop|melt|dissolve|absorb|deliver|ship|arrive|return)(?:s|es|ed|ing)?\b"
    r"|\b(?:battery|timer|ready|up to|playtime|runtime|standby|cycle|delay|supply|coverage|warranty|guarantee|trial|"
    r"use)\b"
)
# "Mixes a smoothie in 20 seconds."
_IN_SO_MUCH = re.compile(r"\bin\s+(?:just|only|about|under|less than)?\s*$")
_WEATHER = re.compile(
    r"\b(?:thermometer|thermostat|mercury|mornings?|afternoons?|evenings?|nights?|weather|forecast|summer|winter)\b"
)
_RATED = re.compile(r"\b(?:rated|rating|withstands?|down to|insulat\w+|comfort (?:range|limit))\b")
_PICTURES = re.compile(
    r"\b(?:resolution|video|display|cameras?|uhd|hdr|tv|screen|monitor|hdmi|pixels?|recording|ultra hd)\b"
)
_CHILDREN = re.compile(
    r"\b(?:infants?|bab(?:y|ies)|children|kids|toddlers)\s+(?:under|over|below|above|younger than)\s+$"
)
_USUAL = re.compile(r"\b(?:usual|usually|typical|typically|generally|often|tends? to|happiest|as a rule|most people)\b")
_TOGETHER = re.compile(
    r"\b(?:together|total|totals|in all|all told|combined|altogether|overall|between them|in hand|means?|makes?|"
    r"adds? up to|comes? to|works? out (?:to|at)|amounts? to)\b"
)


def is_figurative(quantity: Quantity, left: str, right: str) -> bool:
    """Nine to five, seven days a week, no two alike, Route 66, 10,000 steps."""
    if quantity.text[0].isalpha() and (_IN_WORDS.search(left) or _OR_SO.search(left)):
        return True
    if quantity.value in _ALL_THE_TIME and _ALWAYS.match(right):
        return True
    if (quantity.value == 9 and _TO_FIVE.match(right)) or (quantity.value == 5 and _NINE_TO.search(left)):
        return True
    # Riding a chairlift at 9,000 feet.
    if quantity.value >= HIGH_UP and left.endswith(" at ") and quantity.text.endswith(("feet", "ft")):
        return True
    if quantity.readings:
        return False
    return _NAMED.search(f"{left} ") is not None or _COUNTED_IN_PROSE.match(right) is not None


def is_another_name(quantity: Quantity, written: str, left: str) -> bool:
    """Part of another product's name: the 15 of "works with your iPhone 15".

    written: the text up to it, not normalized.
    """
    if quantity.readings or quantity.noun:
        return False
    return _OTHERS.search(left) is not None and _CAPITALS.search(written) is not None


def is_everyday(quantity: Quantity, left: str, right: str) -> bool:
    """Whether a figure of which the record is silent is one of people and days, and none of the product."""
    return (
        _is_an_age(quantity, left, right)
        or _is_span(quantity, left, right)
        or _is_weather(quantity, left, right)
        or _is_race(quantity, left, right)
        or (quantity.value == FULL_TURN and quantity.text.endswith(("degrees", "degree")))
        # Three boxes of old letters.
        or (quantity.text[0].isalpha() and right.startswith(" of "))
        or _is_usual(left, right)
    )


def _is_usual(left: str, right: str) -> bool:
    """The heat for green tea, which is usually 175 degrees; not how long a battery typically lasts."""
    sentence = f"{left} {right}"
    return _USUAL.search(sentence) is not None and _PERFORMS.search(sentence) is None


def _is_an_age(quantity: Quantity, left: str, right: str) -> bool:
    """An eight-year-old, babies under one year."""
    if not quantity.readings or quantity.readings[0].kind != "calendar":
        return False
    return _OLD.match(right) is not None or _CHILDREN.search(left) is not None


def _is_span(quantity: Quantity, left: str, right: str) -> bool:
    """A time or way, while nothing is said to last or work so long: five minutes before the bus."""
    if not quantity.readings or quantity.readings[0].kind not in {"clock", "days", "distance"}:
        return False
    clause = f"{left.rpartition(',')[2]} {right.partition(',')[0]}"
    return _PERFORMS.search(clause) is None and _IN_SO_MUCH.search(left) is None


def _is_weather(quantity: Quantity, left: str, right: str) -> bool:
    """The heat of a day, when the thermometer hits 90; not one that the product is rated for."""
    if quantity.readings and quantity.readings[0].kind not in {"degrees", "temperature"}:
        return False
    sentence = f"{left} {right}"
    return _WEATHER.search(sentence) is not None and _RATED.search(sentence) is None


def _is_race(quantity: Quantity, left: str, right: str) -> bool:
    """A 5K, where nothing is said of pictures."""
    if not quantity.readings or quantity.readings[0].kind != "resolution":
        return False
    return _PICTURES.search(f"{left} {right}") is None


def is_total(left: str, right: str) -> bool:
    """Whether a figure between these words is of all pieces together."""
    return _TOGETHER.search(f"{left} {right}") is not None

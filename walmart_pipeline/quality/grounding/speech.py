"""Numbers of a sentence that are no figures of the product, and words that let a figure be rounded or added up.

Belongs here: what the words around a number do to it. Does not: looking a figure up (figures.py).
"""

from __future__ import annotations

import re

from walmart_pipeline.quality.quantities import Quantity
from walmart_pipeline.quality.units import COUNTS

# "No two pieces", "for the next ten years".
_IN_WORDS = re.compile(r"\b(?:no|next|last|past|first|any|every|these|those|other|another|than)\s+$")
_OR_SO = re.compile(r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten)\s+or\s+$")
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
# "Just over 7 pounds" says 7.2 lb: how far the record's figure may be from the one that is told, as a share of it.
_ROUGHLY = (
    (r"(?<!no )(?:(?:just|a little|a bit|slightly) )?(?:over|above|more than|upwards of|at least)", (0.98, 1.4)),
    (r"(?<!no )(?:(?:just|a little|a bit|slightly) )?(?:under|below|less than|shy of|not quite)", (0.7, 1.02)),
    (r"(?:just )?about|around|approximately|approx\.?|roughly|nearly|almost|close to|some", (0.95, 1.05)),
)
_ROUNDED = [(re.compile(rf"\b(?:{words})\s+$"), bounds) for words, bounds in _ROUGHLY]
_TOGETHER = re.compile(
    r"\b(?:together|total|totals|in all|all told|combined|altogether|overall|between them|in hand|means?|makes?|"
    r"adds? up to|comes? to|works? out (?:to|at)|amounts? to)\b"
)
# "Rinse the jar for ten seconds", "steep for three to five minutes": what a person is told to do. "Boils in 3 minutes"
# and "heat it up in 3 minutes" tell what the product can do.
_TELLS = r"(?:^|[,:;–—]\s*|\b(?:and|then|or|so)\s+)\W*(?:(?:then|just|simply|first|next|now|please|always|let it)\s+)?"
_DIRECTED = re.compile(
    rf"{_TELLS}"
    r"(?:steep|brew|boil|simmer|soak|rinse|wash|dry|rest|wait|leave|let|set|cook|bake|roast|fry|grill|microwave|heat|warm|"
    r"chill|cool|freeze|stir|shake|mix|knead|massage|rub|apply|press|hold|charge|sit|stand|air|preheat)\b"
    r"[^.;]*\b(?:for|to|another|after|every|at least)\s+(?:[\w-]+\s+(?:to|or)\s+)?$"
)
# Of these verbs a person is always the one who does it: "Store 50 items" may praise a box, "pour 300 grams" no kettle.
_TOLD = re.compile(
    rf"{_TELLS}"
    r"(?:add|allow|apply|begin|count|crochet|dilute|expect|fold|give|knit|leave|lengthen|let|loosen|marinate|massage|"
    r"measure|mix|park|pitch|place|plant|pour|practice|preheat|proof|put|read|repeat|retune|rinse|roll out|sand|scoop|"
    r"shorten|slip|soak|sow|space|sprinkle|stand|start|steep|step|stir|thaw|thin|tie|tighten|toss|travel|try|turn|wait|"
    r"walk|water|whisk)"
    # Whatever has a verb of its own speaks of something else: "Slip it in a bag: it weighs 5 ounces".
    r"\b(?:(?!\b(?:its|is|are|has|have|holds|gives|weighs|measures|runs|lasts|includes|features|offers|provides|delivers|"
    r"keeps|reaches|boils|fits|stands|covers|that|which|up to)\b)[^.;:])*$"
)
# "Pour 300 grams of water", "12 to 18 inches between plants", "15 feet from the fire".
_AMOUNT_OF = re.compile(r"\s+of\s+([a-z]+)")
_APART = re.compile(r"\s+(?:apart|between|(?:away )?from)\b")
_AS_FAR = re.compile(r"\b(?:up to|reach(?:es)?|extends?|as (?:far|much) as)\s+$")
_BY = re.compile(r"\bby\s+(?:[\w-]+\s+(?:to|or)\s+)?$")
# "12 pages a night", "every 5 or 10 minutes", "10,000 steps".
_EVERY = re.compile(r"\bevery\s+(?:[\w-]+\s+(?:to|or)\s+)?$")
_RATE = re.compile(
    r"\s*(?:[a-z]+\s+)?(?:a|an|per|each|every)\s+(?:day|night|morning|week|month|year|session|sitting|shift)\b"
)
_COUNTED_IN_PROSE = re.compile(r"\s+(?:steps|reasons|ways|uses|followers|likes|memories|miles a)\b")
# "At a 60-inch desk", "across a 20-foot pergola": the size of what stands around the product.
_BESIDE = re.compile(
    r"\b(?:for|at|across|under|underneath|onto|over|around|behind|against|inside|beside|near|into|above|below|beneath)\s+"
    r"(?:an?|your|any|most|the|another)\s+(?:[a-z]+\s+)?$"
)
_ARTICLE = re.compile(r"\b(?:an?|your)\s+$")
_THING = re.compile(r"[\s-]+([a-z]+)(?:[\s-]+([a-z]+))?")
_DURATIONS = frozenset({"clock", "days", "temperature", "degrees"})


def is_figurative(quantity: Quantity, ahead: str, behind: str) -> bool:
    """Nine to five, seven days a week, no two alike, Route 66, 10,000 steps."""
    if quantity.text[0].isalpha() and (_IN_WORDS.search(ahead) or _OR_SO.search(ahead)):
        return True
    if quantity.value in _ALL_THE_TIME and _ALWAYS.match(behind):
        return True
    if (quantity.value == 9 and _TO_FIVE.match(behind)) or (quantity.value == 5 and _NINE_TO.search(ahead)):
        return True
    if quantity.readings:
        return False
    return _NAMED.search(f"{ahead} ") is not None or _COUNTED_IN_PROSE.match(behind) is not None


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


def is_told(quantity: Quantity, ahead: str, behind: str) -> bool:
    """A figure of what a person does: an amount to pour, a distance to leave. None of the product has the kind."""
    if quantity.readings and quantity.readings[0].kind in COUNTS:
        return False
    return bool(_TOLD.search(ahead) or _EVERY.search(ahead) or _RATE.match(behind))


def is_told_of_others(quantity: Quantity, ahead: str, behind: str, source: str) -> bool:
    """A figure of what a person does with something else, whatever the product's own figures of that kind are.

    source: the record, folded; an amount of something of which it gives one itself is looked up.
    """
    if not quantity.readings:
        return bool(quantity.noun and _RATE.match(behind))
    if _APART.match(behind) and quantity.readings[0].kind == "length":
        return _AS_FAR.search(ahead) is None and (_TOLD.search(ahead) is not None or ahead.endswith("at least "))
    if quantity.readings[0].kind in {*_AMOUNTS, "percent"} and _TOLD.search(ahead):
        of = _AMOUNT_OF.match(behind)
        if of is None:
            return quantity.readings[0].kind == "percent"
        return re.search(rf"\d[\w. ]* of {of[1]}\b", source) is None
    return quantity.readings[0].kind == "length" and bool(_BY.search(ahead) and _TOLD.search(ahead))


def thing_beside(ahead: str, behind: str) -> tuple[str, ...]:
    """The words that name what has this size beside the product: (desk,) of "at a 60-inch desk"."""
    beside = _BESIDE.search(ahead) or (_ARTICLE.search(ahead) and _TOLD.search(ahead))
    thing = _THING.match(behind) if beside else None
    return tuple(word for word in thing.groups() if word) if thing else ()


def rounding(ahead: str) -> tuple[float, float] | None:
    """Between which shares of a figure after these words the true one may be; None where it has to be exact."""
    return next((bounds for words, bounds in _ROUNDED if words.search(ahead)), None)


def is_total(ahead: str, behind: str) -> bool:
    """Whether a figure between these words is of all pieces together."""
    return _TOGETHER.search(f"{ahead} {behind}") is not None

"""Figures of what a reader does with the product, or of other things: "pour 300 grams", "a 20-foot pergola"."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from walmart_pipeline.judge.claims.context import PARTS
from walmart_pipeline.text import tokenizer
from walmart_pipeline.text.quantities import Quantity
from walmart_pipeline.text.units import COUNTS

# What a product may do as well: "boils in 3 minutes" tells what it can, "boil for 3 minutes" what a person does.
COOKING = """
    steep brew boil simmer soak rinse wash dry rest wait leave let set cook bake roast fry grill microwave heat
    warm chill cool freeze stir shake mix knead massage rub apply press hold charge sit stand air preheat brown
    scrub broil sear toast reheat
"""
# What only a person does: "Store 50 items" may praise a box, "pour 300 grams" no kettle.
DOING = """
    add allow apply begin brown chop cook count crochet dice dilute drizzle expect fold give knit leave lengthen
    let loosen marinate massage measure mix park pitch place plant pour practice preheat proof put read repeat
    retune rinse roll sand scoop shorten slip soak sow space sprinkle stand start steep step stir thaw thin tie
    tighten toss travel try turn wait walk water whisk
"""
# What a person does where a distance or another thing follows: "cut 1/4 inch above a bud", "drill a 1/8-inch hole".
SETTING = "change cut drill hang install keep mark mount position reach screw set sit swap"
BEING = """
    its is are has have holds gives weighs measures runs lasts includes features offers provides delivers keeps
    reaches boils fits stands covers that which
"""


def _one_of(words: str) -> str:
    return rf"\b(?:{'|'.join(words.split())})\b"


# "Add two cups of spinach": an amount of something else.
_AMOUNTS = frozenset({"cup", "spoon", "volume", "mass"})
_ADDED = re.compile(r"^\W*(?:(?:just |then |now |first )?(?:add|pour|measure|stir|mix|blend|take)(?: in)?\s+)?$")
# "Rinse the jar for ten seconds", "steep for three to five minutes".
_TELLS = (
    r"(?:^|[,:;–—]\s*|\b(?:and|then|or|so)\s+)\W*"
    r"(?:(?:then|just|simply|first|next|now|please|always|let it|machine|hand)\s+)?"
)
_DIRECTED = re.compile(
    rf"{_TELLS}{_one_of(COOKING)}[^.;]*\b(?:for|to|at|another|after|every|at least)\s+"
    r"(?:(?:about|around|roughly)\s+)?(?:[\w-]+\s+(?:to|or)\s+)?$"
)
# Whatever has a verb of its own speaks of something else: "Slip it in a bag, it weighs 5 ounces".
_TOLD = re.compile(rf"{_TELLS}{_one_of(DOING)}(?:(?!{_one_of(BEING)}|\bup to\b)[^.;:])*$")
_SET = re.compile(rf"{_TELLS}{_one_of(SETTING)}[^.;:]*$")
# "Pour 300 grams of water", "12 to 18 inches between plants", "15 feet from the fire".
_AMOUNT_OF = re.compile(r"\s+of\s+([a-z]+)")
_APART = re.compile(r"\s+(?:or so\s+)?(?:apart|between|above|below|away|from)\b")
# "Two feet of walking space", "8 inches of overhang".
_OF_SPACE = re.compile(
    r"\s+of\s+(?:[a-z]+\s+)?"
    r"(?:space|room|clearance|overhang|snow|rain|water|air|headroom|soil|gravel|sand|mulch)\b"
)
_THAN = re.compile(r"\s+(?:wider|longer|taller|larger|bigger|higher|deeper|narrower|shorter) than\b")
_AS_FAR = re.compile(r"\b(?:up to|reach(?:es)?|sprays?|works?|range|extends?|as (?:far|much) as)\b[^,;]*$")
_BY = re.compile(r"\bby\s+(?:[\w-]+\s+(?:to|or)\s+)?$")
# "12 pages a night", "every 5 or 10 minutes", "10,000 steps".
_EVERY = re.compile(r"\bevery\s+(?:[\w-]+\s+(?:to|or)\s+)?$")
_RATE = re.compile(
    r"\s*(?:[a-z]+\s+)?(?:a|an|per|each|every)\s+(?:day|night|morning|week|month|year|session|sitting|shift)\b"
)
# "At a 60-inch desk", "across a 20-foot pergola": the size of what stands around the product.
_BESIDE = re.compile(
    r"\b(?:for|at|across|under|underneath|onto|over|around|behind|against|inside|beside|near|into|above|below|beneath)\s+"
    r"(?:an?|your|any|most|another)\s+(?:[a-z]+\s+)?$"
)
_A_SUCH = re.compile(r"\ban?\s+(?:[a-z]+\s+)?$")
# With these a figure is the product's, whatever its record calls them.
_MEASURES = frozenset(
    """
    capacity weight load limit rating bag pack package portion serving battery warranty guarantee trial life runtime
    timer charge range reach cable wire cord engine speaker camera display diameter length width height depth angle
    supply playtime flow pressure output input memory storage drive lens zoom resolution drawer pocket compartment
    """.split()
)
_SPACED = re.compile(r"\s+apart\b")
_ARTICLE = re.compile(r"\b(?:an?|your)\s+$")
_THING = re.compile(r"[\s-]+([a-z]+)(?:[\s-]+([a-z]+))?")
_DURATIONS = frozenset({"clock", "days", "temperature", "degrees"})


def is_amount(quantity: Quantity, left: str, right: str) -> bool:
    """Whether it is the time of a direction, or the amount of something that is added."""
    if not quantity.readings:
        return False
    kind = quantity.readings[0].kind
    if kind in _DURATIONS and _DIRECTED.search(left):
        return True
    return kind in _AMOUNTS and right.startswith(" of ") and _ADDED.match(left) is not None


def is_instruction(quantity: Quantity, left: str, right: str) -> bool:
    """A figure of what a person does: an amount to pour, a distance to leave. None of the product has the kind."""
    if quantity.readings and quantity.readings[0].kind in COUNTS:
        return False
    return bool(_TOLD.search(left) or _EVERY.search(left) or _RATE.match(right))


def is_instruction_about_others(
    quantity: Quantity, left: str, right: str, source: str, known: AbstractSet[str]
) -> bool:
    """A figure of what a person does with something else, whatever the product's own figures of that kind are.

    source: the record, normalized; an amount of something of which it gives one itself is looked up. known: stems of
    all its words.
    """
    if not quantity.readings:
        return bool(quantity.noun and _RATE.match(right))
    kind = quantity.readings[0].kind
    if kind == "length" and (left.endswith("distance of ") or _THAN.match(right)):
        return True
    of = _AMOUNT_OF.match(right)
    if kind == "length" and of:
        directed = _TOLD.search(left) or _SET.search(left) or _OF_SPACE.match(right)
        return directed is not None and tokenizer.stem(of[1]) not in known | PARTS
    if kind == "length" and _APART.match(right) and _AS_FAR.search(left) is None:
        return left.endswith("at least ") or bool(_TOLD.search(left) or _SET.search(left) or _SPACED.match(right))
    if kind == "length" and _BY.search(left):
        return _TOLD.search(left) is not None
    if kind in {*_AMOUNTS, "percent"} and _TOLD.search(left):
        return re.search(rf"\d[\w. ]* of {of[1]}\b", source) is None if of else kind == "percent"
    return False


def is_of_a_thing_beside(quantity: Quantity, left: str, right: str, known: AbstractSet[str]) -> bool:
    """The size of something else, which has its name behind it: "at a 60-inch desk", "a six-pound terrier".

    known: stems of all words that the record has; what it names is never something else.
    """
    thing = _THING.match(right)
    if thing is None or not quantity.readings or quantity.readings[0].kind in COUNTS:
        return False
    names = {tokenizer.stem(word) for word in thing.groups() if word}
    if not names.isdisjoint(known):
        return False
    if _BESIDE.search(left):
        return True
    # "A ten-hour shift", "a 90-degree afternoon".
    if "-" in quantity.text and _A_SUCH.search(left) and names.isdisjoint(PARTS | _MEASURES):
        return True
    directed = _TOLD.search(left) or _SET.search(left) or quantity.readings[0].kind == "mass"
    return bool(directed and _ARTICLE.search(left)) and names.isdisjoint(PARTS | _MEASURES)

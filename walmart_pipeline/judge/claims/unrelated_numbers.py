"""Recognizes numbers that are not about the product: idioms, everyday figures, instructions, other things."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from walmart_pipeline.judge.claims.attribution import PARTS
from walmart_pipeline.text import tokenizer
from walmart_pipeline.text.quantities import Quantity
from walmart_pipeline.text.units import COUNTS

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
    """Whether a number is an idiom: nine to five, seven days a week, no two alike, Route 66, 10,000 steps."""
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
    """Whether it is part of another product's name, as in "works with your iPhone 15". written: the original text."""
    if quantity.readings or quantity.noun:
        return False
    return _OTHERS.search(left) is not None and _CAPITALS.search(written) is not None


def is_everyday(quantity: Quantity, left: str, right: str) -> bool:
    """Whether a figure that the record lacks is about people and everyday life."""
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
    """A time or distance without a verb of performance: five minutes before the bus."""
    if not quantity.readings or quantity.readings[0].kind not in {"clock", "days", "distance"}:
        return False
    clause = f"{left.rpartition(',')[2]} {right.partition(',')[0]}"
    return _PERFORMS.search(clause) is None and _IN_SO_MUCH.search(left) is None


def _is_weather(quantity: Quantity, left: str, right: str) -> bool:
    """The temperature of a day, when the thermometer hits 90; not one that the product is rated for."""
    if quantity.readings and quantity.readings[0].kind not in {"degrees", "temperature"}:
        return False
    sentence = f"{left} {right}"
    return _WEATHER.search(sentence) is not None and _RATED.search(sentence) is None


def _is_race(quantity: Quantity, left: str, right: str) -> bool:
    """A 5K race: no word about pictures."""
    if not quantity.readings or quantity.readings[0].kind != "resolution":
        return False
    return _PICTURES.search(f"{left} {right}") is None


def is_total(left: str, right: str) -> bool:
    """Whether the figure in this context is a total of all pieces."""
    return _TOGETHER.search(f"{left} {right}") is not None


# A product may do these too: "boils in 3 minutes" is about the product, "boil for 3 minutes" about the reader.
COOKING = """
    steep brew boil simmer soak rinse wash dry rest wait leave let set cook bake roast fry grill microwave heat
    warm chill cool freeze stir shake mix knead massage rub apply press hold charge sit stand air preheat brown
    scrub broil sear toast reheat
"""
# Only a person does these: "store 50 items" may praise a box, "pour 300 grams" no kettle.
DOING = """
    add allow apply begin brown chop cook count crochet dice dilute drizzle expect fold give knit leave lengthen
    let loosen marinate massage measure mix park pitch place plant pour practice preheat proof put read repeat
    retune rinse roll sand scoop shorten slip soak sow space sprinkle stand start steep step stir thaw thin tie
    tighten toss travel try turn wait walk water whisk
"""
# Actions of a person before a distance or another thing: "cut 1/4 inch above a bud", "drill a 1/8-inch hole".
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
_CLAUSE_START = (
    r"(?:^|[,:;–—]\s*|\b(?:and|then|or|so)\s+)\W*"
    r"(?:(?:then|just|simply|first|next|now|please|always|let it|machine|hand)\s+)?"
)
_DIRECTED = re.compile(
    rf"{_CLAUSE_START}{_one_of(COOKING)}[^.;]*\b(?:for|to|at|another|after|every|at least)\s+"
    r"(?:(?:about|around|roughly)\s+)?(?:[\w-]+\s+(?:to|or)\s+)?$"
)
# Not across another verb: "Slip it in a bag, it weighs 5 ounces".
_INSTRUCTED = re.compile(rf"{_CLAUSE_START}{_one_of(DOING)}(?:(?!{_one_of(BEING)}|\bup to\b)[^.;:])*$")
_SET = re.compile(rf"{_CLAUSE_START}{_one_of(SETTING)}[^.;:]*$")
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
# "At a 60-inch desk", "across a 20-foot pergola": the size of something around the product.
_BESIDE = re.compile(
    r"\b(?:for|at|across|under|underneath|onto|over|around|behind|against|inside|beside|near|into|above|below|beneath)\s+"
    r"(?:an?|your|any|most|another)\s+(?:[a-z]+\s+)?$"
)
_A_SUCH = re.compile(r"\ban?\s+(?:[a-z]+\s+)?$")
# A figure beside these is the product's, whatever its record calls them.
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
    """Whether it is the duration of an instruction, or an amount of something to add."""
    if not quantity.readings:
        return False
    kind = quantity.readings[0].kind
    if kind in _DURATIONS and _DIRECTED.search(left):
        return True
    return kind in _AMOUNTS and right.startswith(" of ") and _ADDED.match(left) is not None


def is_instruction(quantity: Quantity, left: str, right: str) -> bool:
    """Whether it is part of an instruction: an amount to pour, a distance to leave."""
    if quantity.readings and quantity.readings[0].kind in COUNTS:
        return False
    return bool(_INSTRUCTED.search(left) or _EVERY.search(left) or _RATE.match(right))


def is_instruction_about_others(
    quantity: Quantity, left: str, right: str, source: str, known: AbstractSet[str]
) -> bool:
    """Whether it is part of an instruction about something else, even if the product has figures of that kind.

    source: the record, normalized. known: stems of all its words.
    """
    if not quantity.readings:
        return bool(quantity.noun and _RATE.match(right))
    kind = quantity.readings[0].kind
    if kind == "length" and (left.endswith("distance of ") or _THAN.match(right)):
        return True
    of = _AMOUNT_OF.match(right)
    if kind == "length" and of:
        directed = _INSTRUCTED.search(left) or _SET.search(left) or _OF_SPACE.match(right)
        return directed is not None and tokenizer.stem(of[1]) not in known | PARTS
    if kind == "length" and _APART.match(right) and _AS_FAR.search(left) is None:
        return left.endswith("at least ") or bool(_INSTRUCTED.search(left) or _SET.search(left) or _SPACED.match(right))
    if kind == "length" and _BY.search(left):
        return _INSTRUCTED.search(left) is not None
    if kind in {*_AMOUNTS, "percent"} and _INSTRUCTED.search(left):
        return re.search(rf"\d[\w. ]* of {of[1]}\b", source) is None if of else kind == "percent"
    return False


def is_of_a_thing_beside(quantity: Quantity, left: str, right: str, known: AbstractSet[str]) -> bool:
    """Whether it is the size of something that is named after it: "at a 60-inch desk", "a six-pound terrier".

    known: stems of all words of the record; what it names is never something else.
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
    directed = _INSTRUCTED.search(left) or _SET.search(left) or quantity.readings[0].kind == "mass"
    return bool(directed and _ARTICLE.search(left)) and names.isdisjoint(PARTS | _MEASURES)

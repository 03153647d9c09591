"""Numbers with their units, read from free text: 1.7-liter, 71", 50 x 95 in, three-pack, 1½ cups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from walmart_pipeline.text.units import COUNTS, UNITS, Unit, units_named
from walmart_pipeline.text.word_search import search_text


class Reading(NamedTuple):
    """One interpretation of a number with its unit, in the base unit of its kind."""

    kind: str
    amount: float
    unit: Unit


class Quantity(NamedTuple):
    """A number in a text. No readings: a bare number. Several: an ounce of mass or of volume."""

    start: int
    end: int
    text: str
    value: float
    readings: tuple[Reading, ...] = ()
    # "3 in the box": inches or a preposition.
    unsure: bool = False
    # What a number without a unit counts, as written: loops in "8 corner loops".
    noun: str = ""


class _Shape(NamedTuple):
    """A number without its context. settled: no context can change its meaning."""

    value: float
    readings: tuple[Reading, ...]
    settled: bool


# Numbers in words: three, twenty-four, two dozen, one and a half.
ONES = "one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def _number_words() -> Iterator[tuple[str, float]]:
    yield from {"half": 0.5, "half a": 0.5, "half an": 0.5, "half dozen": 6, "half a dozen": 6, "dozen": 12}.items()
    for value, one in enumerate(ONES, start=1):
        yield one, value
        yield f"{one} and a half", value + 0.5
        yield f"{one} dozen", 12 * value
    for value, teen in enumerate(TEENS, start=10):
        yield teen, value
    for value, ten in enumerate(TENS, start=2):
        yield ten, 10 * value
        for more, one in enumerate(ONES, start=1):
            yield f"{ten}-{one}", 10 * value + more
            yield f"{ten} {one}", 10 * value + more


WORDS: dict[str, float] = dict(_number_words())
# The longest alternative first.
PATTERN = "|".join(sorted(map(re.escape, WORDS), key=len, reverse=True))
# Half an inch is a figure; half a day and half a set are prose.
HALVED = frozenset({"length", "mass", "volume", "cup", "spoon"})
# "one day", "in one piece", "one minute you are…": as a word, one is a figure only before a measure.
ONE_IS_PROSE = frozenset({"pair", "clock", "days", "times", "percent", "person", *COUNTS})
HOT = 60
VULGAR = {"½": 1 / 2, "¼": 1 / 4, "¾": 3 / 4, "⅓": 1 / 3, "⅔": 2 / 3, "⅛": 1 / 8, "⅜": 3 / 8, "⅝": 5 / 8, "⅞": 7 / 8}
DENOMINATORS = frozenset({2, 3, 4, 5, 6, 8, 10, 16, 32, 64})
# 5 feet 11 inches, 2 lb 3 oz, 1 hour 30 minutes.
COMPOUND = frozenset(
    (UNITS[larger][0], UNITS[smaller][0]) for larger, smaller in (("ft", "in"), ("lb", "oz"), ("hr", "min"))
)

_FRACTIONS = "".join(VULGAR)
NUMBER = re.compile(
    rf"""(?:
        (?P<whole>\d{{1,3}}(?:,\d{{3}})+(?![\d,])|\d+|(?=\.\d)|(?=[{_FRACTIONS}]))
        (?:
            (?P<decimals>\.\d+)
          | [ -](?P<mixed>\d{{1,2}}/\d{{1,2}})(?!\d)
          | /(?P<under>\d{{1,2}})(?![\d/])
          | [ ]?(?P<vulgar>[{_FRACTIONS}])
        )?
        (?P<ordinal>(?:st|nd|rd|th)\b)?
      | (?P<word>{PATTERN})(?!\w)
    )
    (?P<sep>(?:[ \t\xa0]|[ ]?[-‑–])?)
    (?:(?P<unit>
        (?:fl|fluid|sq|square|cu|cubic)\.?[ ]?(?:oz|ounces?|in|inch(?:es)?|f(?:oo|ee)?t)\b
      | thread\ count\b | (?:amp|watt)[- ]hours?\b
      | [^\W\d_]+(?:\.(?=,|\ (?-i:[a-z×])))? | °(?:[ ]?[FfCc]\b)? | ''|["″”'′’%°]
    ))?
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Start of a number in a search text between spaces; in "50 in x95" after the x.
_BEGINNING = re.compile(
    rf" (?:(?P<by>x)?[0-9{_FRACTIONS}]|(?:{'|'.join(word for word in WORDS if word.isalpha())})(?= ))"
)
PACK_OF = re.compile(
    r"(?<!\w)(?:packs?|sets?|cases?|box(?:es)?|bundles?|lots?|rolls?|pouch(?:es)?) of $", re.IGNORECASE
)
SLEEPS = re.compile(r"(?<!\w)(?:sleeps|seats)(?: up to)? $", re.IGNORECASE)
AGES = re.compile(r"(?<!\w)(?:ages?|aged) $", re.IGNORECASE)
# What a number counts: the first plural among the next four words. "12 of the boxes" counts nothing.
COUNTED = re.compile(
    r" (?:(?:(?!(?:in|of|on|to|at|by|or|and|for|the|a|an|with|per|from|is|are|as|x)\b)[a-z][a-z'-]*|\d+-[a-z]+)[ -]"
    r"(?:and )?){0,3}?"
    r"(?!(?:is|was|has|this|its|plus|as|us|yes|does|less|across|various|always|dozens|times|kids|adults|friends|guests|"
    r"ways|steps|things|sides|hands)\b)([a-z]{2,}s)\b",
    re.IGNORECASE,
)
RANGE_BEFORE = re.compile(r"(?<=\d)([A-Za-z°]{1,3})$")
# Between the numbers of 50 x 95 in, 50"W x 95"L, 12 by 8, 10-12 in, 5/6 qt.
JOINT = re.compile(r"\s*(?:[WLHD]\b\.?)?\s*(?:[x×*]|by|to|or|[-–/])\s*", re.IGNORECASE)
COMMA = re.compile(r",\s+(?:and\s+|or\s+)?|\s+and\s+")
BY_NUMBER = re.compile(r"\s*[\d.]")
DIMENSION = re.compile(r"\s*[x×*]\s*[\d.]", re.IGNORECASE)
AFTER_DIMENSION = re.compile(r"[\d\"'″]\s*[WLHD]?\s*[x×*]\s*$", re.IGNORECASE)
# What follows "71 in" if it means inches, unlike in "3 in the box".
INCHES_GO_ON = re.compile(
    r"\s*(?:$|[.,;:)(/|x×*-]|by\b|wide|long|tall|high|deep|thick|diameter|length|width|height|depth|[wlhd]\b)",
    re.IGNORECASE,
)
A_THING = re.compile(r"\s+(?:an?|the|this|your|wide|narrow)\b", re.IGNORECASE)
IN_ALL = re.compile(r"\s+(?:all|hand|total|reserve|stock)\b", re.IGNORECASE)
TWO_IN_ONE = re.compile(r"in[ -](?:\d|one\b)", re.IGNORECASE)
# 6:30, 6 a.m.; a ratio such as 16:9 is a figure.
TIME_OF_DAY = re.compile(r":\d\d(?!\d)|\s?[ap]\.?m\b\.?", re.IGNORECASE)
LIST_MARK = re.compile(r"(?:^|\n)\s*$")
# Before a letter these are apostrophes: the 90's.
FEET_SIGNS = frozenset("'’")
SIDES = frozenset("WLHDwlhd")
BY = frozenset("xX")
IN = frozenset({"in", "In", "IN"})
UNSETTLED = frozenset({*IN, *BY, *SIDES, *FEET_SIGNS})


def quantities(text: str, *, counted: bool = False) -> list[Quantity]:
    """Every quantity of the text, in order, without model numbers, ordinals and 24/7.

    counted: include number words that count a noun ("five ribbon markers"), most of which are prose.
    """
    found: list[Quantity] = []
    done = 0
    bare = False
    for begin in _starts(text):
        start = begin
        while start >= done and (match := NUMBER.match(text, start)):
            shape, done, end = _shape(match.groups()), match.end("sep"), match.end()
            if shape is not None:
                quantity = _quantity(text, match, shape)
                if quantity is not None and (quantity.readings or counted or not match["word"]):
                    if not quantity.readings:
                        bare = True
                    elif found and quantity.start - found[-1].end < 3 and _is_compound(text, found[-1], quantity):
                        quantity = _compound(text, found.pop(), quantity)
                    found.append(quantity)
            # In 50x95 the second number stands inside a word.
            if text[end : end + 1] in BY:
                start = end + 1
            elif match["unit"] in BY:
                start = end
            else:
                break
    if bare:
        _share_units(text, found)
    return found


def _starts(text: str) -> Iterator[int]:
    """Starts of numbers that are no part of a word, of a model number such as WH-1000 or of another number."""
    for beginning in _BEGINNING.finditer(f" {search_text(text)} "):
        start, offset = beginning.start(), len(beginning["by"] or "")
        last = text[start - 1 : start]
        if last and last in ".,-#":
            earlier = text[start - 2 : start - 1] if start > 1 else ""
            # WH-1000, but 2700K-6500K; the 5 of 1.5 and of 1,500; &#8226; and "fit.2 pockets", which is no 0.2.
            if (
                (earlier.isalpha() and not _is_range(text, start))
                if last == "-"
                else earlier == "&"
                if last == "#"
                else earlier.isdigit()
            ):
                continue
            if last == ".":
                if earlier.isalpha():
                    continue
                start -= 1
        yield start + offset


def _is_range(text: str, start: int) -> bool:
    """Whether a number with the same unit precedes the hyphen: 2700K-6500K."""
    before = RANGE_BEFORE.search(text, max(0, start - 5), start - 1)
    return before is not None and re.match(rf"[\d.,]+{before[1]}\b", text[start:]) is not None


@lru_cache(maxsize=16384)
def _shape(groups: tuple[str | None, ...]) -> _Shape | None:
    """Number without its context from the groups of a match of NUMBER; None if it states nothing in any context."""
    whole, decimals, mixed, under, vulgar, ordinal, word, sep, unit = groups
    value = WORDS[word.lower()] if word else _value(whole or "", decimals, mixed, under, vulgar)
    if value is None or ordinal:
        return None
    # "500 F" is hot, "34 F" a size of bra.
    units = units_named(unit, glued=not sep or (unit == "F" and value >= HOT)) if unit else ()
    if word and units and (value == 1 and units[0].kind in ONE_IS_PROSE):
        units = ()
    if word and value < 1 and not any(each.kind in HALVED for each in units):
        return None
    if unit and not units and not word and not sep and unit[0].isalpha() and unit not in UNSETTLED:
        return None
    return _Shape(value, _readings(value, units), bool(units) and unit not in UNSETTLED)


def _value(whole: str, decimals: str | None, mixed: str | None, under: str | None, vulgar: str | None) -> float | None:
    plain = whole.replace(",", "")
    number = float(plain or 0)
    if decimals:
        return float(plain + decimals)
    if vulgar:
        return number + VULGAR[vulgar]
    if mixed:
        over, below = (int(part) for part in mixed.split("/"))
        return number + over / below if below else None
    if under:
        below = int(under)
        return number / below if below in DENOMINATORS and number < below else None
    return number


@lru_cache(maxsize=16384)
def _readings(value: float, units: tuple[Unit, ...]) -> tuple[Reading, ...]:
    return tuple(Reading(unit.kind, value * unit.factor + unit.offset, unit) for unit in units)


def _quantity(text: str, match: re.Match[str], shape: _Shape) -> Quantity | None:
    if not shape.settled:
        return _in_context(text, match, shape)
    start, end = match.span()
    # In "20x30 pillow cases" nothing is counted.
    if text[start - 1 : start] in BY and shape.readings[0].kind in COUNTS:
        return Quantity(start, match.start("sep"), text[start : match.start("sep")], shape.value)
    return Quantity(start, end, match.group(), shape.value, shape.readings)


def _in_context(text: str, match: re.Match[str], shape: _Shape) -> Quantity | None:
    """A number whose meaning depends on its context."""
    start, number_end, end = match.start(), match.start("sep"), match.end()
    unit, readings = match["unit"], shape.readings
    if unit in IN and not TWO_IN_ONE.match(text, match.start("unit")):
        unsure = match["sep"] == " " and not INCHES_GO_ON.match(text, end)
        # No count has a point: 3.16 in IPS, but "size 10.5 in a wide width".
        unsure = unsure and not (match["decimals"] and not A_THING.match(text, end))
        if unsure and (match["word"] or IN_ALL.match(text, end)):
            return None if match["word"] else Quantity(start, number_end, text[start:number_end], shape.value)
        return Quantity(start, end, text[start:end], shape.value, readings, unsure)
    bare = Quantity(start, number_end, text[start:number_end], shape.value)
    if readings:
        if unit in FEET_SIGNS and text[end : end + 1].isalpha():
            return None
        if (unit in BY and BY_NUMBER.match(text, end)) or (unit in SIDES and _is_dimension(text, match)):
            return bare
        if unit not in IN:
            return Quantity(start, end, text[start:end], shape.value, readings)
        return None if match["word"] or shape.value == 1 else bare
    if text[start - 2 : start] in {"f ", "F "} and (pack_of := PACK_OF.search(text, max(0, start - 10), start)):
        start = pack_of.start()
        return Quantity(start, number_end, text[start:number_end], shape.value, _readings(shape.value, UNITS["pack"]))
    if text[start - 2 : start] in {"s ", "e ", "d "} and AGES.search(text, max(0, start - 6), start):
        return bare._replace(readings=_readings(shape.value, UNITS["year"]))
    if text[start - 2 : start] in {"s ", "o "} and SLEEPS.search(text, max(0, start - 14), start):
        return bare._replace(readings=_readings(shape.value, UNITS["person"]))
    if (unit in BY and BY_NUMBER.match(text, end)) or (unit in SIDES and _is_dimension(text, match)):
        return bare
    if unit and not match["sep"] and not match["word"] and unit[0].isalpha():
        return None
    if shape.value == 1 or _is_list_mark(text, match) or _is_time(text, start, number_end):
        return None
    noun = noun[1] if text[number_end : number_end + 1] == " " and (noun := COUNTED.match(text, number_end)) else ""
    return bare._replace(noun=noun) if noun else None if match["word"] else bare


def _is_dimension(text: str, match: re.Match[str]) -> bool:
    return bool(
        DIMENSION.match(text, match.end()) or AFTER_DIMENSION.search(text, max(0, match.start() - 12), match.start())
    )


def _is_list_mark(text: str, match: re.Match[str]) -> bool:
    return text[match.end() : match.end() + 1] in {".", ")"} and bool(
        LIST_MARK.search(text, max(0, match.start() - 8), match.start())
    )


def _is_time(text: str, start: int, end: int) -> bool:
    """Whether it is part of a time of day: 6:30, 6 a.m."""
    minutes = text[start - 1 : start] == ":" and text[start - 2 : start - 1].isdigit() and end - start == 2
    return minutes or (
        text[end : end + 1] in {":", " ", "a", "p", "A", "P"} and TIME_OF_DAY.match(text, end) is not None
    )


def _is_compound(text: str, larger: Quantity, smaller: Quantity) -> bool:
    return bool(
        larger.readings
        and (larger.readings[0].unit, smaller.readings[0].unit) in COMPOUND
        and not text[larger.end : smaller.start].strip(" ,-")
    )


def _compound(text: str, larger: Quantity, smaller: Quantity) -> Quantity:
    first, second = larger.readings[0], smaller.readings[0]
    total = Reading(first.kind, first.amount + second.amount, first.unit)
    return larger._replace(end=smaller.end, text=text[larger.start : smaller.end], readings=(total,))


def _share_units(text: str, found: list[Quantity]) -> None:
    """Give the unit of the last number to those before it: 50 x 95 in; 4, 5 and 6 mm."""
    listed = [COMMA.fullmatch(text, one.end, other.start) is not None for one, other in pairwise(found)]
    for index in range(len(found) - 2, -1, -1):
        here, after = found[index], found[index + 1]
        # Two with a comma may be anything: a set of 3, 12 oz each.
        in_list = listed[index] and any(listed[place] for place in (index - 1, index + 1) if 0 <= place < len(listed))
        joined = in_list or JOINT.fullmatch(text, here.end, after.start)
        if not here.readings and after.readings and joined:
            units = tuple(reading.unit for reading in after.readings)
            found[index] = here._replace(readings=_readings(here.value, units))

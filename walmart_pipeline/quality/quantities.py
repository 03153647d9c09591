"""Numbers with their units, read from free text: 1.7-liter, 71", 50 x 95 in, three-pack, 1½ cups.

Belongs here: finding a number, normalising its unit and spelling. Does not: whether a product has it (grounding.py).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple


class Unit(NamedTuple):
    """A unit as part of a kind: value · factor + offset is the amount in the kind's base unit."""

    kind: str
    factor: float = 1.0
    offset: float = 0.0


class Reading(NamedTuple):
    """One way to understand a number with its unit, in the base unit of its kind."""

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
    # "3 in the box": inches or a preposition; believed either way.
    unsure: bool = False


def _names(table: dict[str, tuple[Unit, ...]], unit: Unit, names: str) -> None:
    for name in names.split("|"):
        table[name] = (*table.get(name, ()), unit)


def _units() -> dict[str, tuple[Unit, ...]]:
    table: dict[str, tuple[Unit, ...]] = {}
    # Factors: NIST Handbook 44, Appendix C (US customary measures). Time is three kinds, since a warranty in years
    # says nothing against a boiling time in minutes.
    for kind, factor, names in (
        ("length", 1, "mm|millimeter|millimeters|millimetre|millimetres"),
        ("length", 10, "cm|centimeter|centimeters|centimetre|centimetres"),
        ("length", 1000, "m|meter|meters|metre|metres"),
        ("length", 25.4, "in|in.|inch|inches|\"|″|”|''"),
        ("length", 304.8, "ft|foot|feet|'|′|’"),
        ("length", 914.4, "yd|yds|yard|yards"),
        ("distance", 1.609344, "mile|miles|mi"),
        ("distance", 1, "km|kilometer|kilometers"),
        ("area", 1, "sq ft|square ft|square feet|square foot|sqft"),
        ("area", 1 / 144, "sq in|square inch|square inches"),
        ("cubic", 1, "cu ft|cubic ft|cubic feet|cubic foot"),
        ("mass", 0.001, "mg|milligram|milligrams"),
        ("mass", 0.000001, "mcg|µg|microgram|micrograms"),
        ("mass", 1, "g|gr|gram|grams"),
        ("mass", 1000, "kg|kgs|kilogram|kilograms|kilo|kilos"),
        ("mass", 453.59237, "lb|lbs|pound|pounds"),
        ("mass", 28.349523, "oz|ounce|ounces"),
        ("volume", 29.573530, "oz|ounce|ounces|fl oz|fl ounce|fl ounces|fluid oz|fluid ounce|fluid ounces|floz"),
        ("volume", 1, "ml|milliliter|milliliters|millilitre|millilitres|cc"),
        ("volume", 1000, "l|L|liter|liters|litre|litres|ltr"),
        ("volume", 3785.4118, "gal|gallon|gallons"),
        ("volume", 946.35295, "qt|qts|quart|quarts"),
        ("volume", 473.17647, "pt|pint|pints"),
        ("cup", 1, "cup|cups"),
        ("spoon", 1, "tbsp|tablespoon|tablespoons"),
        ("spoon", 1 / 3, "tsp|teaspoon|teaspoons"),
        ("power", 1, "w|W|watt|watts"),
        ("power", 1000, "kw|kilowatt|kilowatts"),
        ("voltage", 1, "v|V|volt|volts|vac|vdc"),
        ("current", 1, "A|amp|amps|ampere|amperes"),
        ("current", 0.001, "ma|milliamps"),
        ("charge", 1, "mah"),
        ("charge", 1000, "ah"),
        ("energy", 1, "wh"),
        ("energy", 1000, "kwh"),
        ("heat", 1, "btu|btus"),
        ("data", 0.001, "mb|megabyte|megabytes"),
        ("data", 1, "gb|gig|gigs|gigabyte|gigabytes"),
        ("data", 1000, "tb|terabyte|terabytes"),
        ("data rate", 1, "mbps"),
        ("data rate", 1000, "gbps"),
        ("frequency", 1, "hz|hertz"),
        ("frequency", 1e3, "khz"),
        ("frequency", 1e6, "mhz"),
        ("frequency", 1e9, "ghz"),
        ("megapixels", 1, "mp|megapixel|megapixels"),
        ("lines", 1, "p"),
        ("resolution", 1, "K"),
        ("percent", 1, "%|percent"),
        ("loudness", 1, "db|dba|decibel|decibels"),
        ("turns", 1, "rpm"),
        ("pressure", 1, "psi"),
        ("speed", 1, "mph"),
        ("airflow", 1, "cfm"),
        ("light", 1, "lumen|lumens|lm"),
        ("dots", 1, "dpi|ppi"),
        ("times", 1, "x"),
        ("clock", 1, "sec|secs|second|seconds"),
        ("clock", 60, "min|mins|minute|minutes"),
        ("clock", 3600, "h|hr|hrs|hour|hours"),
        ("days", 1, "day|days|night|nights"),
        ("days", 7, "week|weeks"),
        ("calendar", 1, "month|months|mo|mos"),
        ("calendar", 12, "year|years|yr|yrs"),
        ("pack", 1, "pack|packs|pk|pks|count|ct|cnt|piece|pieces|pc|pcs|set|sets"),
        ("pair", 1, "pair|pairs"),
    ):
        _names(table, Unit(kind, factor), names)
    _names(table, Unit("temperature"), "°c|celsius|C")
    _names(table, Unit("temperature", 5 / 9, -160 / 9), "°f|fahrenheit|F")
    _names(table, Unit("degrees"), "°|degree|degrees|deg")
    for noun in COUNTED_NOUNS:
        _names(table, Unit(noun), f"{noun}|{noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'}")
    table["shelves"] = table["shelf"]
    table["switches"] = table["switch"]
    table["thread"] = table["thread count"] = (Unit("thread count"),)
    return table


# Things whose number a listing tells as a fact of the product; "two sides" or "four seasons" are mere prose.
COUNTED_NOUNS = """
    panel pocket drawer shelf tier compartment blade port outlet speed setting mode bulb light lamp burner serving
    capsule tablet softgel gummy tray bottle bag sheet roll battery wheel caster hook slot channel speaker camera
    monitor remote key player card color pillowcase pillow cushion towel sock glove brush filter button switch
    attachment nozzle seater socket tip
""".split()
COUNTS = frozenset({"pack", *COUNTED_NOUNS})
UNITS = _units()
NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
WORDS = {name: float(value) for value, name in enumerate(NUMBER_WORDS, start=1)}
# "one day", "in one piece", "one minute you are…": as a word, one is a figure only before a measure.
ONE_IS_PROSE = frozenset({"pair", "clock", "days", "times", "percent", *COUNTS})
VULGAR = {"½": 1 / 2, "¼": 1 / 4, "¾": 3 / 4, "⅓": 1 / 3, "⅔": 2 / 3, "⅛": 1 / 8, "⅜": 3 / 8, "⅝": 5 / 8, "⅞": 7 / 8}
DENOMINATORS = frozenset({2, 3, 4, 5, 6, 8, 10, 16, 32, 64})
# Letters that mean a unit only in one case: 12 V and 12v, but 10 A is amperes and "2 a day" is not; 5G is no gram.
ONE_CASE = frozenset("GMTasSkcfHDNBE")

_FRACTIONS = "".join(VULGAR)
# Where a number may begin. One pattern for all of it costs 65 ns a character; digits alone cost 6, and each number word
# that a text holds 2 or 3 more.
DIGITS = re.compile(rf"[0-9][0-9.,]*|[{_FRACTIONS}]")
WORD_STARTS = {name: re.compile(rf"{name}(?!\w)") for name in NUMBER_WORDS}
PACK_OF = re.compile(r"(?<!\w)(?:pack|set|case|box|bundle|lot) of $", re.IGNORECASE)
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
      | (?P<word>{"|".join(NUMBER_WORDS)})(?!\w)
    )
    (?P<sep>(?:[ \t\xa0]|[ ]?[-‑–])?)
    (?:(?P<unit>
        (?:fl|fluid|sq|square|cu|cubic)\.?[ ]?(?:oz|ounces?|in|inch(?:es)?|f(?:oo|ee)?t)\b
      | thread\ count\b | [^\W\d_]+(?:\.(?=,|\ [a-z×]))? | °(?:[ ]?[FfCc]\b)? | ''|["″”'′’%°]
    ))?
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Between the numbers of 50 x 95 in, 50"W x 95"L, 12 by 8, 10-12 in, 5/6 qt.
JOINT = re.compile(r"\s*(?:[WLHD]\b\.?)?\s*(?:[x×*]|by|to|[-–/])\s*", re.IGNORECASE)
BY_NUMBER = re.compile(r"\s*[\d.]")
DIMENSION = re.compile(r"\s*[x×*]\s*[\d.]", re.IGNORECASE)
AFTER_DIMENSION = re.compile(r"[\d\"'″]\s*[WLHD]?\s*[x×*]\s*$", re.IGNORECASE)
# After "71 in" these tell that it is inches; "3 in the box" goes on otherwise.
INCHES_GO_ON = re.compile(
    r"\s*(?:$|[.,;:)(/|x×*-]|by\b|wide|long|tall|high|deep|thick|diameter|length|width|height|depth|[wlhd]\b)",
    re.IGNORECASE,
)
# Before a letter these are apostrophes: the 90's.
FEET_SIGNS = frozenset("'’")
TWO_IN_ONE = re.compile(r"in[ -](?:\d|one\b)", re.IGNORECASE)
LIST_MARK = re.compile(r"(?:^|\n)\s*$")


def quantities(text: str) -> list[Quantity]:
    """Every number of the text that states something, in order; model numbers, ordinals and 24/7 are left out."""
    found = []
    done = 0
    for start in _starts(text):
        if start >= done and (match := NUMBER.match(text, start)):
            done = match.end("sep")
            if quantity := _quantity(text, match):
                found.append(quantity)
    for index in range(len(found) - 2, -1, -1):
        here, after = found[index], found[index + 1]
        if not here.readings and after.readings and JOINT.fullmatch(text, here.end, after.start):
            found[index] = here._replace(
                readings=_readings(here.value, tuple(reading.unit for reading in after.readings))
            )
    return found


def _starts(text: str) -> list[int]:
    """Where a number begins that is no part of a word, of a model number such as WH-1000 or of another number."""
    starts = []
    for match in DIGITS.finditer(text):
        start = match.start()
        before = text[max(0, start - 2) : start]
        if before.endswith(".") and not before[0].isdigit():
            start -= 1
            before = text[max(0, start - 2) : start]
        last = before[-1:]
        by = last in {"x", "X"} and not before[0].isalpha()
        if by or not (last.isalnum() or last == "_" or (last == "-" and before[0].isalpha())):
            starts.append(start)
    lower = text.lower()
    words = [
        match.start()
        for name, pattern in WORD_STARTS.items()
        if name in lower
        for match in pattern.finditer(lower)
        if match.start() == 0 or not (lower[match.start() - 1].isalnum() or lower[match.start() - 1] == "_")
    ]
    return sorted(starts + words) if words and len(lower) == len(text) else starts


def _quantity(text: str, match: re.Match[str]) -> Quantity | None:
    value = _value(match)
    if value is None or match["ordinal"]:
        return None
    start, sep, unit_text = match.start(), match["sep"], match["unit"]
    number_end = match.start("sep")
    if text[max(0, start - 4) : start].lower() == " of " and (
        pack_of := PACK_OF.search(text, max(0, start - 10), start)
    ):
        start = pack_of.start()
        return Quantity(start, number_end, text[start:number_end], value, _readings(value, UNITS["pack"]))
    units = _lookup(unit_text, not sep) if unit_text and not TWO_IN_ONE.match(text, match.start("unit")) else ()
    if unit_text in {"x", "X"} and BY_NUMBER.match(text, match.end()):
        return Quantity(start, number_end, text[start:number_end], value)
    if unit_text and len(unit_text) == 1 and unit_text in "WLHDwlhd" and _is_dimension(text, match):
        return Quantity(start, number_end, text[start:number_end], value)
    if unit_text and not units and not sep and unit_text[0].isalpha():
        return None
    if unit_text in FEET_SIGNS and text[match.end() : match.end() + 1].isalpha():
        return None
    if match["word"]:
        if not units or (value == 1 and units[0].kind in ONE_IS_PROSE):
            return None
    elif not units and (value == 1 or _is_list_mark(text, match)):
        return None
    if not units:
        return Quantity(start, number_end, text[start:number_end], value)
    end = match.end()
    unsure = bool(sep == " " and unit_text.lower() == "in" and not INCHES_GO_ON.match(text, end))
    return Quantity(start, end, text[start:end], value, _readings(value, units), unsure)


def _value(match: re.Match[str]) -> float | None:
    if match["word"]:
        return WORDS[match["word"].lower()]
    whole = float(match["whole"].replace(",", "") or 0)
    if match["decimals"]:
        return float(match["whole"].replace(",", "") + match["decimals"])
    if match["vulgar"]:
        return whole + VULGAR[match["vulgar"]]
    if match["mixed"]:
        over, under = (int(part) for part in match["mixed"].split("/"))
        return whole + over / under if under else None
    if match["under"]:
        under = int(match["under"])
        return whole / under if under in DENOMINATORS and whole < under else None
    return whole


@lru_cache(maxsize=4096)
def _lookup(text: str, glued: bool) -> tuple[Unit, ...]:
    if text in ONE_CASE or (text in {"C", "F", "K", "x", "p", "h"} and not glued) or text == "X":
        return ()
    plain = " ".join(text.replace(".", "").lower().replace("° ", "°").split())
    return UNITS.get(text) or UNITS.get(plain) or ()


@lru_cache(maxsize=16384)
def _readings(value: float, units: tuple[Unit, ...]) -> tuple[Reading, ...]:
    return tuple(Reading(unit.kind, value * unit.factor + unit.offset, unit) for unit in units)


def _is_dimension(text: str, match: re.Match[str]) -> bool:
    return bool(
        DIMENSION.match(text, match.end()) or AFTER_DIMENSION.search(text, max(0, match.start() - 12), match.start())
    )


def _is_list_mark(text: str, match: re.Match[str]) -> bool:
    return text[match.end() : match.end() + 1] in {".", ")"} and bool(
        LIST_MARK.search(text, max(0, match.start() - 8), match.start())
    )

"""The units that a number may have, in every spelling."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Unit(NamedTuple):
    """A unit as part of a kind: value · factor + offset is the amount in the kind's base unit."""

    kind: str
    factor: float = 1.0
    offset: float = 0.0


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
        ("volume", 28316.847, "cu ft|cubic ft|cubic feet|cubic foot"),
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
        ("volume", 236.58824, "cup|cups"),
        ("spoon", 1, "tbsp|tablespoon|tablespoons"),
        ("spoon", 1 / 3, "tsp|teaspoon|teaspoons"),
        ("power", 1, "w|W|watt|watts"),
        ("power", 1000, "kw|kilowatt|kilowatts"),
        ("voltage", 1, "v|V|volt|volts|vac|vdc"),
        ("current", 1, "A|amp|amps|ampere|amperes"),
        ("current", 0.001, "ma|milliamps"),
        ("charge", 1, "mah"),
        ("charge", 1000, "ah|amp-hour|amp-hours|amp hour|amp hours"),
        ("energy", 1, "wh|watt-hour|watt-hours|watt hour|watt hours"),
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
        ("activity", 1, "iu"),
        ("nutrition", 1, "cal|cals|kcal|calorie|calories"),
        ("grammage", 1, "gsm"),
        ("loudness", 1, "db|dba|decibel|decibels"),
        ("turns", 1, "rpm"),
        ("pressure", 1, "psi"),
        ("speed", 1, "mph"),
        ("airflow", 1, "cfm"),
        ("luminous flux", 1, "lumen|lumens|lm"),
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
        ("person", 1, "person|persons|people|adult|adults|camper|campers|sleeper|sleepers"),
    ):
        _names(table, Unit(kind, factor), names)
    _names(table, Unit("temperature"), "°c|celsius|C")
    _names(table, Unit("temperature", 5 / 9, -160 / 9), "°f|fahrenheit|F")
    _names(table, Unit("degrees"), "°|degree|degrees|deg")
    _names(table, Unit("temperature"), "°|degree|degrees|deg")
    _names(table, Unit("temperature", 5 / 9, -160 / 9), "°|degree|degrees|deg")
    for noun in COUNTED_NOUNS:
        _names(table, Unit(noun), f"{noun}|{noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'}")
    table["shelves"] = table["shelf"]
    table["boxes"] = table["box"]
    table["pouches"] = table["pouch"]
    table["switches"] = table["switch"]
    table["thread"] = table["thread count"] = (Unit("thread count"),)
    return table


# Things whose number a listing tells as a fact of the product; "two sides" or "four seasons" are mere prose.
COUNTED_NOUNS = """
    panel pocket drawer shelf tier compartment blade port outlet speed setting mode bulb light lamp burner serving
    capsule tablet softgel gummy tray box pouch sachet bottle bag sheet roll battery wheel caster hook slot channel
    speaker camera monitor remote key card color pillowcase pillow cushion towel sock glove brush filter button switch
    attachment nozzle seater socket tip
""".split()
COUNTS = frozenset({"pack", *COUNTED_NOUNS})
UNITS = _units()
# Letters that mean a unit only in one case: 12 V and 12v, but 10 A is amperes and "2 a day" is not; 5G is no gram.
ONE_CASE = frozenset("GMTasSkcfHDNBE")
# These mean a unit only beside their number: 2x, 4K, 20 C is a size of bra.
GLUED = frozenset("CFKxph")


@lru_cache(maxsize=4096)
def units_named(text: str, *, glued: bool) -> tuple[Unit, ...]:
    """The units of that name; several where it may be either (an ounce of mass or of volume), none for another word.

    glued: whether it stands right behind its number.
    """
    if text in ONE_CASE or (text in GLUED and not glued) or text == "X":
        return ()
    plain = " ".join(text.replace(".", "").lower().replace("° ", "°").split())
    return UNITS.get(text) or UNITS.get(plain) or ()

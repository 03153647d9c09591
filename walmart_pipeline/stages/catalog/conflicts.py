"""Finds what a record contradicts itself on: a pack of 6 in its name, of 4 in its text.

Only where both can't be true of one item. A text that names other variants as well proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from walmart_pipeline.core.records import Product
from walmart_pipeline.stages.catalog.colors import plain_colors
from walmart_pipeline.text.quantities import Quantity, quantities

# A count of packs, and one of pieces: "2-pack, 3 pieces each" is no contradiction.
_COUNTS = {
    "Pack size": re.compile(
        r"(?<![\w.-])(\d{1,3})[ -]?(?:packs?|pk)\b(?! of)|\b(?:packs?|case|box) of (\d{1,3})\b", re.IGNORECASE
    ),
    "Piece count": re.compile(r"(?<![\w.-])(\d{1,3})[ -]?(?:pieces?|pcs?|pc)\b(?! of)", re.IGNORECASE),
    # Ten boxes of 100 count are 1,000.
    "Count": re.compile(r"(?<![\w.-])(?<!of )(\d{1,4})[ -]?(?:count|ct)\b", re.IGNORECASE),
}
# "Set of 4" may be a pack, and the four pieces of one.
_SET = re.compile(r"\bset of (\d{1,3})\b", re.IGNORECASE)
_COUNTING = re.compile(r"\b(?:count|pack|pieces?|quantity)\b", re.IGNORECASE)
# Attributes with one measure of the whole item, and the kind of measure.
_MEASURES = {
    "Capacity": ("volume", "charge"),
    "Volume": ("volume",),
    "Wattage": ("power",),
    "Net weight": ("mass",),
}
_BLEND = re.compile(
    r"(?<![\d.])100 ?% (?:pure |organic |combed )?(cotton|polyester|nylon|wool|silk|linen|leather|bamboo)\b",
    re.IGNORECASE,
)
_MODEL = re.compile(r"\bmodel(?: (?:no\.?|number|#))?\s*[:#]\s*([A-Za-z0-9][\w./-]*\d[\w./-]*)", re.IGNORECASE)
_LAST_WORDS = re.compile(r"\w+(?=\s*(?:[,;(/|]|$))")
# Rounding, and a liter of 1.06 quarts: closer measures agree.
TOLERANCE = 0.1


def find(product: Product) -> dict[str, list[str]]:
    """Return what a record contradicts itself on, with the values that it gives."""
    text = "\n".join([*product.features, product.description])
    found: dict[str, list[str]] = {}
    for what, values in [
        *_counts(product, text),
        *_measures(product),
        ("Color", _colors(product)),
        ("Material", _materials(product)),
        ("Model", _models(product, text)),
    ]:
        if len(values) > 1:
            found[what] = values
    return found


def settled(product: Product) -> Product:
    """Return a product whose attributes state nothing that is in conflict."""
    conflicts = find(product)
    if not conflicts and not product.conflicts:
        return product
    attributes = {name: value for name, value in product.attributes.items() if name not in conflicts}
    return product.model_copy(update={"attributes": attributes, "conflicts": conflicts})


def _counts(product: Product, text: str) -> Iterator[tuple[str, list[str]]]:
    name = product.product_name
    for what, pattern in _COUNTS.items():
        attribute, stated = _stated(product, what, pattern)
        named = _numbers(pattern, name) or (_numbers(_SET, name) if what == "Pack size" else set())
        told = _numbers(pattern, text) if named or stated else set()
        # "2 packs of 4" and a text of "4 packs".
        if told & _all_numbers(name):
            told = set()
        if what == "Piece count":
            # A kit of 55 pieces has "a 6 piece screwdriver set" in it.
            told = {count for count in told if all(int(count) > int(whole) for whole in named | stated)}
        yield attribute, _different([named, stated, told])


def _stated(product: Product, what: str, pattern: re.Pattern[str]) -> tuple[str, set[str]]:
    """The attribute that states a count, and the count: Pack size: 4, or Count: 4 pack."""
    for name, value in product.attributes.items():
        if found := pattern.fullmatch(value) if _COUNTING.search(name) else None:
            return name, {next(filter(None, found.groups()))} - {"1"}
        if name == what and (number := re.fullmatch(r"(\d{1,4})(?: \w+)?", value)):
            return name, {number[1]} - {"1"}
    return what, set()


def _numbers(pattern: re.Pattern[str], text: str) -> set[str]:
    """Counts in a text; each thing is one."""
    return {next(filter(None, match.groups())).lstrip("0") for match in pattern.finditer(text)} - {"1", ""}


def _all_numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+", text))


def _different(sources: Iterable[set[str]]) -> list[str]:
    """The values of sources that give exactly one each, if these differ; nothing if a source gives several."""
    given = [source for source in sources if source]
    if any(len(source) > 1 for source in given):
        return []
    return list(dict.fromkeys(value for source in given for value in source))


def _measures(product: Product) -> Iterator[tuple[str, list[str]]]:
    for attribute, kinds in _MEASURES.items():
        if not (value := product.attributes.get(attribute)):
            continue
        stated, named = (_of_kind(text, kinds) for text in (value, product.product_name))
        if len(stated) == len(named) == 1 and not _agree(stated[0], named[0]):
            yield attribute, [named[0].text, value]


def _of_kind(text: str, kinds: tuple[str, ...]) -> list[Quantity]:
    """Amounts of these kinds. A cup of coffee is no measure."""
    return [
        found
        for found in quantities(text)
        if any(reading.kind in kinds for reading in found.readings) and "cup" not in found.text
    ]


def _agree(one: Quantity, other: Quantity) -> bool:
    return any(
        a.kind == b.kind and abs(a.amount - b.amount) <= TOLERANCE * max(a.amount, b.amount)
        for a in one.readings
        for b in other.readings
    )


def _colors(product: Product) -> list[str]:
    """The colour of the attribute and the one that ends the name or a part of it: in "Yellow Band" it is the band's."""
    stated, named = (plain_colors(text) for text in (product.attributes.get("Color", ""), product.product_name))
    if len(stated) != 1 or len(named) != 1 or stated == named:
        return []
    ends = plain_colors(" ".join(_LAST_WORDS.findall(product.product_name)))
    return [*named, *stated] if named == ends else []


def _materials(product: Product) -> list[str]:
    named, stated = (
        {match.lower() for match in _BLEND.findall(text)}
        for text in (product.product_name, product.attributes.get("Material", ""))
    )
    return _different([named, stated])


def _models(product: Product, text: str) -> list[str]:
    stated = product.attributes.get("Model", "")
    if not re.search(r"\d", stated):
        return []
    written = {match.rstrip(".") for match in _MODEL.findall(text)}
    if len(written) != 1:
        return []
    other = written.pop()
    one, two = (re.sub(r"\W", "", model).lower() for model in (stated, other))
    return [] if one in two or two in one else [stated, other]

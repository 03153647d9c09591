"""Selects, names, formats and orders a product's attributes for a listing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from walmart_pipeline.core.records import Product
from walmart_pipeline.generation.template.phrases import Kind, phrases
from walmart_pipeline.generation.template.words import capitalised, content_words

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NAME_UNIT = re.compile(r"\s*[(\[](?:in )?([^)\]]+)[)\]]\s*$")
# Leading words that do not change the meaning of an attribute.
_QUALIFIERS = frozenset({"item", "product", "main", "primary", "total", "overall", "assembled", "is", "has", "are"})
# fmt: off
_UNITS = frozenset({
    "in", "inch", "inches", "cm", "mm", "m", "ft", "feet", "lb", "lbs", "pounds", "oz", "ounces", "g", "kg",
    "grams", "ml", "l", "liters", "litres", "qt", "quart", "quarts", "cups", "gal", "gallons", "w", "watts",
    "v", "volts", "mah", "wh",
})
# fmt: on
_HAS_UNIT = re.compile(r"\d\s*[-–]?\s*(?:[a-wyz]|[\"'″′%°]|x\b.*[a-wyz\"'″′])")
# A comma inside a number is none of a list ("1,200").
_SEPARATORS = re.compile(r"\s*[;|]\s*|,\s+|,(?=[^\d\s])")
_MATERIAL_SEPARATORS = re.compile(r"\s*[;|+]\s*|,\s*")
_CARE_WORDS = re.compile(r"\b(?:wash|dry clean|tumble|bleach|iron on|wipe|imported)\w*", re.IGNORECASE)
_YES = frozenset({"yes", "true", "y"})
_NO = frozenset({"no", "false", "n"})
# A longer value is prose; it is read with the description.
PROSE_WORDS = 18


@dataclass(frozen=True)
class Fact:
    """One attribute. name: in lower case. value: as written in a sentence. yes: set for yes and no."""

    kind: Kind
    name: str
    value: str
    yes: bool | None = None

    @property
    def label(self) -> str:
        """As a key feature: "Material: stainless steel", "Dishwasher safe"."""
        if self.yes is None:
            return f"{capitalised(self.name)}: {self.value}"
        return capitalised(self.name) if self.yes else f"{capitalised(self.name)}: no"


def facts_of(product: Product, from_text: Iterable[tuple[str, str]]) -> list[Fact]:
    """Facts for a listing, in the order of phrases.yaml, then by name.

    from_text: name and value found in the source's text; attributes of the record take precedence. Identifiers, prices,
    empty values, measures without a unit and prose are excluded.
    """
    common = _words_as_written(product)
    found: dict[tuple[str, str], Fact] = {}
    for name, value in sorted(product.attributes.items()):
        for fact in _facts(name, value, common):
            found.setdefault(_identity(fact), fact)
    kinds = {fact.kind.name for fact in found.values() if fact.kind is not phrases().other}
    values = {fact.value.lower() for fact in found.values()}
    for name, value in from_text:
        for fact in _facts(name, value, common):
            if fact.kind.name not in kinds and fact.value.lower() not in values:
                found.setdefault(_identity(fact), fact)
    return sorted(found.values(), key=lambda fact: (fact.kind.order, fact.name, fact.value))


def prose_of(product: Product) -> list[str]:
    """Attribute values that are prose, by name."""
    return [value for _, value in sorted(product.attributes.items()) if len(value.split()) > PROSE_WORDS]


@lru_cache(maxsize=4096)
def readable_name(name: str) -> tuple[str, str]:
    """A column's name as words in lower case, and the unit it carries: "itemWeight (lb)" → ("item weight", "lb")."""
    unit = _NAME_UNIT.search(name)
    known = unit[1].strip() if unit and unit[1].strip().lower().rstrip(".") in _UNITS else ""
    words = _CAMEL.sub(" ", _NAME_UNIT.sub("", name)).replace("_", " ").replace("-", " ").lower().split()
    acronyms = phrases().acronyms
    return " ".join(acronyms.get(word, word) for word in words), known


def in_words(parts: list[str]) -> str:
    """ "a, b and c"."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _facts(raw_name: str, raw_value: str, common: frozenset[str]) -> list[Fact]:
    own = phrases()
    name, unit = readable_name(raw_name)
    value = " ".join(raw_value.split()).strip(" .;,")
    low = value.lower()
    kind, name = _kind_of(name)
    if not name or low in own.no_value or name.lower() in own.ignored or len(value.split()) > PROSE_WORDS:
        return []
    if low in _YES or low in _NO:
        return [Fact(own.other, name, value, yes=low in _YES)]
    if unit and value.replace(".", "", 1).isdigit():
        value = f"{value} {unit}"
    if kind.measure and not _HAS_UNIT.search(value.lower()):
        return []
    if kind.name == "count" and low in {"1", "1.0"}:
        return []
    parts = _parts(value, kind)
    # "35;60;5% rayon": a list that lost its pairs; a color "36" is a code of the seller's
    if kind.plain and kind is not own.other and not all(any(map(str.isalpha, part)) for part in parts):
        return []
    if kind.name != "material":
        return [Fact(kind, name, _list(parts, kind, common))]
    # feeds put the washing label's other lines into the material: "100% Polyester, Machine wash"
    care = [part for part in parts if _CARE_WORDS.search(part)]
    materials = [part for part in parts if part not in care]
    facts = [Fact(kind, name, _list(materials, kind, common))] if materials else []
    return [*facts, Fact(own.kinds["care"], "care", _list(care, own.kinds["care"], common))] if care else facts


@lru_cache(maxsize=4096)
def _kind_of(name: str) -> tuple[Kind, str]:
    own = phrases()
    if name.lower() in own.kind_of_name:
        return own.kind_of_name[name.lower()], name
    words = name.split()
    while len(words) > 1 and words[0] in _QUALIFIERS:
        words = words[1:]
        rest = " ".join(words)
        if rest.lower() in own.kind_of_name or rest.lower() in own.ignored:
            return own.kind_of_name.get(rest.lower(), own.other), rest
    # "is waterproof" becomes "waterproof"; "item form" stays
    return own.other, " ".join(words) if name.split()[:1] in (["is"], ["has"], ["are"]) else name


def _parts(value: str, kind: Kind) -> list[str]:
    """The items of a list; a value that is a sentence with commas stays whole."""
    separators = _MATERIAL_SEPARATORS if kind.name == "material" else _SEPARATORS
    parts = [part.removeprefix("and ").strip() for part in separators.split(value)]
    parts = [part for part in dict.fromkeys(parts) if part]
    if len(parts) > 10 or any(len(part.split()) > 6 for part in parts):
        return [value]
    if kind.name == "material":
        # "cotton, 100% organic cotton" says cotton twice
        words = {part: content_words(part) for part in parts}
        parts = [part for part, own in words.items() if not any(own < other for other in words.values())]
    return parts


def _list(parts: list[str], kind: Kind, common: frozenset[str]) -> str:
    if kind.plain:
        parts = [_plain(part, common) for part in parts]
    if kind is phrases().other or any(" and " in part or "&" in part for part in parts):
        return ", ".join(parts)
    return in_words(parts)


def _plain(part: str, common: frozenset[str]) -> str:
    """Lower case when every word is a common noun, so that "Egyptian Cotton" keeps its capitals."""
    words = [word for token in part.split() for word in re.split(r"[-/]", token.strip("(),.%"))]
    plain = phrases().plain_words
    known = all(not word.isalpha() or word.lower() in plain or word.lower() in common for word in words)
    return part.lower() if known and not any(word.isupper() for word in words) else part


def _words_as_written(product: Product) -> frozenset[str]:
    """The text's words with their case: a lower-case word among them is no proper name."""
    return frozenset(" ".join([product.description, *product.features]).split())


def _identity(fact: Fact) -> tuple[str, str]:
    """What makes two facts one: the name where the kind is unknown, else the value ("Color" and "Color family")."""
    return fact.kind.name, fact.name if fact.kind is phrases().other else fact.value.lower()

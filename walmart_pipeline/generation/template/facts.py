"""Facts of a record as phrases: a verb and its object for sentences, and a key feature."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from walmart_pipeline.core.records import Product
from walmart_pipeline.generation.template import grammar
from walmart_pipeline.text import tokenizer

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# A column's unit: "itemWeight (lb)".
_NAME_UNIT = re.compile(r"\s*[(\[](?:in )?([a-zA-Z. ]{1,12})[)\]]\s*$")
# "King" and "Full" are sizes of beds only.
_BEDDING = re.compile(r"sheet|quilt|comforter|duvet|mattress|bed|pillow|blanket|coverlet")
# Longer values are prose, and no phrase holds them.
_VALUE_WORDS = 9
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s?%")


@dataclass(frozen=True)
class Wording:
    """A pattern of values and its phrases. None: not said in this form."""

    pattern: re.Pattern[str]
    feature: str
    verb: str | None = None
    object: str = "{0}"
    sentence: str | None = None
    title: str | None = None
    adjective: bool = False
    name: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Fact:
    """One attribute. kind: as in phrases.yaml, or `other`. verb and object: without a verb, `sentence` says it.

    words: the content words of its value, spelled out; written: as in the record.
    """

    kind: str
    words: frozenset[str]
    written: frozenset[str]
    feature: str
    verb: str | None
    object: str
    sentence: str | None
    title: str | None


@dataclass(frozen=True)
class Phrases:
    """Content of phrases.yaml."""

    kinds: dict[str, tuple[Wording, ...]]
    kind_of_name: dict[str, list[tuple[str, Wording]]]
    other: tuple[Wording, ...]
    adjectives: frozenset[str]
    ignored: frozenset[str]
    units: dict[str, str]
    determiners: dict[str, list[str]]
    parts: tuple[dict[str, Any], ...]
    pairs: frozenset[str]


@cache
def phrases() -> Phrases:
    """The packaged file, read once."""
    raw = grammar.phrase_file()
    by_name: dict[str, list[tuple[str, Wording]]] = {}
    kinds = {}
    for kind, entries in raw["kinds"].items():
        wordings = [(entry["names"], _wording(entry)) for entry in entries]
        kinds[kind] = tuple(wording for _, wording in wordings)
        for names, wording in wordings:
            for name in names:
                by_name.setdefault(name, []).append((kind, wording))
    return Phrases(
        kinds=kinds,
        kind_of_name=by_name,
        other=tuple(_wording(entry) for entry in [*raw["answers"], *raw["other"]]),
        adjectives=frozenset(raw["adjectives"]),
        ignored=frozenset(raw["ignored"]),
        units=raw["units"],
        determiners=raw["determiners"],
        parts=tuple(raw["parts"]),
        pairs=frozenset(raw["pairs"]),
    )


def facts_of(product: Product, name: str) -> list[Fact]:
    """Facts that a phrase fits, in the order of phrases.yaml, then by name; others are not said. name: as cleaned."""
    order = {kind: place for place, kind in enumerate(phrases().kinds)}
    text = " ".join([product.description, *product.features])
    found: dict[tuple[str, str], Fact] = {}
    for attribute, value in [*sorted(product.attributes.items()), *in_name(name)]:
        for fact in _facts(attribute, value, text):
            found.setdefault((fact.kind, fact.feature.lower()), fact)
    once: dict[str, Fact] = {}
    if any(kind == "capacity" for kind, _ in found):
        found = {key: fact for key, fact in found.items() if fact.kind != "contents"}
    for fact in found.values():
        once.setdefault(fact.feature.lower() if fact.kind in {"other", "parts"} else fact.kind, fact)
    return sorted(once.values(), key=lambda fact: order.get(fact.kind, len(order)))


def in_name(name: str) -> Iterator[tuple[str, str]]:
    """Attributes that a name tells by itself: parts, count, net content, and a bed's size."""
    low = f" {tokenizer.normalized(name).replace('-', ' ')} "
    for part in phrases().parts:
        found = re.search(rf" ({'|'.join(part['before'])}) {part['noun']}s?(?=[ ,])", low)
        if found:
            before = "V" if found[1] == "v" else found[1]
            yield "part of the name", f"{before} {part['noun']}{'s' if part.get('many') else ''}"
    if pieces := re.search(r"(?<!\d) (\d+) (?:pieces?|pcs?)(?=[ ,])", low):
        yield "piece count", pieces[1]
    if packs := re.search(r"(?<!\d) (\d+) packs?(?=[ ,])", low):
        yield "pack count", f"{packs[1]} pack"
    if content := re.search(r"(?<!\d) (\d+(?:\.\d+)? (?:fl oz|oz|ml))(?=[ ,])", low):
        yield "net content", content[1]
    bed = re.search(r" (twin xl|twin|full|queen|california king|king)(?: size)?(?=[ ,])", low)
    if bed and _BEDDING.search(low):
        yield "bed size", bed[1].title().replace("Xl", "XL")


@lru_cache(maxsize=4096)
def readable_name(name: str) -> tuple[str, str]:
    """A column's name as words in lower case, and the unit it carries: "itemWeight (lb)" → ("item weight", "lb")."""
    unit = _NAME_UNIT.search(name)
    words = _CAMEL.sub(" ", _NAME_UNIT.sub("", name)).replace("_", " ").replace("-", " ").lower().split()
    return " ".join(grammar.acronyms().get(word, word) for word in words), unit[1].strip() if unit else ""


def _wording(entry: dict[str, Any]) -> Wording:
    compiled: dict[str, Any] = {key: re.compile(entry[key]) for key in ("pattern", "name") if key in entry}
    return Wording(**{key: value for key, value in (entry | compiled).items() if key != "names"})


def _facts(raw_name: str, raw_value: str, text: str) -> Iterator[Fact]:
    own = phrases()
    name, unit = readable_name(raw_name)
    value = " ".join(raw_value.split()).strip(" .;,")
    if unit and value.replace(".", "", 1).isdigit():
        value = f"{value} {unit}"
    if not name or name in own.ignored or len(value.split()) > _VALUE_WORDS or not _is_whole(value):
        return
    known = own.kind_of_name.get(name)
    last = name.rsplit(" ", 1)[-1]
    is_adjective = last in own.adjectives
    if known is None and value.isdigit() and int(value) > 1 and grammar.is_plural(last):
        number = grammar.counted(name, int(value))
        words = grammar.content_words(number)
        yield Fact("other", words, words, grammar.capitalised(number), "has", number, None, None)
        return
    for kind, wording in known or [("other", wording) for wording in own.other]:
        match = wording.pattern.fullmatch(value) or wording.pattern.fullmatch(value[:1].lower() + value[1:])
        if match is None or (known is None and wording.adjective is not is_adjective):
            continue
        if wording.name and not wording.name.fullmatch(name):
            continue
        # "three seasons season", "a firm firmness"
        if known is None and {word[:4] for word in name.split()} & {word[:4].lower() for word in value.split()}:
            continue
        yield _fact(kind, wording, name, [group for group in match.groups() if group is not None], text)
        return


def _fact(kind: str, wording: Wording, name: str, groups: list[str], text: str) -> Fact:
    noun = name.removesuffix(" material").removesuffix(" type")
    if kind == "material":
        groups = [_materials(group) for group in groups]
    parts = [grammar.spelled_out(_plain(group, text), phrases().units) for group in groups]
    said = wording.object.format(*parts, name=noun, a="{a}")
    before, article, after = said.partition("{a} ")
    return Fact(
        kind=kind,
        words=grammar.content_words(said.format(a="")),
        written=grammar.content_words(" ".join([*groups, name if kind == "other" else ""])),
        feature=grammar.capitalised(" ".join(wording.feature.format(*parts, name=noun).split())),
        verb=wording.verb,
        object=" ".join((before + (grammar.with_article(after) if article else after)).split()),
        sentence=grammar.capitalised(wording.sentence.format(*parts)) if wording.sentence else None,
        title=wording.title.format(*groups) if wording.title else None,
    )


def _materials(value: str) -> str:
    """A list of materials with none twice: "100% microfiber, microfiber" says it once."""
    parts = [part.strip() for part in re.split(r"\s*(?:[+;/]|,(?! and ))\s*", value)]
    words = {part: grammar.content_words(part) for part in dict.fromkeys(parts) if part}
    return grammar.joined([part for part, own in words.items() if not any(own < other for other in words.values())])


def _is_whole(value: str) -> bool:
    """Whether a value is no garbled list: shares of one whole, no bare number among the words."""
    shares = [float(share) for share in _PERCENT.findall(value)]
    if shares and sum(shares) < 100 and len(re.split(r",|\band\b", value)) > len(shares):
        return False
    return sum(shares) <= 100 and not re.search(r"[#|<>:]|\b\d+ \d+\b|\b(?:not|see|please)\b|, no\b", value.lower())


def _plain(value: str, text: str) -> str:
    """In lower case where the record's text writes every word so: "Stainless Steel", but not "Egyptian Cotton"."""
    words = re.findall(r"[^\W\d_]+", value)
    if value[1:].islower() and value[1:2] != " ":
        return value.lower()
    if any(word.isupper() for word in words) or not all(re.search(rf"\b{word.lower()}\b", text) for word in words):
        return value
    return value.lower()

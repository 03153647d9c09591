"""Loads phrases.yaml, the wording of the template writer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Literal

import yaml


# There is one object of each kind: compared as such, it costs no hashing of templates.
@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of attribute: its wording and its place in the text."""

    name: str
    order: int
    group: Literal["make", "use"]
    templates: tuple[str, ...]
    plain: bool = False
    measure: bool = False
    title: str | None = None


@dataclass(frozen=True)
class Family:
    """Additional wording for one kind of goods."""

    name: str
    words: frozenset[str]
    openings: tuple[str, ...]
    kinds: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Phrases:
    """Content of phrases.yaml."""

    nouns: tuple[str, ...]
    kinds: dict[str, Kind]
    kind_of_name: dict[str, Kind]
    other: Kind
    other_in_words: tuple[str, ...]
    counted: tuple[str, ...]
    answered: tuple[str, ...]
    booleans: dict[str, str]
    boolean_adjectives: frozenset[str]
    joined: str
    openings: dict[str, tuple[str, ...]]
    fragments: tuple[str, ...]
    paths: tuple[str, ...]
    families: tuple[Family, ...]
    ignored: frozenset[str]
    no_value: frozenset[str]
    not_the_product: tuple[str, ...]
    plain_words: frozenset[str]
    acronyms: dict[str, str]


@lru_cache(maxsize=1024)
def is_about_the_shop(text: str) -> bool:
    """Whether a sentence is about the shop, the order or the page rather than the product."""
    low = f" {text.lower()}"
    return any(phrase in low for phrase in phrases().not_the_product)


@cache
def phrases() -> Phrases:
    """Load the packaged file once."""
    raw: dict[str, Any] = yaml.safe_load(files(__package__).joinpath("phrases.yaml").read_text(encoding="utf-8"))
    kinds = {
        name: Kind(
            name=name,
            order=order,
            group=entry["group"],
            templates=tuple(entry["templates"]),
            plain=entry.get("plain", False),
            measure=entry.get("measure", False),
            title=entry.get("title"),
        )
        for order, (name, entry) in enumerate(raw["kinds"].items())
    }
    booleans = dict(raw["booleans"])
    adjectives = frozenset(booleans.pop("adjectives"))
    return Phrases(
        nouns=tuple(raw["nouns"]),
        kinds=kinds,
        kind_of_name={alias: kinds[name] for name, entry in raw["kinds"].items() for alias in entry["names"]},
        # after what the product is made of and measures, before what one does with it
        other=Kind(name="other", order=len(kinds), group="make", templates=tuple(raw["other"]), plain=True),
        other_in_words=tuple(raw["other_in_words"]),
        counted=tuple(raw["counted"]),
        answered=tuple(raw["answered"]),
        booleans=booleans,
        boolean_adjectives=adjectives,
        joined=raw["joined"],
        openings={name: tuple(templates) for name, templates in raw["openings"].items()},
        fragments=tuple(raw["fragments"]),
        paths=tuple(raw["paths"]),
        families=tuple(
            Family(
                name=name,
                words=frozenset(entry["words"]),
                openings=tuple(entry["openings"]),
                kinds={kind: tuple(templates) for kind, templates in entry.get("kinds", {}).items()},
            )
            for name, entry in raw["families"].items()
        ),
        ignored=frozenset(raw["ignored"]),
        no_value=frozenset(raw["no_value"]),
        not_the_product=tuple(f" {phrase}" for phrase in raw["not_the_product"]),
        plain_words=frozenset(raw["plain_words"]),
        acronyms={acronym.lower(): acronym for acronym in raw["acronyms"]},
    )

"""The input and findings of checks, and their registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.judge.claims import Claim, Examination, ListingText, fields_of
from walmart_pipeline.judge.policy.schema import Limits
from walmart_pipeline.text import sentences, tokenizer
from walmart_pipeline.text.analysis import analyze


class Finding(NamedTuple):
    """Where a rule is broken: a field and a span. The profile adds severity and message."""

    field: str
    start: int = 0
    end: int = 0
    variant: str | None = None
    values: Mapping[str, object] = MappingProxyType({})


class Case:
    """One listing with its product and limits; what several checks need is computed once."""

    def __init__(self, listing: Listing, product: Product, limits: Limits, acronyms: frozenset[str]) -> None:
        self.listing = listing
        self.product = product
        self.limits = limits
        self.acronyms = acronyms
        self.name_stats = analyze(product.product_name)
        self.brand_stats = analyze(product.brand or "")
        self.title_stats = analyze(listing.title)
        self.feature_stats = [analyze(feature) for feature in listing.key_features]
        self.description_stats = analyze(listing.description)
        fields = fields_of(listing)
        # Without keywords.
        self.fields = fields[: 2 + len(listing.key_features)]
        # All fields as one text, searched by word lists and grounding.
        self.listing_text = ListingText(fields)
        lines = (self.title_stats, *self.feature_stats)
        # The word classes of the title and all key features.
        self.line_classes = "".join([each.classes for each in lines])
        # All stems that a shopper reads.
        self.stems = frozenset(self.description_stats.stems).union(*[each.stems for each in lines])
        # No field has a letter or digit.
        self.is_empty = not (self.line_classes or self.description_stats.classes)

    @cached_property
    def triples(self) -> list[tuple[str, str, str]]:
        """Every three consecutive words of the description."""
        words = self.description_stats.words
        return list(zip(words, words[1:], words[2:], strict=False))

    @cached_property
    def repeated_triples(self) -> int:
        """How many of them are repetitions."""
        return len(self.triples) - len(set(self.triples))

    @cached_property
    def examination(self) -> Examination:
        """The listing's statements, compared with the record."""
        return Examination(self.listing_text, self.product)

    @cached_property
    def claims(self) -> list[Claim]:
        """The listing's claims with their status against the record."""
        return self.examination.claims()

    @cached_property
    def record_words(self) -> frozenset[str]:
        """Normalized words of the record."""
        product = self.product
        names = [product.product_name, product.brand or "", *product.category, *product.attributes.values()]
        parts = [*names, *product.features, product.description]
        return frozenset(tokenizer.PIECE.findall(tokenizer.normalized(" ".join(parts))))


class Mention(NamedTuple):
    """A word of a word list, found in a field of a product's listing."""

    word_list: str
    text: str
    normalized: str
    start: int
    end: int
    product: Product

    def context(self, reach: int) -> tuple[str, str]:
        """The clause before and after it."""
        return sentences.context(self.normalized, self.start, self.end, reach)


class Confirmed(NamedTuple):
    """The whole claim that contains a mention, from its verb to the listed word."""

    start: int
    end: int
    variant: str | None = None


Check: TypeAlias = Callable[[Case], Iterator[Finding]]
Confirmation: TypeAlias = Callable[[Mention], Confirmed | None]
CHECKS: dict[str, Check] = {}
CONFIRMATIONS: dict[str, Confirmation] = {}


def rule(rule_id: str) -> Callable[[Check], Check]:
    """Register a check under its rule id. Severity, source and message come from the profile."""

    def register(check: Check) -> Check:
        if rule_id in CHECKS:
            raise ValueError(f"two checks for {rule_id}: give one of them another id")
        CHECKS[rule_id] = check
        return check

    return register


def confirms(rule_id: str) -> Callable[[Confirmation], Confirmation]:
    """Register a function that checks the sentence around a listed word, and returns None for an innocent one."""

    def register(confirmation: Confirmation) -> Confirmation:
        CONFIRMATIONS[rule_id] = confirmation
        return confirmation

    return register

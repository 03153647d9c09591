"""Applies a profile's word lists and patterns to all fields of a listing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple, cast

from walmart_pipeline.core.records import Product
from walmart_pipeline.judge.claims import ListingText
from walmart_pipeline.judge.policy.schema import Policy, TextField
from walmart_pipeline.judge.rules import CONFIRMATIONS, Finding, Mention
from walmart_pipeline.judge.rules.phrase_search import PhraseSearch
from walmart_pipeline.text import tokenizer
from walmart_pipeline.text.word_search import has_phrase, search_text

# Attributes whose value is a name that a text may use: a dartboard of the series Target.
NAME_ATTRIBUTES = re.compile(
    r"\b(?:brand|character|franchise|licen[cs]e|series|theme|collection|book title|movie title|author|artist)\b"
)
# Categories of products with a title of their own, which may say anything: a novel named The Best Seller.
TITLED = re.compile(r"\b(?:books?|novels?|movies?|dvds?|blu-ray|music|vinyl|video games?|board games?|posters?)\b")

# Without a brand attribute, a name begins with the brand: Amazon Basics Glass Kettle.
NAME_START = re.compile(r"[^\W_]+\W+[^\W_]+")
# Names of price tags and sale signs say nothing about their own price.
_PRICE_WORDS = r"(?:price|sale|discount|clearance|coupon|saving|deal)s?"
SIGN_WORDS = re.compile(rf"(?:(?:low|half|sale|on)[\s-])?{_PRICE_WORDS}")
SIGNS = re.compile(
    rf"\b{_PRICE_WORDS}"
    r" (?:tags?|signs?|labels?|stickers?|banners?|flags?|posters?|guns?|organi[sz]ers?|holders?|jars?)\b"
)


class _CompiledPattern(NamedTuple):
    """A pattern of a policy, and the rules that each kind of field breaks by it."""

    regex: re.Pattern[str]
    at_start: bool
    needs: list[str]
    trace: re.Pattern[str] | None
    rules: dict[TextField, list[str]]


class Wording:
    """Compiled word lists and patterns of a policy."""

    def __init__(self, policy: Policy) -> None:
        self._settings = {rule: setting for rule, setting in policy.rules.items() if setting.enabled and setting.fields}
        self._patterns = [
            _CompiledPattern(
                re.compile(pattern.regex),
                pattern.at_start,
                [tokenizer.normalized(text) for text in pattern.needs] or [""],
                re.compile(pattern.trace) if pattern.trace else None,
                self._rules_by_field(name),
            )
            for name, pattern in policy.patterns.items()
        ]
        self._search = PhraseSearch(
            (
                ((rule, name), entry)
                for rule, setting in self._settings.items()
                for name in setting.words
                for entry in policy.word_lists[name]
            )
        )

    def findings(self, listing: ListingText, product: Product) -> Iterator[tuple[str, Finding]]:
        """(rule id, finding) for each violation, except within the product's own names."""
        names = _OwnNames(product)
        yield from self._listed(self._search.find(listing.text, listing.normalized), listing, names)
        fields = [(name, kind_of(name), text) for name, text in listing.fields]
        for regex, at_start, needs, trace, rules in self._patterns:
            if not any(text in listing.normalized for text in needs):
                continue
            for name, kind, text in fields:
                if (covering := rules.get(kind)) and (trace is None or trace.search(text)):
                    first = regex.match(text) if at_start else regex.search(text)
                    matches = regex.finditer(text) if first and not at_start else [first] if first else []
                    yield from self._matched(covering, matches, name, text, names)

    def _rules_by_field(self, pattern: str) -> dict[TextField, list[str]]:
        found: dict[TextField, list[str]] = {}
        for rule, setting in self._settings.items():
            for field in setting.fields if pattern in setting.patterns else ():
                found.setdefault(field, []).append(rule)
        return found

    def _listed(
        self, phrases: Sequence[tuple[tuple[str, str], int, int]], listing: ListingText, names: _OwnNames
    ) -> Iterator[tuple[str, Finding]]:
        ends: dict[tuple[str, int, str | None], int] = {}
        for (rule, word_list), start, end in phrases:
            name, begin = listing.place(start)
            kind = kind_of(name)
            if kind not in self._settings[rule].fields:
                continue
            text = listing.field(begin)
            own = listing.normalized[begin : begin + len(text)]
            mention = Mention(word_list, text, own, start - begin, end - begin, names.product)
            finding = self._finding(rule, kind, name, mention, names)
            # "Cures eczema and acne" is one claim.
            if finding and finding.start >= ends.get((rule, begin, finding.variant), 0):
                ends[rule, begin, finding.variant] = finding.end
                yield rule, finding

    def _finding(self, rule: str, kind: TextField, name: str, mention: Mention, names: _OwnNames) -> Finding | None:
        span, variant = (mention.start, mention.end), None
        if rule in CONFIRMATIONS:
            confirmed = CONFIRMATIONS[rule](mention)
            if confirmed is None:
                return None
            span, variant = (confirmed.start, confirmed.end), confirmed.variant
        elif names.hold(mention.normalized, span):
            return None
        return Finding(name, *span, variant or self._variant(rule, kind))

    def _matched(
        self, rules: Sequence[str], matches: Iterable[re.Match[str]], name: str, text: str, names: _OwnNames
    ) -> Iterator[tuple[str, Finding]]:
        for match in matches:
            if not names.cover(tokenizer.normalized(text), match.span()):
                yield from ((rule, Finding(name, *match.span(), self._variant(rule, kind_of(name)))) for rule in rules)

    def _variant(self, rule: str, kind: TextField) -> str | None:
        return kind if kind in self._settings[rule].variants else None


class _OwnNames:
    """A product's own names in its record."""

    def __init__(self, product: Product) -> None:
        self.product = product

    @cached_property
    def brand(self) -> str:
        return tokenizer.normalized(self.product.brand or "").strip()

    def hold(self, normalized: str, span: tuple[int, int]) -> bool:
        """Whether a span is part of the brand or of another of the product's names."""
        words = normalized[span[0] : span[1]]
        name = tokenizer.normalized(self.product.product_name)
        if self.brand:
            if has_phrase(self.brand, words):
                return True
        elif (start := NAME_START.match(name)) and _covers(start.group(), normalized, span):
            return True
        if self._is_titled() and has_phrase(name, words):
            return True
        if SIGN_WORDS.fullmatch(words) and SIGNS.search(name):
            return True
        return any(
            _covers(tokenizer.normalized(value), normalized, span)
            for label, value in self.product.attributes.items()
            if NAME_ATTRIBUTES.search(label.lower())
        )

    def cover(self, normalized: str, span: tuple[int, int]) -> bool:
        """Whether a match is inside the brand, such as the sign in Yahoo!, or inside a name: Practical ASP.NET.

        A brand may be an address of which its attribute has the first word alone: StarTech.com.
        """
        name = tokenizer.normalized(self.product.product_name)
        words = normalized[span[0] : span[1]]
        if self.brand and words.startswith(f"{self.brand}."):
            return has_phrase(search_text(name), search_text(words))
        return _covers(self.brand, normalized, span) or (self._is_titled() and has_phrase(name, words))

    def _is_titled(self) -> bool:
        return TITLED.search(tokenizer.normalized(" ".join(self.product.category))) is not None


@lru_cache(maxsize=1024)
def kind_of(name: str) -> TextField:
    """The kind of a field: key_features for key_features[3]."""
    return cast("TextField", name.partition("[")[0])


def _covers(name: str, normalized: str, span: tuple[int, int]) -> bool:
    start = normalized.find(name)
    while name and start != -1:
        if start <= span[0] and span[1] <= start + len(name):
            return True
        start = normalized.find(name, start + 1)
    return False

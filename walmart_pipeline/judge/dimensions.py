"""The measures of a listing beside its violations: coverage, readability, search."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from walmart_pipeline.core.records import Dimension, Product
from walmart_pipeline.judge.claims import NumberIndex, number_index
from walmart_pipeline.judge.rules import Case
from walmart_pipeline.text.analysis import TextStats
from walmart_pipeline.text.quantities import Quantity, quantities
from walmart_pipeline.text.tokenizer import key_stems

# US adults read at grade 7 to 8 on average (Plain Language Action and Information Network); grade 18 is a doctorate.
PLAIN_GRADE, HARDEST_GRADE = 8.0, 18.0
# Longer sentences are hard to follow (GOV.UK style guide). A text's grade hides them: one of 80 words after ten of ten
# words adds no more than 2.5.
LONG_SENTENCE = 25
# A value of many words counts as stated when most of them are there: "Stainless Steel and BPA-free Plastic".
STATED_SHARE = 0.6
# Identifiers stand on the page, not in the text.
IDENTIFIER = re.compile(r"\d{8,14}|[A-Z0-9]+(?:-[A-Z0-9]+)+|https?://\S+")
NO_VALUE = frozenset({"no", "none", "n/a", "na", "false", "0", "does not apply", "not applicable", "unknown", ""})
YES = frozenset({"yes", "true", "y"})
# Of 772 real descriptions with 60 key words or more, 95 % keep their most frequent one below 10.3 % of them.
STUFFED_SHARE = 0.10
# In a short text a word that comes so often is no stuffing, whatever its share.
STUFFED_TIMES = 5
# The writers are asked for ten search phrases at most; twice as many may still be a person's care.
KEYWORDS_AT_MOST = 20
# Points off for each search phrase that is one too many, a repeat, or about something else.
KEYWORD_PENALTY = 5.0


class _Expected(NamedTuple):
    """What a text must hold to tell an attribute: these figures, and most of these words."""

    numbers: tuple[Quantity, ...]
    stems: tuple[str, ...]
    words: frozenset[str]
    """The stems that are no figures."""


def measures(case: Case) -> dict[Dimension, float | None]:
    """Coverage, readability and search of a listing."""
    expected = [each for name, value in case.product.attributes.items() if (each := _expected(name, value))]
    return {"coverage": _coverage(case, expected), "readability": _readability(case), "search": _search(case, expected)}


def _coverage(case: Case, expected: Sequence[_Expected]) -> float | None:
    """Share of the record's attributes whose value the text states. None: no attribute that a text could state."""
    if not expected:
        return None
    facts = _StatedFacts(case)
    return 100 * sum([facts.states(each) for each in expected]) / len(expected)


class _StatedFacts:
    """What a text states: its stems and numbers."""

    def __init__(self, case: Case) -> None:
        self._stems = case.stems
        text = case.listing_text
        self._stated = [quantity for quantity in text.stated if quantity.start < text.visible_end]

    def states(self, expected: _Expected) -> bool:
        """Whether the text has these figures, and most of these words."""
        if expected.numbers and not all(map(self._has, expected.numbers)):
            return False
        if not expected.stems:
            return bool(expected.numbers)
        return sum([stem in self._stems for stem in expected.stems]) >= STATED_SHARE * len(expected.stems)

    def _has(self, number: Quantity) -> bool:
        # Nearly always it is there as the record has it.
        if number.readings and number.readings in [stated.readings for stated in self._stated]:
            return True
        return self._figures.judge(number) == "supported"

    @cached_property
    def _figures(self) -> NumberIndex:
        return number_index(self._stated)


# Catalogs repeat their attributes: 8,192 of them are 7 MB.
@lru_cache(maxsize=1 << 13)
def _expected(name: str, value: str) -> _Expected | None:
    """None for an attribute that says nothing, or nothing for a text."""
    plain = value.strip().lower()
    if plain in NO_VALUE or IDENTIFIER.fullmatch(value.strip()):
        return None
    if plain in YES:
        return _expectation((), key_stems(name))
    numbers = quantities(value)
    for quantity in reversed(numbers):
        value = value[: quantity.start] + " " + value[quantity.end :]
    return _expectation(numbers, key_stems(value))


def _expectation(numbers: Sequence[Quantity], stems: Sequence[str]) -> _Expected:
    return _Expected(tuple(numbers), tuple(stems), frozenset(stem for stem in stems if not stem.isdigit()))


def _readability(case: Case) -> float | None:
    """How easily a shopper reads the description; None without words.

    By its Flesch–Kincaid grade, 0.39 words a sentence + 11.8 syllables a word − 15.59 (Kincaid et al. 1975, Navy
    Research Branch 8-75): 100 up to grade 8 and evenly down to 0 at grade 18. Less the share of the words that stand
    beyond the 25th of their sentence.
    """
    text = case.description_stats
    words = len(text.words)
    if not words:
        return None
    grade = 0.39 * words / len(text.sentences) + 11.8 * text.syllables / words - 15.59
    ease = min(1.0, max(0.0, (HARDEST_GRADE - grade) / (HARDEST_GRADE - PLAIN_GRADE)))
    overlong = sum([length - LONG_SENTENCE for length in text.sentences if length > LONG_SENTENCE])
    return 100 * ease * (1 - overlong / words)


def _search(case: Case, expected: Sequence[_Expected]) -> float | None:
    """How many of the words that shoppers search by the text has, less what stuffing costs.

    Two fifths by the key words of the product's name, a fifth each by those of brand, narrowest category and
    attributes. A part that the record lacks is left out; None when it lacks all.
    """
    product = case.product
    parts = [
        (weight, wanted)
        for weight, wanted in (
            (2, frozenset([stem for stem in case.name_stats.stems if not stem.isdigit()])),
            (1, _stems(product.brand or "")),
            (1, _stems(product.category[-1]) if product.category else frozenset()),
            (1, frozenset().union(*[each.words for each in expected])),
        )
        if wanted
    ]
    if not parts:
        return None
    found = sum([weight * len(wanted & case.stems) / len(wanted) for weight, wanted in parts])
    reached = 100 * found / sum([weight for weight, _ in parts])
    return max(0.0, reached - _stuffing(case.description_stats) - _keyword_stuffing(case))


# Of brands, categories and search phrases, which a catalog repeats.
@lru_cache(maxsize=1 << 12)
def _stems(text: str) -> frozenset[str]:
    return frozenset(key_stems(text))


def _stuffing(text: TextStats) -> float:
    """10 points for each per cent of a text's key words that its most frequent word has above the limit."""
    most = max(Counter(text.stems).values(), default=0)
    return max(0.0, 1000 * (most / len(text.stems) - STUFFED_SHARE)) if most > STUFFED_TIMES else 0.0


def _keyword_stuffing(case: Case) -> float:
    """Points for search phrases that are repeats, too many, or of no word that the text or the record has."""
    keywords = case.listing.seo_keywords
    phrases = [_stems(keyword) for keyword in keywords[:KEYWORDS_AT_MOST]]
    different = set(phrases)
    strange = [phrase for phrase in different if case.stems.isdisjoint(phrase)]
    if strange:
        known = {stem for text in _record(case.product) for stem in key_stems(text)}
        strange = [phrase for phrase in strange if known.isdisjoint(phrase)]
    return KEYWORD_PENALTY * (len(keywords) - len(different) + len(strange))


def _record(product: Product) -> Iterator[str]:
    yield product.product_name
    yield product.brand or ""
    yield from product.category
    yield from product.attributes.values()
    yield from product.features
    yield product.description

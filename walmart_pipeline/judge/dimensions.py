"""The measures of a listing beside its violations: coverage, readability, search."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from walmart_pipeline.core.records import Dimension
from walmart_pipeline.judge.claims import NumberIndex, number_index
from walmart_pipeline.judge.rules import Case
from walmart_pipeline.text.analysis import TextStats
from walmart_pipeline.text.quantities import Quantity, quantities
from walmart_pipeline.text.tokenizer import distinct_stems, key_stems

# US adults read at grade 7 to 8 on average (Plain Language Action and Information Network); grade 18 is a doctorate.
PLAIN_GRADE, HARDEST_GRADE = 8.0, 18.0
# Longer sentences are hard to follow (GOV.UK style guide). A text's grade hides them: one of 80 words after ten of ten
# words adds no more than 2.5.
LONG_SENTENCE = 25
# A value of many words counts as stated if most of them are: "Stainless Steel and BPA-free Plastic".
STATED_SHARE = 0.6
# Identifiers are shown on the page, not in the text.
IDENTIFIER = re.compile(r"\d{8,14}|[A-Z0-9]+(?:-[A-Z0-9]+)+|https?://\S+")
NO_VALUE = frozenset({"no", "none", "n/a", "na", "false", "0", "does not apply", "not applicable", "unknown", ""})
YES = frozenset({"yes", "true", "y"})
# Of 772 real descriptions with 60 key words or more, 95 % keep their most frequent one below 10.3 % of them.
STUFFED_SHARE = 0.10
# A word this frequent is no stuffing, however short the text.
STUFFED_TIMES = 5
# Writers are asked for ten search phrases at most; a person may write twice as many.
KEYWORDS_AT_MOST = 20
# Points off for each search phrase that is one too many, a repeat, or about something else.
KEYWORD_PENALTY = 5.0


class _Expected(NamedTuple):
    """What a text must contain to state an attribute: these figures, and most of these words."""

    numbers: tuple[Quantity, ...]
    stems: tuple[str, ...]
    words: frozenset[str]
    """The stems without figures."""


def measures(case: Case) -> dict[Dimension, float | None]:
    """Coverage, readability and search of a listing."""
    expected = [each for name, value in case.product.attributes.items() if (each := _expected(name, value))]
    return {"coverage": _coverage(case, expected), "readability": _readability(case), "search": _search(case, expected)}


def _coverage(case: Case, expected: Sequence[_Expected]) -> float | None:
    """Share of the record's attributes whose value the text states; None without attributes that a text could state."""
    if not expected:
        return None
    text = case.listing_text
    stated = number_index(quantity for quantity in text.stated if quantity.start < text.visible_end)
    return 100 * sum([_is_stated(each, case.stems, stated) for each in expected]) / len(expected)


def _is_stated(expected: _Expected, stems: frozenset[str], stated: NumberIndex) -> bool:
    if not all(stated.judge(number) == "supported" for number in expected.numbers):
        return False
    if not expected.stems:
        return bool(expected.numbers)
    return sum([stem in stems for stem in expected.stems]) >= STATED_SHARE * len(expected.stems)


# Catalogs repeat their attributes: 8,192 of them are 7 MB.
@lru_cache(maxsize=1 << 13)
def _expected(name: str, value: str) -> _Expected | None:
    """What a text must contain to state an attribute; None for one without a value that a text could state."""
    plain = value.strip().lower()
    if plain in NO_VALUE or IDENTIFIER.fullmatch(value.strip()):
        return None
    if plain in YES:
        value, numbers = name, []
    else:
        numbers = quantities(value)
        for quantity in reversed(numbers):
            value = value[: quantity.start] + " " + value[quantity.end :]
    stems = key_stems(value)
    return _Expected(tuple(numbers), tuple(stems), frozenset(stem for stem in stems if not stem.isdigit()))


def _readability(case: Case) -> float | None:
    """Ease of reading the description, 0–100; None without words.

    By its Flesch–Kincaid grade, 0.39 words a sentence + 11.8 syllables a word − 15.59 (Kincaid et al. 1975, Navy
    Research Branch 8-75): 100 up to grade 8, falling linearly to 0 at grade 18. Reduced by the share of the words that
    are beyond the 25th of their sentence.
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
    """Share of the words that shoppers search by, less a penalty for stuffing; None without any in the record.

    Key words of the product's name weigh two fifths; those of brand, narrowest category and attributes a fifth each.
    """
    product = case.product
    parts = [
        (weight, words)
        for weight, words in (
            (2, frozenset([stem for stem in case.name_stats.stems if not stem.isdigit()])),
            (1, _stems(product.brand or "")),
            (1, _stems(product.category[-1]) if product.category else frozenset()),
            (1, frozenset().union(*[each.words for each in expected])),
        )
        if words
    ]
    if not parts:
        return None
    found = sum([weight * len(words & case.stems) / len(words) for weight, words in parts])
    reached = 100 * found / sum([weight for weight, _ in parts])
    return max(0.0, reached - _stuffing(case.description_stats) - _keyword_stuffing(case))


# Brands, categories and search phrases repeat in a catalog.
_stems = lru_cache(maxsize=1 << 12)(distinct_stems)


def _stuffing(text: TextStats) -> float:
    """10 points for each per cent of the key words by which the most frequent one exceeds the limit."""
    most = max(Counter(text.stems).values(), default=0)
    return max(0.0, 1000 * (most / len(text.stems) - STUFFED_SHARE)) if most > STUFFED_TIMES else 0.0


def _keyword_stuffing(case: Case) -> float:
    """Points for search phrases that are repeated, too many, or without a word of the text or the record."""
    keywords = case.listing.seo_keywords
    phrases = [_stems(keyword) for keyword in keywords[:KEYWORDS_AT_MOST]]
    distinct = set(phrases)
    unrelated = [phrase for phrase in distinct if case.stems.isdisjoint(phrase)]
    product = case.product
    names = (product.product_name, product.brand or "", *product.category, *product.attributes.values())
    for text in (*names, *product.features, product.description):
        # The names explain most phrases, which spares the long texts.
        if not unrelated:
            break
        record = distinct_stems(text)
        unrelated = [phrase for phrase in unrelated if record.isdisjoint(phrase)]
    return KEYWORD_PENALTY * (len(keywords) - len(distinct) + len(unrelated))

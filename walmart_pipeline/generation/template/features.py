"""Key features and search phrases of a listing."""

from __future__ import annotations

import re
from collections.abc import Callable

from walmart_pipeline.core.records import Product
from walmart_pipeline.generation.template.attributes import Fact
from walmart_pipeline.generation.template.phrases import is_about_the_shop
from walmart_pipeline.generation.template.sentences import SourceText, read
from walmart_pipeline.generation.template.words import (
    FUNCTION_WORDS,
    capitalised,
    content_words,
    is_covered,
    without_shouting,
)

_LEADING_SIGNS = re.compile(r"^(?:\d{1,2}[.)]\s+|[^\w\"'“‘(#.]+)+")
# Walmart's item feed takes seven (contract: feed limits).
_FEED_MOST = 7
# Below this, short sentences of the description are added.
_ENOUGH = 5
# Number of attributes before the headings of the text.
_FACTS_FIRST = 3


def key_features(
    source: SourceText,
    facts: list[Fact],
    stated: list[str],
    *,
    subject: str,
    least: int,
    most: int,
    longest: int,
    acceptable: Callable[[str], bool],
) -> list[str]:
    """Features in order of importance: the source's own, then attributes, headings and short sentences of the text.

    stated: the source's features. longest: characters. No feature repeats another; headings and sentences must share a
    word with `subject` (name, category) or the attributes, unless there are fewer than `least` features.
    """
    chosen: list[str] = []
    covered: list[frozenset[str]] = []
    most = min(most, _FEED_MOST)

    def take(text: str | None, words: frozenset[str] | None = None) -> None:
        words = words if words is not None else content_words(text or "")
        if text and len(chosen) < most and len(text) <= longest and not is_covered(words, covered) and acceptable(text):
            chosen.append(text)
            covered.append(content_words(text))

    about = content_words(subject) | content_words(" ".join(f"{fact.name} {fact.value}" for fact in facts))

    def is_informative(text: str) -> bool:
        words = content_words(text)
        return len(words) > 1 and not words.isdisjoint(about) and not is_about_the_shop(text)

    for feature in stated:
        take(short_form(feature, longest))
    labels = [(fact.label, content_words(fact.value if fact.yes is None else fact.name)) for fact in facts]
    for label, words in labels[:_FACTS_FIRST]:
        take(label, words)
    for heading in [*source.headings, *source.fragments]:
        if is_informative(heading):
            take(capitalised(heading))
    for label, words in labels[_FACTS_FIRST:]:
        take(label, words)
    for sentence in source.sentences:
        if len(chosen) >= _ENOUGH:
            break
        if is_informative(sentence) or (len(chosen) < least and not is_about_the_shop(sentence)):
            take(sentence.rstrip("."))
    return chosen


def short_form(feature: str, longest: int) -> str | None:
    """A feature as a phrase of at most `longest` characters: whole, its heading or its first sentence; else None."""
    whole = _LEADING_SIGNS.sub("", without_shouting(" ".join(feature.split()).rstrip(" -–—*~•.:;!")))
    parts = read(feature)
    if len(whole) <= longest and len(parts.sentences) + len(parts.fragments) + len(parts.attributes) == 1:
        return capitalised(whole)
    for phrase in [*parts.headings, *parts.fragments, *parts.sentences]:
        if len(phrase.rstrip(".")) <= longest:
            return capitalised(phrase.rstrip("."))
    return None


def overlong(stated: list[str], longest: int) -> list[str]:
    """Sentences of features that are too long for a key feature, for the description."""
    return [sentence for feature in stated if len(feature) > longest for sentence in read(feature).sentences]


MOST_KEYWORDS = 10
# Below this, consecutive words of the name are added.
_FEWEST_KEYWORDS = 5
_LONGEST_PHRASE = 4
# Kinds whose value a shopper types before the noun: "stainless steel kettle".
_BEFORE_NOUN = ("material", "color", "size", "capacity", "pattern", "style", "scent", "flavor")
_LISTED = re.compile(r"[,;+%()]|\band\b")
_SPLIT = re.compile(r"\s*(?:[,;:|()\[\]&/]|\s[-–—]\s|\b(?:for|with|and|of|in|by|from|w/)\b)\s*", re.IGNORECASE)


def keywords(product: Product, name: str, noun: str, facts: list[Fact], acceptable: Callable[[str], bool]) -> list[str]:
    """Up to ten lower-case search phrases of one to four words, the most specific first."""
    found: dict[str, None] = {}

    def take(phrase: str) -> None:
        words = phrase.lower().replace(",", "").split()
        clean = " ".join(dict.fromkeys(words)).strip(" .'\"!")
        bare = clean.replace(" ", "")
        if len(bare) < 3 or bare.isdigit() or len(words) > _LONGEST_PHRASE or {words[0], words[-1]} & FUNCTION_WORDS:
            return
        if acceptable(clean):
            found.setdefault(clean)

    parts = [part.lower().split() for part in _SPLIT.split(name) if part]
    holding = next((part for part in parts if noun in part), None)
    narrow = product.category[-1] if product.category else ""
    if holding:
        end = holding.index(noun) + 1
        for length in (2, 3):
            take(" ".join(holding[max(0, end - length) : end]))
        for text in [product.brand or "", *(fact.value for fact in facts if fact.kind.name in _BEFORE_NOUN)]:
            if text and len(text.split()) < 4 and not _LISTED.search(text):
                take(f"{text} {noun}")
    for text in [narrow, product.brand or "", *reversed(product.category[:-1])]:
        if text:
            take(text)
    # a name ends with the thing more often than it begins with it
    ends = [" ".join(part[-length:]) for part in parts[:1] for length in (2, 3) if len(part) >= length]
    pairs = [" ".join(part[at : at + 2]) for part in parts for at in range(len(part) - 1)]
    for pair in [*ends, *(pair for pair in pairs if not any(map(str.isdigit, pair)))]:
        if len(found) >= _FEWEST_KEYWORDS:
            break
        take(pair)
    return list(found)[:MOST_KEYWORDS]

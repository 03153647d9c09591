"""Key features: three to ten short statements, the most important first."""

from __future__ import annotations

import re
from collections.abc import Callable

from walmart_pipeline.generation.template.attributes import Fact
from walmart_pipeline.generation.template.phrases import is_about_the_shop
from walmart_pipeline.generation.template.sentences import SourceText, read
from walmart_pipeline.generation.template.words import calm, capitalised, content_words, says_the_same

_LEADING_SIGNS = re.compile(r"^(?:\d{1,2}[.)]\s+|[^\w\"'“‘(#.]+)+")
# Walmart's item feed takes seven (contract: feed limits).
_FEED_MOST = 7
# Below this, short sentences of the description stand in.
_ENOUGH = 5
# Attributes that go before the headings found in the text; the others fill what is left.
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
    """Features in order of weight: the source's own, then attributes, headings and short sentences of the text.

    stated: the source's features, as they come. longest: characters. No feature says what an earlier one said, and
    a heading or sentence of the text must share a word with `subject` (name, category, attributes), "Feel the
    difference" tells nothing of a product; below `least` any short sentence about the product is taken.
    """
    chosen: list[str] = []
    told: list[frozenset[str]] = []
    most = min(most, _FEED_MOST)

    def take(text: str | None, words: frozenset[str] | None = None) -> None:
        words = words if words is not None else content_words(text or "")
        if text and len(chosen) < most and len(text) <= longest and not says_the_same(words, told) and acceptable(text):
            chosen.append(text)
            told.append(content_words(text))

    about = content_words(subject) | content_words(" ".join(f"{fact.name} {fact.value}" for fact in facts))

    def tells(text: str) -> bool:
        words = content_words(text)
        return len(words) > 1 and not words.isdisjoint(about) and not is_about_the_shop(text)

    for feature in stated:
        take(short_form(feature, longest))
    labels = [(fact.label, content_words(fact.value if fact.yes is None else fact.name)) for fact in facts]
    for label, words in labels[:_FACTS_FIRST]:
        take(label, words)
    for heading in [*source.headings, *source.fragments]:
        if tells(heading):
            take(capitalised(heading))
    for label, words in labels[_FACTS_FIRST:]:
        take(label, words)
    for sentence in source.sentences:
        if len(chosen) >= _ENOUGH:
            break
        if tells(sentence) or (len(chosen) < least and not is_about_the_shop(sentence)):
            take(sentence.rstrip("."))
    return chosen


def short_form(feature: str, longest: int) -> str | None:
    """A feature as a phrase of at most `longest` characters: whole, or its heading, or its first sentence.

    None when only a cut could make it fit.
    """
    whole = _LEADING_SIGNS.sub("", calm(" ".join(feature.split()).rstrip(" -–—*~•.:;!")))
    parts = read(feature)
    if len(whole) <= longest and len(parts.sentences) + len(parts.fragments) + len(parts.attributes) == 1:
        return capitalised(whole)
    for phrase in [*parts.headings, *parts.fragments, *parts.sentences]:
        if len(phrase.rstrip(".")) <= longest:
            return capitalised(phrase.rstrip("."))
    return None


def overlong(stated: list[str], longest: int) -> list[str]:
    """Sentences of the features that are too long for a key feature: they are told in the description."""
    return [sentence for feature in stated if len(feature) > longest for sentence in read(feature).sentences]

"""Search phrases, put together from words of the record alone."""

from __future__ import annotations

import re
from collections.abc import Callable

from walmart_pipeline.core.records import Product
from walmart_pipeline.generation.template.attributes import Fact
from walmart_pipeline.generation.template.words import FUNCTION_WORDS

MOST = 10
# Below this, the name's neighbouring words stand in.
_FEWEST = 5
_LONGEST_PHRASE = 4
# Kinds whose value a shopper types before the noun: "stainless steel kettle".
_BEFORE_NOUN = ("material", "color", "size", "capacity", "pattern", "style", "scent", "flavor")
_LISTED = re.compile(r"[,;+%()]|\band\b")
_SPLIT = re.compile(r"\s*(?:[,;:|()\[\]&/]|\s[-–—]\s|\b(?:for|with|and|of|in|by|from|w/)\b)\s*", re.IGNORECASE)


def keywords(product: Product, name: str, noun: str, facts: list[Fact], acceptable: Callable[[str], bool]) -> list[str]:
    """Up to ten phrases in lower case, each of one to four words, the most particular first.

    name: the cleaned name; noun: what the product is called, where the name has that word.
    """
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
        if len(found) >= _FEWEST:
            break
        take(pair)
    return list(found)[:MOST]

"""Groups variants of a product into families: their texts may be alike, and they are never split between sets.

The two errors differ in cost. Two products wrongly taken for one family only share a split; a missed variant leaks its
text from training into test. So words that often distinguish variants are ignored even if they are sometimes part of a
name, and so are words with digits: an iPhone 12 and an iPhone 13 have near-copies for texts and are one family.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from walmart_pipeline.core.files import read_yaml
from walmart_pipeline.core.records import content_hash

_WORDS: Mapping[str, Any] = read_yaml(Path(__file__).parent / "families.yaml")
VARYING_WORDS = frozenset(f"{_WORDS['colours']} {_WORDS['sizes']}".split())
_VARYING_ATTRIBUTES = frozenset(_WORDS["attributes"])
_UNITS = "|".join(_WORDS["units"].split(", "))
_AMOUNT = re.compile(
    rf"(?:\b(?:pack|set|case|box|count|bag)s?\s+of\s+)?\b\d+(?:[.,/]\d+)*\+?(?:[\s-]*(?:{_UNITS})\b)?['\"”″]?"
)
_WORD = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"\d")


def family(product_name: str, brand: str | None, attributes: Mapping[str, str] | None = None) -> str:
    """Hash (32 hex digits) that variants share: of brand and name without size, colour, count and words with digits.

    attributes: of the record; the values of varying ones are ignored in the name too.
    The order of the words, case, accents, punctuation and a plural s do not matter, nor whether the name repeats the
    brand. A name of ignored words alone (a colour, a part number) is used as it is.
    """
    brand_words = _words(brand or "")
    shared = _shared_words(product_name)
    for name, value in (attributes or {}).items():
        if name.casefold() in _VARYING_ATTRIBUTES:
            shared -= _words(value)
    if shared <= brand_words:
        shared = {*_words(product_name)}
    return content_hash(sorted(shared | brand_words))


def _shared_words(text: str) -> set[str]:
    """The words that variants share."""
    normalized = _normalized(text)
    if _DIGIT.search(normalized):
        normalized = _AMOUNT.sub(" ", normalized)
    return {shared for word in _WORD.findall(normalized) if (shared := _shared(word))}


@lru_cache(maxsize=1 << 13)
def _shared(word: str) -> str | None:
    """The singular of a word that variants share; None for one that may distinguish them."""
    return None if word in VARYING_WORDS or _DIGIT.search(word) else _singular(word)


# Brands and colours repeat in a catalog.
@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(_singular(word) for word in _WORD.findall(_normalized(text)))


def _normalized(text: str) -> str:
    """The text in lower case without accents, apostrophes and compatibility forms such as full-width letters."""
    lower = text.casefold().replace("'", "").replace("’", "")
    if lower.isascii():
        return lower
    decomposed = unicodedata.normalize("NFKD", lower)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _singular(word: str) -> str:
    """The word without a final s; short words (gas, bus) keep it."""
    return word[:-1] if len(word) > 3 and word.endswith("s") else word

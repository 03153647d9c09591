"""Which products are variants of one another: their texts may be alike, and training and test never divide them.

The two errors do not cost the same. Two products wrongly taken for one family only stand on the same split; a variant
that is missed leaks its text from training into the test. So a word that often tells variants apart is left out even
where it sometimes is part of a name, and so is every word with a digit: an iPhone 12 and an iPhone 13, or two part
numbers of one cable, have near-copies for texts and are one family.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from walmart_pipeline.core.records import content_hash

_WORDS: Mapping[str, Any] = yaml.safe_load((Path(__file__).parent / "families.yaml").read_text(encoding="utf-8"))
VARYING_WORDS = frozenset(f"{_WORDS['colours']} {_WORDS['sizes']}".split())
_VARYING_ATTRIBUTES = frozenset(_WORDS["attributes"])
_UNITS = "|".join(_WORDS["units"].split(", "))
_AMOUNT = re.compile(
    rf"(?:\b(?:pack|set|case|box|count|bag)s?\s+of\s+)?\b\d+(?:[.,/]\d+)*\+?(?:[\s-]*(?:{_UNITS})\b)?['\"”″]?"
)
_WORD = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"\d")


def family(product_name: str, brand: str | None, attributes: Mapping[str, str] | None = None) -> str:
    """32 hex digits that variants of a product share: brand and name without size, colour, count and words with digits.

    attributes: of the record; the words of those that vary are left out of the name too.
    The order of the words, capitals, accents, punctuation and a plural s do not matter, nor whether the brand stands
    in the name too. A name that holds nothing else (a colour, a part number) is taken as it is.
    """
    brand_words = _words(brand or "")
    kept = _kept(product_name)
    for name, value in (attributes or {}).items():
        if name.casefold() in _VARYING_ATTRIBUTES:
            kept -= _words(value)
    if kept <= brand_words:
        kept = {*_words(product_name)}
    return content_hash(sorted(kept | brand_words))


def _kept(text: str) -> set[str]:
    """The words that variants share."""
    plain = _plain(text)
    if _DIGIT.search(plain):
        plain = _AMOUNT.sub(" ", plain)
    return {kept for word in _WORD.findall(plain) if (kept := _shared(word))}


@lru_cache(maxsize=1 << 13)
def _shared(word: str) -> str | None:
    """A word as variants share it; None for one that may tell them apart."""
    return None if word in VARYING_WORDS or _DIGIT.search(word) else _singular(word)


# Of brands and colours, which a catalog repeats.
@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(_singular(word) for word in _WORD.findall(_plain(text)))


def _plain(text: str) -> str:
    """Lower case without accents and apostrophes; full-width and other compatibility forms made plain."""
    lower = text.casefold().replace("'", "").replace("’", "")
    if lower.isascii():
        return lower
    decomposed = unicodedata.normalize("NFKD", lower)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _singular(word: str) -> str:
    """Without a final s; short words (gas, bus) keep it."""
    return word[:-1] if len(word) > 3 and word.endswith("s") else word

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

from walmart_pipeline.core.records import content_hash

# The eleven basic colour terms of English (Berlin and Kay 1969), then the shade names of retail catalogs, then the
# words that only qualify a colour. Flavours and scents of the same name (orange, lavender) go with them.
COLOURS = frozenset(
    """
    black white red green yellow blue brown purple pink orange gray grey

    amber aqua azure beige blush bronze burgundy camel champagne charcoal chrome cobalt copper coral cream crimson cyan
    denim ebony ecru emerald espresso fuchsia gold golden graphite indigo ivory khaki lavender lilac lime magenta
    maroon mauve mint mocha multicolor multicolour multicolored mustard natural navy nude olive peach pearl periwinkle
    platinum plum rainbow rose ruby rust sage salmon sapphire scarlet silver slate tan taupe teal terracotta titanium
    transparent turquoise vanilla violet walnut wine

    assorted bright clear color colour colored coloured dark deep glossy heather light matte metallic neon pale pastel
    """.split()
)

# Sizes without a number: clothing, beds, packs.
SIZES = frozenset(
    """
    xxs xs s m l xl xxl xxxl x small medium large extra big mini jumbo size sizes oversized plus regular
    twin full queen king california toddler
    single double triple pack packs count piece pieces set sets bundle value family bulk
    """.split()
)

# Dropped only straight after a number, since some are words of their own elsewhere ("in", "can").
UNITS = (
    "inches|inch|in|feet|foot|ft|yards|yard|yd|mm|cm|m|meters|meter|h|w|d|l|"
    "fl oz|fluid ounces|fluid ounce|ounces|ounce|oz|pounds|pound|lbs|lb|kg|grams|gram|gr|g|mg|mcg|iu|"
    "liters|liter|litres|litre|ml|gallons|gallon|gal|quarts|quart|qt|pints|pint|cups|cup|"
    "packs|pack|pk|pks|counts|count|ct|pieces|piece|pcs|pc|dozen|doz|pairs|pair|rolls|roll|sheets|sheet|boxes|box|"
    "bottles|bottle|cans|can|bags|bag|tablets|capsules|servings|"
    "gb|tb|mb|ghz|mhz|hz|watts|watt|volts|volt|v|amps|amp|mah|btu|gsm|degrees|percent|"
    "years|year|yr|months|month|mo|t"
)
_AMOUNT = re.compile(
    rf"(?:\b(?:pack|set|case|box|count|bag)s?\s+of\s+)?\b\d+(?:[.,/]\d+)*\+?(?:[\s-]*(?:{UNITS})\b)?['\"”″]?"
)
_WORD = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"\d")


# Attributes in which variants differ, as feeds name them: what they say is no part of the family's name, so that a
# colour that no list knows ("Oat", "Juniper") does not divide a family.
VARYING = frozenset(("color", "colour", "size", "count", "count per pack", "pack size", "flavor", "scent", "pattern"))


def family(product_name: str, brand: str | None, attributes: Mapping[str, str] | None = None) -> str:
    """32 hex digits that variants of a product share: brand and name without size, colour, count and words with digits.

    attributes: of the record; the words of those in VARYING are left out of the name too.
    The order of the words, capitals, accents, punctuation and a plural s do not matter, nor whether the brand stands
    in the name too. A name that holds nothing else (a colour, a part number) is taken as it is.
    """
    brand_words = _words(brand or "")
    kept = _kept(product_name)
    for name, value in (attributes or {}).items():
        if name.casefold() in VARYING:
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
    return None if word in COLOURS or word in SIZES or _DIGIT.search(word) else _singular(word)


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

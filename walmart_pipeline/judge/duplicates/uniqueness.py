"""MinHash signatures of texts and the uniqueness score.

Key features and description are compared, without figures and the words of the product's name and brand: a template in
which only these are swapped is a copy. Similarity is the Jaccard index of word triples. The nearest text of another
family has, at the 50th, 75th and 90th percentile, a similarity of 0.12, 0.14 and 0.49 among the sample's 262 composed
texts; 0.05, 0.39 and 0.89 among 534 composed from real records; 0.03, 0.37 and 0.92 (sellers' boilerplate) among 829
texts of real records. Original texts of different products stay below 0.5, so up to there similarity costs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from walmart_pipeline.core.records import Record
from walmart_pipeline.judge.duplicates.families import family

if TYPE_CHECKING:
    from walmart_pipeline.judge.rules import Case
    from walmart_pipeline.text.analysis import TextStats

# Words of a shingle. With two, common phrases make different products similar (0.59 at the sample's 90th percentile);
# with five, one changed word in every other sentence hides a copy.
SHINGLE = 3
# The similarity up to which a text is wholly its own.
TOLERATED = 0.5
# The last four bits of 64 minima are stored, 32 bytes a text: the standard error of a similarity of 0.8 is 0.05, as
# with 64 whole ones. Twice as many would reduce it to 0.04 and take 10 µs more.
PERMUTATIONS, BITS = 64, 4
# Two texts are compared when all four minima of one of sixteen bands agree: that finds 64, 89, 99 and 99.98 % of
# the pairs with a similarity of 0.5, 0.6, 0.7 and 0.8.
BANDS = 16


class Signature(Record):
    """Signature of a text.

    family: the product's. text_key: 64-bit hash of all that a shopper reads. bands: 64-bit keys; texts that share one
    are compared. bits: the last bit of all 64 minima, then the last but one of all, and so on.
    """

    family: str
    text_key: int
    bands: list[int]
    bits: list[int]


def measure(similarity: float) -> float:
    """Uniqueness by the similarity (0–1) of the nearest copy: 100 up to 0.5, falling linearly to 0 at 1."""
    return round(100.0 * min(1.0, (1.0 - similarity) / (1.0 - TOLERATED)), 1)


def signature(case: Case) -> Signature | None:
    """The signature of a listing's text; None for one with too few words of its own to compare."""
    words = own_words([case.name_stats, case.brand_stats], [*case.feature_stats, case.description_stats])
    if len(words) < SHINGLE:
        return None
    minima = _minima(words)
    halves = minima.view(np.uint64).reshape(BANDS, 2)
    factors, salts = _band_keys()
    bands = halves[:, 0] * factors[0] + halves[:, 1] * factors[1] + salts
    bits = np.packbits(minima >> np.arange(BITS, dtype=np.uint32)[:, None] & 1, axis=-1).view(np.uint64)
    product, text = case.product, case.listing_text
    shown = text.text[: text.visible_end].encode("utf-8", "surrogatepass")
    return Signature(
        family=family(product.product_name, product.brand, product.attributes),
        text_key=int.from_bytes(hashlib.blake2b(shown, digest_size=8).digest(), "little"),
        bands=bands.tolist(),
        bits=bits.ravel().tolist(),
    )


def own_words(names: Iterable[TextStats], texts: Iterable[TextStats]) -> list[str]:
    """The words of texts without figures and without the words of these names."""
    named = {word for name in names for word in name.words}
    return [word for text in texts for word in text.words if word not in named and not _has_digit(word)]


def word_triples(words: Sequence[str]) -> set[tuple[str, ...]]:
    """All sequences of three words."""
    return set(zip(*(words[place:] for place in range(SHINGLE)), strict=False))


def _minima(words: Sequence[str]) -> NDArray[np.uint32]:
    """The minimum over all shingles under each permutation.

    The scheme is datasketch's affine32: a·h + b modulo 2³², a odd, of a hash that is mixed first.
    """
    factors, a, b = _permutations()
    hashes = np.fromiter(map(_hash, words), dtype=np.uint32, count=len(words))
    number = len(words) - SHINGLE + 1
    combined = np.zeros(number, dtype=np.uint32)
    for place, factor in enumerate(factors):
        combined += hashes[place : place + number] * factor
    mixed = _mixed(combined)
    permuted = a[:, None] * mixed
    permuted += b[:, None]
    minima: NDArray[np.uint32] = np.minimum.reduce(permuted, axis=1)
    return minima


@lru_cache(maxsize=1 << 15)
def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


@lru_cache(maxsize=1 << 15)
def _hash(word: str) -> int:
    """32-bit hash of a word, the same on every machine."""
    digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=5).digest()
    return int.from_bytes(digest[:4], "little")


def _mixed(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """MurmurHash3's finalizer: every bit of the input reaches every bit of the output."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))


@cache
def _permutations() -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32]]:
    """Factors of a shingle's words, and a and b of each permutation."""
    drawn = np.frombuffer(_drawn("permutations", 4 * (SHINGLE + 2 * PERMUTATIONS)), dtype=np.uint32)
    factors, a, b = np.split(drawn, [SHINGLE, SHINGLE + PERMUTATIONS])
    odd = np.uint32(1)
    return factors | odd, a | odd, b


@cache
def _band_keys() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Two factors for the halves of a band, and a salt for each band."""
    drawn = np.frombuffer(_drawn("bands", 8 * (2 + BANDS)), dtype=np.uint64)
    return drawn[:2] | np.uint64(1), drawn[2:]


def _drawn(name: str, size: int) -> bytes:
    """Pseudo-random bytes, the same on every machine and with every version of numpy."""
    return hashlib.shake_128(name.encode()).digest(size)

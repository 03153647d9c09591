"""How much a listing is like others: the signature of a text, and what a likeness costs.

Belongs here: which words count, the signature (MinHash), and the measure. Does not: looking for copies (nearest.py).

Compared are the key features and the description, without the words of the product's name and brand and without
figures: a template in which only these are swapped is a copy. What is left is taken three words at a time. By the exact
Jaccard index of these triples, the nearest text of another family is so similar, at 50, 75 and 90 % of the texts:
the sample's 262 composed texts 0.12, 0.14, 0.49; 534 composed from real records 0.05, 0.39, 0.89; 829 texts of real
records as they are 0.03, 0.37, 0.92, the last being sellers' boilerplate. Honest texts of different products stay below
0.5, so up to there likeness costs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from walmart_pipeline.judge.duplicates.families import family
from walmart_pipeline.text import hash_slots
from walmart_pipeline.text.analysis import FIGURE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from walmart_pipeline.judge.rules import Case
    from walmart_pipeline.text.analysis import Cut

# Words taken together. With two, phrases that any text has make different products alike (0.59 at 90 % of the sample);
# with five, a word changed in every other sentence hides a copy.
SHINGLE = 3
# The similarity up to which a text is wholly its own.
TOLERATED = 0.5
# Of 64 minima the last four bits are kept, 32 bytes a text: that tells the similarity of a pair to 0.05 (one standard
# error at 0.8), as 64 whole ones would. Twice as many would tell it to 0.04 and take 10 µs more.
PERMUTATIONS, BITS = 64, 4
# Two texts are compared when all four minima of one of sixteen bands agree: that finds 64, 89, 99 and 99.98 % of
# the pairs with a similarity of 0.5, 0.6, 0.7 and 0.8.
BANDS = 16


class Signature(NamedTuple):
    """What is kept of a text to compare it.

    family: the product's. text_key: 64 bits of all that a shopper reads. bands: 64-bit keys; texts that share one are
    worth comparing. bits: the last bit of all 64 minima, the last but one of all, and so on.
    """

    family: str
    text_key: int
    bands: list[int]
    bits: list[int]


def measure(similarity: float) -> float:
    """Uniqueness of a text whose nearest copy is so similar (0–1): 100 up to 0.5, evenly down to 0 for a whole copy."""
    return round(100.0 * min(1.0, (1.0 - similarity) / (1.0 - TOLERATED)), 1)


def signatures(cases: Sequence[Case]) -> list[Signature | None]:
    """The signature of each listing's text; None for one that has too few words of its own to compare.

    What numpy does fast with much and slowly with little is done for all texts at once: a hundred together take less
    than half the time.
    """
    import numpy as np

    row, lengths = _own_words(cases)
    minima = _minima(row, lengths)
    halves = minima.view(np.uint64).reshape(-1, BANDS, 2)
    factors, salts = _band_keys()
    bands = (halves[:, :, 0] * factors[0] + halves[:, :, 1] * factors[1] + salts).tolist()
    bits = np.packbits(minima[:, None, :] >> _places() & 1, axis=-1).view(np.uint64).reshape(-1, BITS).tolist()
    return [
        _named(case, *kept) if length >= SHINGLE else None
        for case, length, *kept in zip(cases, lengths, bands, bits, strict=True)
    ]


def _own_words(cases: Sequence[Case]) -> tuple[NDArray[np.uint32], list[int]]:
    """Hashes of the words of each text that are neither figures nor of the product's name or brand.

    Those of all texts in one row, and how many each text has.
    """
    import numpy as np

    told, of_told = _joined([[*case.feature_cuts, case.description_cut] for case in cases])
    named, of_named = _joined([[case.name_cut, case.brand_cut] for case in cases])
    own = (told != FIGURE) & ~hash_slots.among(told | of_told << np.uint64(32), named | of_named << np.uint64(32))
    return told[own].astype(np.uint32), np.bincount(of_told[own].astype(np.int64), minlength=len(cases)).tolist()


def _joined(parts: Sequence[Sequence[Cut]]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Hashes of the words of these parts of each case, and of which case each is."""
    import numpy as np

    words = [sum([cut.words for cut in cuts]) for cuts in parts]
    hashes = np.concatenate([np.empty(0, dtype=np.uint32), *(cut.hashes for cuts in parts for cut in cuts)])
    return hashes.astype(np.uint64), np.repeat(np.arange(len(parts), dtype=np.uint64), words)


def _named(case: Case, bands: list[int], bits: list[int]) -> Signature:
    product, text = case.product, case.listing_text
    read = text.text[: text.read].encode("utf-8", "surrogatepass")
    return Signature(
        family=family(product.product_name, product.brand, product.attributes),
        text_key=int.from_bytes(hashlib.blake2b(read, digest_size=8).digest(), "little"),
        bands=bands,
        bits=bits,
    )


def _minima(row: NDArray[np.uint32], lengths: Sequence[int]) -> NDArray[np.uint32]:
    """The least value of any shingle under each permutation, a row for each text; zeros for a text without a shingle.

    The scheme is datasketch's affine32: a·h + b modulo 2³², a odd, of a hash that is mixed first. Its own MinHash takes
    its hashes one by one as Python objects: 42 µs for 160 shingles, so 14.
    """
    import numpy as np

    factors, a, b = _permutations()
    # Those that reach from one text into the next are made too, and passed over.
    shingles = row[: max(0, len(row) - SHINGLE + 1)] * factors[0]
    for place in range(1, SHINGLE):
        shingles += row[place : place + len(shingles)] * factors[place]
    mixed = _mixed(shingles)[:, None]
    minima = np.zeros((len(lengths), PERMUTATIONS), dtype=np.uint32)
    # Adding whole arrays takes half the time of adding a row to each row.
    added = np.tile(b, (max(lengths, default=0), 1))
    start = 0
    for least, length in zip(minima, lengths, strict=True):
        if length >= SHINGLE:
            values = mixed[start : start + length - SHINGLE + 1] * a
            values += added[: len(values)]
            values.min(axis=0, out=least)
        start += length
    return minima


def _mixed(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """MurmurHash3's finalizer: every bit of the input reaches every bit of the output."""
    first, second, half, less = _mixers()
    values = values ^ (values >> half)
    values = values * first
    values = values ^ (values >> less)
    values = values * second
    return values ^ (values >> half)


@cache
def _mixers() -> tuple[np.uint32, np.uint32, np.uint32, np.uint32]:
    import numpy as np

    return np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35), np.uint32(16), np.uint32(13)


@cache
def _permutations() -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32]]:
    """Factors of a shingle's words, and a and b of each permutation."""
    import numpy as np

    drawn = np.frombuffer(_drawn("permutations", 4 * (SHINGLE + 2 * PERMUTATIONS)), dtype=np.uint32)
    factors, a, b = np.split(drawn, [SHINGLE, SHINGLE + PERMUTATIONS])
    odd = np.uint32(1)
    return factors | odd, a | odd, b


@cache
def _places() -> NDArray[np.uint32]:
    """Which bits are kept, one a row."""
    import numpy as np

    return np.arange(BITS, dtype=np.uint32)[:, None]


@cache
def _band_keys() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Two factors for the halves of a band, and what tells the bands apart."""
    import numpy as np

    drawn = np.frombuffer(_drawn("bands", 8 * (2 + BANDS)), dtype=np.uint64)
    return drawn[:2] | np.uint64(1), drawn[2:]


def _drawn(name: str, size: int) -> bytes:
    """Bytes that are the same on every machine and with every version of numpy."""
    return hashlib.shake_128(name.encode()).digest(size)

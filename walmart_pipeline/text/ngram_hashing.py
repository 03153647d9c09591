"""Hashes the words and characters of many short texts at once, as features of a linear model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# Lengths of character n-grams. Words, pairs of words and the first word are features too.
CHARACTERS = (3, 4, 5)
# Longer texts are cut: their beginning shows what they are.
MOST_CHARS = 400
# Texts at a time: 96,000 sentences a second with 256, 25,000 with 16,000, which do not fit the processor's cache.
BATCH = 256
_SPACES = re.compile(r"\s+")
_BASE = 0x9E3779B97F4A7C15
# An odd number has an inverse modulo 2**64, so the hash of a span follows from two running sums.
_INVERSE = pow(_BASE, -1, 1 << 64)
_END = ord("\n")
_ALPHABET = np.arange(256, dtype=np.uint8)
_ALPHABET[ord("0") : ord("9") + 1] = ord("0")
# Letters and digits in UTF-8, and the marks of questions and exclamations.
_WORD_BYTES = np.array([byte >= 128 or chr(byte).isalnum() or chr(byte) in "'?!" for byte in range(256)])


class Features(NamedTuple):
    """Features of texts: text `rows[k]` has the feature `numbers[k]`; text `i` has `counts[i]` of them."""

    rows: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


def batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the texts in batches of the size that `hashed` handles fastest."""
    for start in range(0, len(texts), BATCH):
        yield texts[start : start + BATCH]


def hashed(texts: Sequence[str], bits: int) -> Features:
    """Return the features of each text, numbered from 0 to 2**bits - 1; all digits are the same character."""
    joined = "".join(f" {_SPACES.sub(' ', text[:MOST_CHARS]).strip().lower()} \n" for text in texts)
    raw = np.frombuffer(joined.encode("utf-8", "replace"), dtype=np.uint8)
    chars = _ALPHABET[raw].astype(np.uint64)
    ends = raw == _END
    row_of = np.cumsum(ends) - ends
    rows, hashes = [], []
    for length in CHARACTERS:
        gram = np.zeros(max(0, len(chars) - length + 1), dtype=np.uint64)
        for place in range(length):
            gram = gram * np.uint64(_BASE) + chars[place : place + len(gram)]
        within = (row_of[: len(gram)] == row_of[length - 1 :]) & ~ends[length - 1 :]
        rows.append(row_of[: len(gram)][within])
        hashes.append(gram[within] + np.uint64(length))
    word_rows, words = _words(chars, raw, row_of)
    first = np.ones(len(words), dtype=bool)
    first[1:] = word_rows[1:] != word_rows[:-1]
    pairs = words[:-1] * np.uint64(_BASE) + words[1:] * np.uint64(3)
    rows += [word_rows, word_rows[1:][~first[1:]], word_rows[first]]
    hashes += [words, pairs[~first[1:]], words[first] * np.uint64(5)]
    all_rows = np.concatenate(rows)
    numbers = _mixed(np.concatenate(hashes)) >> np.uint64(64 - bits)
    return Features(all_rows, numbers.astype(np.int64), np.bincount(all_rows, minlength=len(texts)))


def _words(
    chars: npt.NDArray[np.uint64], raw: npt.NDArray[np.uint8], row_of: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """The text and the hash of each word."""
    edges = np.diff(_WORD_BYTES[raw].astype(np.int8), prepend=0, append=0)
    start, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    sums = np.zeros(len(chars) + 1, dtype=np.uint64)
    np.cumsum(chars * _powers(_BASE, len(chars)), out=sums[1:])
    return row_of[start], (sums[end] - sums[start]) * _powers(_INVERSE, len(chars) + 1)[start] + np.uint64(7)


def _powers(base: int, count: int) -> npt.NDArray[np.uint64]:
    powers = np.full(count, base, dtype=np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, dtype=np.uint64)


def _mixed(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Spread each bit of a hash over all others (the finalizer of MurmurHash3)."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        hashes = (hashes ^ (hashes >> np.uint64(33))) * np.uint64(factor)
    return hashes ^ (hashes >> np.uint64(33))

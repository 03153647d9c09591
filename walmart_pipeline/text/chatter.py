"""Tells what a supplier says to customers (contact us, reviews, gifts, slogans) from what it says of the product.

A logistic regression over hashed n-grams; `walmart-pipeline bench chatter` measures it and trains it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from walmart_pipeline.text import ngram_hashing

WEIGHTS = Path(__file__).with_name("chatter.npz")
BITS = 16
# Inverse of the regularization: the best of 10, 30, 100 and 300 by average precision in cross-validation (0.80).
INVERSE_REGULARIZATION = 100.0
# On 1,149 sentences of products of three real catalogs that were not trained on, 206 of them chatter: precision 0.78
# (0.71 to 0.84), recall 0.63 (0.56 to 0.69), 4 % of what is said of a product taken for chatter. What is missed is
# mostly slogans and reviews; of sentences about orders, sizes, service and gifts 0.84 are found.
THRESHOLD = 0.4


class Weights(NamedTuple):
    """A fitted model: one weight for each hashed feature, in units of `scale`."""

    values: npt.NDArray[np.int8]
    scale: float
    bias: float


def probability(sentences: Sequence[str], weights: Weights | None = None) -> list[float]:
    """Return the probability of each sentence to be chatter. Many at once are handled fastest.

    weights: of another model than the one that ships.
    """
    weights = weights or _weights()
    found: list[float] = []
    for batch in ngram_hashing.batches(sentences):
        features = ngram_hashing.hashed(batch, BITS)
        sums = np.bincount(features.rows, weights=weights.values[features.numbers], minlength=len(batch))
        odds = weights.bias + weights.scale * sums / np.sqrt(np.maximum(features.counts, 1))
        found += (1 / (1 + np.exp(-odds))).tolist()
    return found


def is_chatter(sentences: Sequence[str]) -> list[bool]:
    """Return whether each sentence is chatter, more probably than THRESHOLD."""
    return [found > THRESHOLD for found in probability(sentences)]


def fit(sentences: Sequence[str], labels: Sequence[bool]) -> Weights:
    """Fit a model to labelled sentences; the same input gives the same weights."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    features = ngram_hashing.hashed(sentences, BITS)
    values = 1 / np.sqrt(features.counts)[features.rows]
    matrix = csr_matrix((values, (features.rows, features.numbers)), shape=(len(sentences), 1 << BITS))
    model = LogisticRegression(C=INVERSE_REGULARIZATION, max_iter=2000).fit(matrix, np.array(labels))
    scale = float(np.abs(model.coef_).max()) / 127
    return Weights(np.round(model.coef_[0] / scale).astype(np.int8), scale, float(model.intercept_[0]))


def save(weights: Weights, path: Path = WEIGHTS) -> None:
    """Write a model's file."""
    np.savez_compressed(path, values=weights.values, scale=weights.scale, bias=weights.bias)


@cache
def _weights() -> Weights:
    with np.load(WEIGHTS) as file:
        return Weights(file["values"], float(file["scale"]), float(file["bias"]))

"""Divides a record into passages, and finds those that a statement of a listing can be checked against."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from functools import cached_property

from walmart_pipeline.core.records import Product
from walmart_pipeline.text import sentences, tokenizer

# A longer passage is text without punctuation: it is divided, so that the encoder sees the part that matters.
MAX_WORDS = 28
BEST = 3


class Passages:
    """A record's name, brand, category, attributes, features and sentences, one passage each."""

    def __init__(self, product: Product) -> None:
        self.texts = list(dict.fromkeys(_texts(product)))
        self.name = product.product_name

    @cached_property
    def _stems(self) -> list[frozenset[str]]:
        return list(map(tokenizer.distinct_stems, self.texts))

    @cached_property
    def _weight(self) -> dict[str, float]:
        """Rarity of each stem among the passages."""
        frequency = Counter(stem for stems in self._stems for stem in stems)
        return {stem: math.log(1 + len(self.texts) / count) for stem, count in frequency.items()}

    def best(self, statement: str, most: int = BEST) -> list[str]:
        """The passages that share the most and rarest stems with a statement, best first."""
        wanted = tokenizer.distinct_stems(statement)
        # The order of a set changes from process to process, and with it a plain sum.
        scores = [math.fsum(self._weight[stem] for stem in wanted & stems) for stems in self._stems]
        order = sorted(range(len(scores)), key=lambda place: -scores[place])
        return [self.texts[place] for place in order[:most] if scores[place] > 0]

    def premise(self, statement: str) -> str:
        """What the cross-encoder reads beside a statement: the product's name, then the best passages."""
        return " | ".join(dict.fromkeys([self.name, *self.best(statement)]))


def _texts(product: Product) -> Iterator[str]:
    yield product.product_name
    if product.brand:
        yield f"Brand: {product.brand}"
    if product.category:
        yield f"Category: {' > '.join(product.category)}"
    for name, value in product.attributes.items():
        yield f"{name}: {value}"
    for name, values in product.options.items():
        yield f"{name} options: {', '.join(values)}"
    for text in (*product.features, product.description):
        for sentence in sentences.split(text):
            yield from _divided(sentence)


def _divided(sentence: str) -> Iterator[str]:
    """Parts of at most MAX_WORDS words, each beginning with the last 7 words of the one before."""
    words = sentence.split()
    if len(words) <= MAX_WORDS:
        yield sentence
        return
    for first in range(0, len(words) - 7, MAX_WORDS - 7):
        yield " ".join(words[first : first + MAX_WORDS])

"""What a record says of its product in prose, without what its supplier says to customers.

The prompt, the template writer and the judge read a record's features and description through it, so that none of them
quotes what another one leaves out. `Product.description` keeps the source's own text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from walmart_pipeline.core.records import Product
from walmart_pipeline.text import chatter, mending, sentences

# Emoji and list marks stand between sentences, as do headings in brackets; `??` is an emoji that a feed lost.
_MARK = re.compile(
    r"\s*[\u2022\u2300-\u27bf\u2b00-\u2bff\u25a0-\u25ff\ufe0f\U0001f000-\U0001faff]+[\s:,.!-]*"
    r"|(?:(?<=[\s.!])|^)\?{2,}\s*|(?=【)"
)


class SourceSentence(NamedTuple):
    """A sentence of a record. quotable: whether it may be copied, because it lost nothing on its way."""

    text: str
    quotable: bool


class SourceText(NamedTuple):
    """The sentences of a record's features, and of each line of its description; no list is empty."""

    features: list[list[SourceSentence]]
    description: list[list[SourceSentence]]

    @property
    def feature_lines(self) -> list[str]:
        """Each feature as one text."""
        return [" ".join(sentence.text for sentence in feature) for feature in self.features]

    @property
    def lines(self) -> list[str]:
        """Each line of the description as one text."""
        return [" ".join(sentence.text for sentence in line) for line in self.description]


# A product is asked for by the judge, the writer and the prompt in turn.
@lru_cache(maxsize=256)
def _of(features: tuple[str, ...], description: str) -> SourceText:
    lines = description.splitlines()
    parts = [list(divided(text)) for text in [*features, *lines]]
    flags = iter(chatter.is_chatter([sentence for text in parts for sentence in text]))
    kept = [
        [SourceSentence(sentence, not mending.is_damaged(sentence)) for sentence in text if not next(flags)]
        for text in parts
    ]
    return SourceText(_filled(kept[: len(features)]), _filled(kept[len(features) :]))


def source_text(product: Product) -> SourceText:
    """Return what a record's features and description say of the product."""
    return _of(tuple(product.features), product.description)


def is_disputed(product: Product, text: str) -> bool:
    """Return whether a text states a value that the record contradicts itself on."""
    values = [value for given in product.conflicts.values() for value in given]
    return any(re.search(rf"(?<![\w.]){re.escape(value)}(?!\w)", text, re.IGNORECASE) for value in values)


def divided(text: str) -> Iterator[str]:
    """Yield the sentences of a line or feature; emoji, list marks and headings in brackets divide them too."""
    for part in _MARK.split(text):
        yield from sentences.split(part)


def _filled(texts: Iterable[list[SourceSentence]]) -> list[list[SourceSentence]]:
    return [text for text in texts if text]

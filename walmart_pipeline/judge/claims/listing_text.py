"""A listing prepared for the search for claims, and the claims found in it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple, TypeAlias

from walmart_pipeline.core.records import Listing
from walmart_pipeline.judge.claims.vocabulary import Term, longest, vocabulary
from walmart_pipeline.judge.claims.words import BETWEEN
from walmart_pipeline.text import sentences, tokenizer
from walmart_pipeline.text.quantities import Quantity, quantities
from walmart_pipeline.text.word_search import search_text

ClaimStatus: TypeAlias = Literal["supported", "unsupported", "contradicted"]
Subject: TypeAlias = Literal["number", "brand", "attribute", "claim"]

# A false statement weighs as much as three unsupported ones.
CONTRADICTION_WEIGHT = 3


class Claim(NamedTuple):
    """A claim of a listing, its span in ListingText.text, and its status against the record.

    subject: the rule is "grounding." and this word. source_has: what a contradicting record states instead.
    """

    subject: Subject
    start: int
    end: int
    status: ClaimStatus
    source_has: tuple[str, ...] = ()
    logit: float = 0.0
    hint: bool = False


class Found(NamedTuple):
    """A claim of a listing before its context is weighed. kind: of its unit, of its term, or "word"."""

    claim: Claim
    kind: str
    value: float = 0.0
    closeness: float = 0.0


def support(claims: Iterable[Claim]) -> float | None:
    """Share of supported claims, 0–100, contradicted ones counted three times; None without claims."""
    supported = weight = 0
    for claim in claims:
        supported += claim.status == "supported"
        weight += CONTRADICTION_WEIGHT if claim.status == "contradicted" else 1
    return 100 * supported / weight if weight else None


KEYWORDS = "seo_keywords"


class ListingText:
    """The fields of a listing, (name, text) each, joined: one long text is searched faster than many short ones.

    fields: keywords come last. visible_end: end of the text that a shopper reads.
    """

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self.fields = fields
        self.text = BETWEEN.join([text for _, text in fields])
        self.normalized = tokenizer.normalized(self.text)
        self.starts: list[int] = []
        self.visible_end = start = 0
        for name, text in fields:
            self.starts.append(start)
            start += len(text) + len(BETWEEN)
            if not name.startswith(KEYWORDS):
                self.visible_end = start

    @cached_property
    def search_text(self) -> str:
        """The text for exact search, see word_search.search_text."""
        return search_text(self.text)

    @cached_property
    def stated(self) -> list[Quantity]:
        """Each number of all fields, with its span in the text."""
        return quantities(self.text, counted=True)

    @cached_property
    def terms(self) -> list[tuple[int, int, tuple[Term, ...]]]:
        """Words of the vocabulary with their spans, the longest at each place."""
        return longest(vocabulary().search.find(self.search_text))

    def phrase(self, quantity: Quantity) -> str:
        """A number with its unit or the noun that it counts: "8 corner loops"."""
        if not quantity.noun:
            return quantity.text
        return self.text[quantity.start : self.text.index(quantity.noun, quantity.end) + len(quantity.noun)]

    def field(self, start: int) -> str:
        """The text of the field that begins there."""
        return self.fields[self._index(start)][1]

    def around(self, start: int, end: int) -> tuple[str, str]:
        """The sentence before and after a span, normalized."""
        return sentences.context(self.normalized, start, end)

    def in_title(self, position: int) -> bool:
        """Whether a position is in the title."""
        return self.place(position)[0] == "title"

    def place(self, position: int) -> tuple[str, int]:
        """Name of the field at a position in the text, and the field's start."""
        index = self._index(position)
        return self.fields[index][0], self.starts[index]

    def _index(self, position: int) -> int:
        return bisect_right(self.starts, position) - 1


def fields_of(listing: Listing) -> list[tuple[str, str]]:
    """The fields of a listing with their names, keywords last."""
    features = [(_name("key_features", index), feature) for index, feature in enumerate(listing.key_features)]
    keywords = [(_name(KEYWORDS, index), keyword) for index, keyword in enumerate(listing.seo_keywords)]
    return [("title", listing.title), *features, ("description", listing.description), *keywords]


@lru_cache(maxsize=256)
def _name(kind: str, index: int) -> str:
    return f"{kind}[{index}]"

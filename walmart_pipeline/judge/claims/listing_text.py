"""A listing prepared for the search for claims: all fields as one text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property

from walmart_pipeline.judge.claims.vocabulary import Kind, Term, longest, vocabulary
from walmart_pipeline.text import sentences, tokenizer
from walmart_pipeline.text.quantities import Quantity, quantities
from walmart_pipeline.text.word_search import search_text

KEYWORDS = "seo_keywords"
# No phrase and no number reaches over it.
_BETWEEN = " ;\n"


class ListingText:
    """The fields of a listing, (name, text) each, joined: one long text is searched faster than many short ones."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        """fields: keywords come last.

        normalized: the text as tokenizer.normalized gives it. visible_end: where the text that a shopper reads ends.
        """
        self.fields = fields
        self.text = _BETWEEN.join([text for _, text in fields])
        self.normalized = tokenizer.normalized(self.text)
        self.starts: list[int] = []
        self.visible_end = start = 0
        for name, text in fields:
            self.starts.append(start)
            start += len(text) + len(_BETWEEN)
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

    @cached_property
    def terms_of(self) -> dict[Kind, list[tuple[int, int, Term]]]:
        """The terms by kind; a word of several kinds is in each."""
        found: dict[Kind, list[tuple[int, int, Term]]] = {}
        for start, end, terms in self.terms:
            for term in terms:
                found.setdefault(term.kind, []).append((start, end, term))
        return found

    @cached_property
    def words(self) -> frozenset[Term]:
        """Every word of the vocabulary that the text has."""
        return frozenset(term for _, _, terms in self.terms for term in terms)

    def has_claim(self, start: int, end: int) -> bool:
        """Whether a listed claim stands in this part of the text."""
        return any(first < end and start < last for first, last, _ in self.terms_of.get("claim", ()))

    def phrase(self, quantity: Quantity) -> str:
        """A number of the text with its unit or with what it counts: "8 corner loops"."""
        if not quantity.noun:
            return quantity.text
        return self.text[quantity.start : self.text.index(quantity.noun, quantity.end) + len(quantity.noun)]

    def field(self, start: int) -> str:
        """The text of the field that begins there."""
        return self.fields[self.index(start)][1]

    def around(self, start: int, end: int) -> tuple[str, str]:
        """The sentence before and after a span, normalized."""
        return sentences.context(self.normalized, start, end)

    def in_title(self, position: int) -> bool:
        """Whether a position is one of the title."""
        return self.place(position)[0] == "title"

    def index(self, position: int) -> int:
        """Which of the fields holds a position in the text."""
        return bisect_right(self.starts, position) - 1

    def place(self, position: int) -> tuple[str, int]:
        """The field of a position in the text, and where that field begins."""
        index = self.index(position)
        return self.fields[index][0], self.starts[index]

"""A product's record, prepared for looking up claims."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate

from walmart_pipeline.core.records import Product
from walmart_pipeline.judge.claims.number_matching import NumberIndex
from walmart_pipeline.judge.claims.passages import Passages
from walmart_pipeline.judge.claims.record_numbers import record_number_index, unglued
from walmart_pipeline.judge.claims.slots import DENYING_VALUE
from walmart_pipeline.judge.claims.vocabulary import Kind, Term, Vocabulary, is_about, longest, vocabulary
from walmart_pipeline.judge.claims.words import BETWEEN, WordIndex, roots
from walmart_pipeline.text import tokenizer
from walmart_pipeline.text.word_search import search_text

# At most so many of the record's words are named in a message.
SHOWN_WORDS = 4
_BY = frozenset({"x", "X"})
_POINTS = frozenset({".", ","})
_ENDINGS = frozenset({"free", "safe", "resistant", "proof", "certified", "listed", "approved", "friendly"})
_AND_SO_ON = r"(?:\s+(?:and\s+|or\s+)?[a-z]+){0,3}\s+"
_FREE_OF = r"\b(?:free (?:of|from)|without|no)(?:\s+[a-z]+){0,6}?\s+"
_DENIED = re.compile(r"\b(?:not|isn t|aren t|never)(?: (?:be|a|fully|completely|entirely|considered|rated))? $")


class SourceRecord:
    """A product's record. `text`: every fact that a listing may use."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self._stated_words: dict[Kind, dict[Term, str]] = {}
        options = (f"{name} {', '.join(values)}" for name, values in product.options.items())
        texts = unglued(BETWEEN.join([*product.features, product.description]))
        names = [product.product_name, product.brand or "", *product.category, *options]
        self._prose = BETWEEN.join([*names, texts])
        self.text = BETWEEN.join([self._prose, *(f"{name}: {value}" for name, value in product.attributes.items())])

    @cached_property
    def search_text(self) -> str:
        """The text for exact search: names beside their values (BPA: Free), without what an attribute denies."""
        return search_text(self._statements)

    @cached_property
    def _statements(self) -> str:
        stated = [
            f"{name} {value}" for name, value in self.product.attributes.items() if not DENYING_VALUE.match(value)
        ]
        return " ;\n ".join(["", self._prose, *stated, ""])

    @cached_property
    def normalized(self) -> str:
        """The text as tokenizer.normalized gives it."""
        return tokenizer.normalized(self.text)

    @cached_property
    def number_index(self) -> NumberIndex:
        """The record's numbers."""
        return record_number_index(self.product, self.text)

    def has_name(self, name: str) -> bool:
        """Whether it has these letters and digits as whole words, however they are divided: WH 1000XM4 = WH-1000XM4."""
        text, starts, ends = self._alphanumeric
        at = text.find(name)
        while at != -1:
            if at in starts and at + len(name) in ends:
                return True
            at = text.find(name, at + 1)
        return False

    @cached_property
    def _alphanumeric(self) -> tuple[str, frozenset[int], frozenset[int]]:
        """Letters and digits alone, and where words start and end among them."""
        words = self.search_text.split()
        ends = list(accumulate(map(len, words)))
        return "".join(words), frozenset([0, *ends]), frozenset(ends)

    @cached_property
    def terms(self) -> dict[Term, bool]:
        """Every word of the vocabulary that the record has; False where it only denies it."""
        found: dict[Term, bool] = {
            term: False
            for name, value in self.product.attributes.items()
            if DENYING_VALUE.match(value)
            for term, _ in _found(name, "claim", vocabulary())
        }
        text = self.search_text
        for start, _, terms in longest(vocabulary().search.find(text)):
            for term in terms:
                if not found.get(term):
                    found[term] = not (term.kind == "claim" and _is_negated(text, start))
        return found

    def has(self, term: Term, written: str = "") -> bool:
        """Whether the record states a term or a narrower one. written: the word in the listing's search text.

        That word is searched first, which takes 1 µs; to find all terms of the record takes 20.
        """
        if written and not term.shortens and self._affirms(f" {written} ", claim=term.kind == "claim"):
            return True
        terms = self.terms
        if terms.get(term):
            return True
        if any(terms.get(other) for other in vocabulary().narrower.get(term, ())):
            return True
        return self._has_in_list(term)

    def _has_in_list(self, term: Term) -> bool:
        """Whether it is part of a list with a shared ending: BPA & PFOA free, dishwasher and microwave safe."""
        first, _, last = term.word.rpartition(" ")
        if not first or (term.kind != "material" and last not in _ENDINGS):
            return False
        free_of = rf"|{_FREE_OF}{first}" if last == "free" else ""
        return re.search(rf"\b{first}s?\b{_AND_SO_ON}{last}\b{free_of}", self.search_text) is not None

    def has_verbatim(self, written: str, *, any_case: bool = False) -> bool:
        """Whether a number is in the record exactly as a text writes it. any_case: 12m also matches 12M."""
        text, written = (self.normalized, tokenizer.normalized(written)) if any_case else (self.text, written)
        word = written[-1].isalnum()
        at = text.find(written)
        while at != -1:
            end = at + len(written)
            if not _is_part_of_number(text, at, end, word=word):
                return True
            at = text.find(written, at + 1)
        return False

    def stated(self, kind: Kind) -> dict[Term, str]:
        """Terms of a kind that the record states of the whole product, as written there.

        From attributes and the name; without any, from its prose.
        """
        product, words = self.product, vocabulary()
        if kind in self._stated_words:
            return self._stated_words[kind]
        values = [value for name, value in product.attributes.items() if is_about(name, kind)]
        stated = {term: shown for text in values for term, shown in _found(text, kind, words)}
        stated |= {term: shown for term, shown in _found(product.product_name, kind, words) if not term.ordinary}
        if not stated:
            prose = [*product.features, product.description]
            stated = {term: shown for text in prose for term, shown in _found(text, kind, words) if not term.ordinary}
        self._stated_words[kind] = stated
        return stated

    @cached_property
    def word_index(self) -> WordIndex:
        """Where it has each word."""
        return WordIndex(unglued(BETWEEN.join(self.passages.texts)))

    @cached_property
    def passages(self) -> Passages:
        """Its passages."""
        return Passages(self.product)

    @cached_property
    def name_roots(self) -> frozenset[str]:
        """Roots of the words of the product's name."""
        return roots(tokenizer.normalized(self.product.product_name))

    def _affirms(self, written: str, *, claim: bool) -> bool:
        at = self.search_text.find(written)
        while claim and at != -1 and _is_negated(self.search_text, at + 1):
            at = self.search_text.find(written, at + 1)
        return at != -1


def _is_negated(text: str, start: int) -> bool:
    return _DENIED.search(text[max(0, start - 25) : start]) is not None


def _is_part_of_number(text: str, start: int, end: int, *, word: bool) -> bool:
    """Whether a span is part of a longer number: the 30 lb of 130 lb, the 1 of 1.5."""
    before, after = text[start - 1 : start], text[end : end + 1]
    # In 20x30 an x stands between two numbers.
    if before in _BY and not text[start - 2 : start - 1].isalpha():
        before = ""
    if after in _BY and text[end + 1 : end + 2].isdigit():
        after = ""
    if before.isalnum() or (before in _POINTS and text[start - 2 : start - 1].isdigit()):
        return True
    if before == "-" and text[start - 2 : start - 1].isalpha():
        return True
    return (word and after.isalnum()) or (after in _POINTS and text[end + 1 : end + 2].isdigit())


def _found(text: str, kind: Kind, words: Vocabulary) -> Iterator[tuple[Term, str]]:
    for start, end, terms in longest(words.search.find(search_text(text))):
        yield from ((term, text[start:end]) for term in terms if term.kind == kind)

"""Finds what a listing says that its record does not: numbers, terms, opposite values, denials, other words."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Literal, NamedTuple, TypeAlias

from walmart_pipeline.judge.claims.listing_text import KEYWORDS, Claim, Found, ListingText
from walmart_pipeline.judge.claims.numbers import number_claims
from walmart_pipeline.judge.claims.record import SourceRecord
from walmart_pipeline.judge.claims.slots import SlotValue, denied_names, marked, slots
from walmart_pipeline.judge.claims.statements import statements
from walmart_pipeline.judge.claims.terms import term_claims
from walmart_pipeline.judge.claims.words import CONTENT, Word, roots, words
from walmart_pipeline.text.units import COUNTS

Group: TypeAlias = Literal["number", "term", "opposite", "word"]
# Words on either side of a value or a number that say what it is about.
NEAR = 6
NEAR_CHARS = 30
_CLAUSE_MARKS = frozenset(",;:.!?()—–")
# Classes of english.yaml that govern what follows them: prepositions, verbs, conjunctions of clauses.
_GOVERNING = str.maketrans("opvbtw", "!" * 6)
# They end a phrase of nouns, as any conjunction does.
_ENDS_PHRASE = frozenset("opvbtwc")


class Evidence(NamedTuple):
    """Words that the record does not support; first and last are their places in Alignment.words.

    kind: of its unit, term or property. agreement: how many of the words around it stand beside the record's own number
    of that kind, or beside the opposite value. denied: the statement denies it. elsewhere: the record has the same
    figure of an unknown kind, or all words of the term in other order.
    """

    claim: Claim
    group: Group
    kind: str
    first: int
    last: int
    agreement: int = 0
    denied: bool = False
    elsewhere: bool = False
    closeness: float = 0.0


class AlignedStatement(NamedTuple):
    """A statement of a listing: its field, span in ListingText.text, and words first to last (exclusive).

    compared: number of its words that a record could have; supported: of those that the record has; best: of those that
    one passage of the record has, 0 without evidence.
    """

    field: str
    start: int
    end: int
    first: int
    last: int
    evidence: list[Evidence]
    compared: int
    supported: int
    best: int


class Alignment:
    """A listing's words beside its record's.

    passages: which passages of the record have each word, as bits. known: whether the record supports a word; None for
    function words and single letters. compared_before, supported_before: how many words before a place a record could
    have, and how many of these it has. apart: places of words that a punctuation mark separates from the next one.
    shown: a function word itself, + for content that the record has, - for other content, # for what is not compared.
    before, after: what is shown of the word beside a place; | at the text's edge, a comma at a clause's.
    governing, phrase_ends: one character for each word, "!" for one that governs what follows it, or is not of the
    same phrase as the word before it.
    """

    def __init__(self, listing: ListingText, record: SourceRecord) -> None:
        self.listing, self.record = listing, record
        self.words, self.starts, self.ends = words(listing.normalized)
        index = record.word_index
        self.slots = slots(listing.search_text, listing.normalized)
        self._denied = marked(self.slots.denied, len(listing.normalized))
        self.passages = index.passages(self.words)
        self.supported: list[tuple[Found, int, int]] = []
        self._evidence: list[Evidence] = []
        self.known = self._compare_facts()
        self._compare_denials_and_values()
        self._evidence.sort(key=lambda each: each.first)
        self.compared_before = [0, *accumulate([stated is not None for stated in self.known])]
        self.supported_before = [0, *accumulate([stated is True for stated in self.known])]
        self.governing = "".join([word.word_class for word in self.words]).translate(_GOVERNING)
        text = listing.text
        self.apart = {
            place
            for place, (end, start) in enumerate(zip(self.ends, self.starts[1:], strict=False))
            if start - end > 1 and not _CLAUSE_MARKS.isdisjoint(text[end:start])
        }
        marks = {None: "#", True: "+", False: "-"}
        self.shown = [
            marks[stated] if word.word_class == CONTENT else word.text
            for word, stated in zip(self.words, self.known, strict=True)
        ]
        self.before, self.after = ["|", *self.shown], [*self.shown[1:], "|"]
        ends_phrase = [
            stated is None or word.word_class in _ENDS_PHRASE
            for word, stated in zip(self.words, self.known, strict=True)
        ]
        for place in self.apart:
            self.before[place + 1] = self.after[place] = ","
            ends_phrase[place + 1] = True
        self.phrase_ends = "".join(["!" if ends else "." for ends in ends_phrase])

    def statements(self) -> Iterator[AlignedStatement]:
        """Every statement with its evidence; keywords state numbers and terms only."""
        place = 0
        for (field, text), base in zip(self.listing.fields, self.listing.starts, strict=True):
            for statement in statements([(field, text)]):
                start, end = base + statement.start, base + statement.end
                first, last = bisect_left(self.starts, start), bisect_left(self.starts, end)
                found = []
                while place < len(self._evidence) and self._evidence[place].first < last:
                    if self._evidence[place].first >= first:
                        found.append(self._evidence[place])
                    place += 1
                if field.startswith(KEYWORDS):
                    found = [each for each in found if each.group in {"number", "term"}]
                if first < last:
                    compared = self.compared_before[last] - self.compared_before[first]
                    supported = self.supported_before[last] - self.supported_before[first]
                    best = most_together(-1, self.passages[first:last]) if found else 0
                    yield AlignedStatement(field, start, end, first, last, found, compared, supported, best)

    def _compare_facts(self) -> list[bool | None]:
        """Compare numbers, terms and all other words."""
        decided: dict[int, bool] = {}
        text = self.listing.normalized
        denied = marked(self.slots.denied + denied_names(text), len(text))
        for found in (*number_claims(self.listing, self.record), *term_claims(self.listing, self.record)):
            first, last = self._places(found.claim.start, found.claim.end)
            supported = found.claim.status == "supported"
            decided |= dict.fromkeys(range(first, last + 1), supported)
            # "Not waterproof" is no claim that it is, and "Waterproof: No" neither.
            if not supported and found.claim.subject != "number" and denied[found.claim.start]:
                continue
            if supported:
                self.supported.append((found, first, last))
            else:
                self._evidence.append(self.fact(found, first, last))
        known = [bits != 0 if word.is_compared else None for word, bits in zip(self.words, self.passages, strict=True)]
        for place, supported in decided.items():
            known[place] = supported
        for place, stated in enumerate(known):
            if stated is False and place not in decided:
                if self._is_code(self.words[place]):
                    known[place] = True
                else:
                    self._evidence.append(self._word(place))
        return known

    def _is_code(self, word: Word) -> bool:
        """Whether it is a model number of the record, however that is divided: WH 1000XM4."""
        return not word.text.isalpha() and self.record.has_name(word.text)

    def fact(self, found: Found, first: int, last: int) -> Evidence:
        """A number or term as evidence."""
        denied = bool(self._denied[found.claim.start])
        if found.claim.subject == "number":
            agreement = self._agreement(first, last, found.kind)
            elsewhere = self.record.number_index.has_value(found.value)
            return Evidence(
                found.claim, "number", found.kind, first, last, agreement, denied, elsewhere, found.closeness
            )
        return Evidence(found.claim, "term", found.kind, first, last, 0, denied, self._is_elsewhere(first, last))

    def _is_elsewhere(self, first: int, last: int) -> bool:
        """Whether one passage states all words of a term in other order, or its only word in another form."""
        checked = [word for word in self.words[first : last + 1] if word.is_checked]
        if len(checked) == 1 and f" {checked[0].text} " in self.record.search_text:
            return False
        together = -1
        for word in checked:
            together &= self.record.word_index.affirmed.get(word.root, 0)
        return together > 0

    def _word(self, place: int) -> Evidence:
        """A word that the record lacks: a model number or standard, a maker, or any other."""
        start, end = self.starts[place], self.ends[place]
        denied = bool(self._denied[start])
        if not self.words[place].text.isalpha():
            return Evidence(Claim("attribute", start, end, "unsupported"), "term", "code", place, place, 0, denied)
        by = place > 0 and self.words[place - 1].text == "by" and self.listing.text[start].isupper()
        claim = Claim("brand" if by else "claim", start, end, "unsupported")
        return Evidence(claim, "word", "maker" if by else "word", place, place, 0, denied)

    def _places(self, start: int, end: int) -> tuple[int, int]:
        """Places of the first and last word of a span."""
        first = bisect_left(self.starts, start)
        if first and self.ends[first - 1] > start:
            first -= 1
        return first, max(first, bisect_left(self.starts, end) - 1)

    def _around(self, first: int, last: int) -> Iterator[int]:
        """Places of the words on either side."""
        yield from range(max(0, first - NEAR), first)
        yield from range(last + 1, min(len(self.words), last + 1 + NEAR))

    def _agreement(self, first: int, last: int, kind: str) -> int:
        """The most words around a number that stand beside one of the record's numbers of this kind too."""
        around = {self.words[at].root for at in self._around(first, last) if self.words[at].word_class == CONTENT}
        text, most = self.record.normalized, 0
        for own in self.record.number_index.found:
            kinds = {reading.kind for reading in own.readings} or {"noun" if own.noun else "bare"}
            if kind in kinds or (kind == "count" and not COUNTS.isdisjoint(kinds)):
                beside = f"{text[max(0, own.start - NEAR_CHARS) : own.start]} {text[own.end : own.end + NEAR_CHARS]}"
                most = max(most, len(around & roots(beside)))
        return most

    def _compare_denials_and_values(self) -> None:
        """Find words that only one of both denies, and values whose opposite the record states of the same part."""
        index, denied = self.record.word_index, self._denied
        if index.only_denied or self.slots.denied:
            for place, (word, bits, start) in enumerate(zip(self.words, self.passages, self.starts, strict=True)):
                if bits and denied[start]:
                    if word.root in index.affirmed and word.root not in index.denied:
                        self._contradict(place, place, "denied")
                elif bits and word.root in index.only_denied:
                    self._contradict(place, place, "affirmed")
        for mention in self.slots.mentions:
            if not denied[mention.start]:
                self._compare_value(*self._places(mention.start, mention.end), mention.value)

    def _compare_value(self, first: int, last: int, value: SlotValue) -> None:
        values = self.record.word_index.values.get(value.slot, {})
        same, opposite = values.get(value.value, 0), 0
        for other, bits in values.items():
            if other != value.value:
                opposite |= bits
        # Most properties have one value in the record, and it is the listing's.
        if not opposite & ~same:
            return
        around = [bits for at in self._around(first, last) if (bits := self.passages[at])]
        agreement = most_together(opposite & ~same, around)
        if agreement > most_together(same, around):
            self._contradict(first, last, value.slot, agreement)

    def _contradict(self, first: int, last: int, kind: str, agreement: int = 0) -> None:
        claim = Claim("claim", self.starts[first], self.ends[last], "contradicted")
        self._evidence.append(Evidence(claim, "opposite", kind, first, last, agreement))


def most_together(passages: int, words_of: list[int]) -> int:
    """The most words that one of these passages has; -1 without a passage. words_of: the passages of each word.

    Binary counters, one for each bit: the digit of place n of all counters is one integer.
    """
    if not passages:
        return -1
    digits: list[int] = []
    for bits in words_of:
        carry = bits
        for place, digit in enumerate(digits):
            if not carry:
                break
            digits[place], carry = digit ^ carry, digit & carry
        if carry:
            digits.append(carry)
    most, best = 0, passages
    for place in reversed(range(len(digits))):
        if both := best & digits[place]:
            most, best = most | 1 << place, both
    return most

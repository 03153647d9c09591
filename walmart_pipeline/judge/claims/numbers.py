"""Checks the numbers of a text against the record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import inf

from walmart_pipeline.judge.claims import unrelated_numbers
from walmart_pipeline.judge.claims.listing_text import Claim, ClaimStatus, ListingText
from walmart_pipeline.judge.claims.number_matching import Comparison, comparison_of, follows, is_like
from walmart_pipeline.judge.claims.record import SourceRecord
from walmart_pipeline.text import sentences, tokenizer
from walmart_pipeline.text.quantities import Quantity
from walmart_pipeline.text.units import COUNTS

# Up to here an equal number may be a coincidence.
SMALL = 20
_RANGE = re.compile(r"^\s*(?:to|or|-|–)\s*[\d.]+[\s-]*[a-z]+")
_PLACE = re.compile(r"\b(?:over|under|above|below)\s+$")
# "Thread count of 800": the attribute precedes the figure.
_OF = re.compile(r"([a-z]+(?: [a-z]+)?)\s+(?:of|is|:)\s*$")


def number_claims(listing: ListingText, record: SourceRecord, apart: Sequence[Claim]) -> Iterator[Claim]:
    """Claim for each number of the text, except those within a claim of another kind (`apart`)."""
    verbatim: dict[tuple[str, bool], bool] = {}
    for quantity in listing.stated:
        start, end = quantity.start, quantity.end
        if apart and any(claim.start < end and start < claim.end for claim in apart):
            continue
        loose = quantity.text[0].isalpha() and (not quantity.readings or quantity.readings[0].kind == "person")
        comparison = comparison_of(*listing.around(start, end))
        phrase = listing.phrase(quantity)
        key = phrase, start >= listing.visible_end
        if key not in verbatim:
            verbatim[key] = record.has_verbatim(phrase, any_case=key[1])
        if verbatim[key] and (comparison is None or comparison.inclusive):
            if not loose:
                yield Claim("number", start, end, "supported")
        # "Five ribbon markers" is a figure only where the record counts the same.
        elif not loose or _is_counted(quantity, record):
            in_title = listing.in_title(start)
            # In a title "in" is inches: "15 in Stuffed Animal".
            certain = quantity._replace(unsure=False) if in_title and quantity.unsure else quantity
            if judged := _judged(certain, listing, record, comparison, in_title=in_title):
                yield Claim("number", start, end, *judged)


def _is_counted(quantity: Quantity, record: SourceRecord) -> bool:
    if quantity.readings:
        # Two of three people may do anything, six sleep in no tent for three.
        return quantity.readings[0].amount > max(
            (most for most, _, _ in record.number_index.by_kind.get("person", ())), default=inf
        )
    if not quantity.noun:
        return False
    counted = tokenizer.stem(quantity.noun.lower()) in record.words and record.number_index.counts(quantity.noun)
    # "Eight bars" of six.
    return counted or (
        tokenizer.stem(quantity.noun.lower()) in record.nouns and record.number_index.are_fewer(quantity.value)
    )


def _judged(
    quantity: Quantity, listing: ListingText, record: SourceRecord, comparison: Comparison | None, *, in_title: bool
) -> tuple[ClaimStatus, tuple[str, ...]] | None:
    """Status of a number and what the record has instead; None for a number that is not about the product."""
    number_index = record.number_index
    left, right = listing.around(quantity.start, quantity.end)
    beside = _beside(quantity, listing, left, right)
    pairs = number_index.compared(quantity) if comparison else []
    true = [pair for pair in [*pairs, *_compared_beside(quantity, beside)] if comparison and comparison.is_true(*pair)]
    if true:
        # "Under 2 minutes" for the record's "under 2 seconds" is a wrong unit.
        is_slip = number_index.has_in_other_unit(quantity) and not any(is_like(*pair) for pair in true)
        return ("contradicted", number_index.like(quantity)) if is_slip else ("supported", ())
    status = number_index.judge(quantity)
    if status == "supported":
        if not comparison or not pairs or comparison.inclusive or _compares_alike(quantity, comparison, record):
            return status, ()
        # "Listed under 7 Piece Sets", "a lid over 2 bowls".
        if _PLACE.search(left) and (not quantity.readings or quantity.readings[0].kind in COUNTS):
            return status, ()
        # "More than 8 days" for the record's 8 days.
        return "contradicted", number_index.like(quantity)
    if unrelated_numbers.is_figurative(quantity, left, right):
        return None
    # A title capitalizes every word and gives no instructions.
    if not in_title and _is_about_others(quantity, status, listing, record):
        return None
    if follows(quantity, beside, f"{left} {right}", number_index):
        return "supported", ()
    if unrelated_numbers.is_total(left, right) and number_index.in_all(quantity):
        return "supported", ()
    if status == "unsupported":
        own = _attribute(left, record) if not quantity.readings else None
        return ("contradicted", (own,)) if own else ("unsupported", ())
    return "contradicted", number_index.like(quantity)


def _compared_beside(quantity: Quantity, beside: Sequence[Quantity]) -> list[tuple[float, float]]:
    """Pairs of a figure and each of its kind in the same sentence."""
    stated = [reading for other in beside for reading in other.readings]
    return [(own.amount, other.amount) for own in quantity.readings for other in stated if other.kind == own.kind]


def _compares_alike(quantity: Quantity, comparison: Comparison, record: SourceRecord) -> bool:
    """Whether the record compares the same figure in the same way: "Over 300 lumens"."""
    return any(
        comparison == comparison_of(*sentences.context(record.normalized, own.start, own.end))
        for own in record.number_index.found
        if own.value == quantity.value and own.readings == quantity.readings
    )


def _is_about_others(quantity: Quantity, status: ClaimStatus, listing: ListingText, record: SourceRecord) -> bool:
    """Whether a figure is about the reader's actions or about things around the product."""
    start, end = quantity.start, quantity.end
    left, right = listing.around(start, end)
    if sentences.is_question(listing.normalized, end):
        return True
    # 134 liters for the record's 134 gallons is a wrong unit.
    if quantity.value > SMALL and record.number_index.has_in_other_unit(quantity):
        return False
    if unrelated_numbers.is_another_name(quantity, listing.text[max(0, start - sentences.REACH) : start], left):
        return True
    if unrelated_numbers.is_amount(quantity, left, right):
        return True
    # In "10 to 12 inches between them" the second number determines what both are about.
    rest = _RANGE.sub("", right) if quantity.readings else right
    if unrelated_numbers.is_instruction_about_others(quantity, left, rest, record.normalized, record.words):
        return True
    if unrelated_numbers.is_of_a_thing_beside(quantity, left, right, record.words):
        return True
    return status == "unsupported" and (
        unrelated_numbers.is_instruction(quantity, left, right) or unrelated_numbers.is_everyday(quantity, left, right)
    )


def _beside(quantity: Quantity, listing: ListingText, left: str, right: str) -> list[Quantity]:
    """The other numbers of the same sentence."""
    first, last = quantity.start - len(left), quantity.end + len(right)
    return [other for other in listing.stated if first <= other.start < last and other.start != quantity.start]


def _attribute(left: str, record: SourceRecord) -> str | None:
    """The record's attribute that "thread count of 800" contradicts."""
    named = _OF.search(left)
    if named is None:
        return None
    for name, value in record.product.attributes.items():
        if named[1] == name.lower() or named[1].split()[-1] == name.lower():
            return f"{name}: {value}"
    return None

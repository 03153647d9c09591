"""Compares the numbers of a text with the record's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from walmart_pipeline.judge.claims.listing_text import Claim, ClaimStatus, Found, ListingText
from walmart_pipeline.judge.claims.number_matching import Comparison, comparison_of, follows, is_like
from walmart_pipeline.judge.claims.record import SourceRecord
from walmart_pipeline.text import sentences
from walmart_pipeline.text.quantities import Quantity
from walmart_pipeline.text.units import COUNTS

# Words of a sentence that adds up all pieces.
_TOTAL = re.compile(
    r"\b(?:together|total|totals|in all|all told|combined|altogether|overall|between them|means?|makes?|adds? up to|"
    r"comes? to|works? out (?:to|at)|amounts? to)\b"
)


def number_claims(listing: ListingText, record: SourceRecord) -> Iterator[Found]:
    """Each number of the text with its status; its kind is that of its unit, "noun" if it counts things by name."""
    verbatim: dict[tuple[str, bool], bool] = {}
    for quantity in listing.stated:
        phrase = listing.phrase(quantity)
        around = listing.around(quantity.start, quantity.end)
        comparison = comparison_of(*around)
        key = phrase, quantity.start >= listing.visible_end
        if key not in verbatim:
            verbatim[key] = record.has_verbatim(phrase, any_case=key[1])
        if verbatim[key] and (comparison is None or comparison.inclusive):
            status: ClaimStatus = "supported"
        else:
            # In a title "in" is inches: "15 in Stuffed Animal".
            certain = quantity.unsure and listing.in_title(quantity.start)
            sure = quantity._replace(unsure=False) if certain else quantity
            status = _status(sure, listing, record, around, comparison)
        like = record.number_index.like(quantity) if status == "contradicted" else ()
        kind = quantity.readings[0].kind if quantity.readings else "noun" if quantity.noun else "bare"
        if kind in COUNTS:
            kind = "count"
        if quantity.text[0].isalpha():
            kind = f"{kind} in words"
        closeness = 0.0 if status == "supported" else record.number_index.closeness(quantity)
        claim = Claim("number", quantity.start, quantity.end, status, like)
        yield Found(claim, kind, quantity.value, closeness)


def _status(
    quantity: Quantity,
    listing: ListingText,
    record: SourceRecord,
    around: tuple[str, str],
    comparison: Comparison | None,
) -> ClaimStatus:
    number_index = record.number_index
    left, right = around
    beside = _beside(quantity, listing, left, right)
    pairs = number_index.compared(quantity) if comparison else []
    true = [pair for pair in [*pairs, *_compared_beside(quantity, beside)] if comparison and comparison.is_true(*pair)]
    if true:
        # "Under 2 minutes" for the record's "under 2 seconds" is a wrong unit.
        is_slip = number_index.has_in_other_unit(quantity) and not any(is_like(*pair) for pair in true)
        return "contradicted" if is_slip else "supported"
    status = number_index.judge(quantity)
    if status == "supported":
        alike = not comparison or not pairs or comparison.inclusive or _compares_alike(quantity, comparison, record)
        # "More than 8 days" for the record's 8 days.
        return status if alike else "contradicted"
    sentence = f"{left} {right}"
    total = _TOTAL.search(sentence) is not None and number_index.in_all(quantity)
    if total or follows(quantity, beside, sentence, number_index):
        return "supported"
    return status


def _compared_beside(quantity: Quantity, beside: list[Quantity]) -> list[tuple[float, float]]:
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


def _beside(quantity: Quantity, listing: ListingText, left: str, right: str) -> list[Quantity]:
    """The other numbers of the same sentence."""
    first, last = quantity.start - len(left), quantity.end + len(right)
    return [other for other in listing.stated if first <= other.start < last and other.start != quantity.start]

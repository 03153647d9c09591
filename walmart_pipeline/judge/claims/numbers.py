"""The numbers of a text, looked up in the record.

Belongs here: which numbers are asked about, and the verdict. Does not: reading numbers (quantities.py), the record's
own (number_matching.py), or figures of speech (unrelated_numbers.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import inf

from walmart_pipeline.judge.claims import context, directions, unrelated_numbers
from walmart_pipeline.judge.claims.arithmetic import follows
from walmart_pipeline.judge.claims.claim import Claim, Verdict
from walmart_pipeline.judge.claims.listing_text import ListingText
from walmart_pipeline.judge.claims.record import Record
from walmart_pipeline.text import tokenizer
from walmart_pipeline.text.quantities import Quantity

# Up to here the same number may stand for anything.
SMALL = 20
_RANGE = re.compile(r"^\s*(?:to|or|-|–)\s*[\d.]+[\s-]*[a-z]+")
# "Thread count of 800": what the figure is of stands before it.
_OF = re.compile(r"([a-z]+(?: [a-z]+)?)\s+(?:of|is|:)\s*$")


def number_claims(listing: ListingText, record: Record, apart: Sequence[Claim]) -> Iterator[Claim]:
    """Each number that the text states, save those that belong to a claim of another kind (`apart`)."""
    shown: dict[tuple[str, bool], bool] = {}
    for quantity in listing.stated:
        start, end = quantity.start, quantity.end
        if apart and any(claim.start < end and start < claim.end for claim in apart):
            continue
        loose = quantity.text[0].isalpha() and (not quantity.readings or quantity.readings[0].kind == "person")
        phrase = listing.phrase(quantity)
        asked_for = phrase, start >= listing.read
        if asked_for not in shown:
            shown[asked_for] = record.shows(phrase, any_case=asked_for[1])
        if shown[asked_for]:
            if not loose:
                yield Claim("number", start, end, "supported")
        # "Five ribbon markers" is a figure only where the record counts the same.
        elif not loose or _is_counted(quantity, record):
            in_title = listing.in_title(start)
            # No title goes on with the preposition: "15 in Stuffed Animal".
            asked = quantity._replace(unsure=False) if in_title and quantity.unsure else quantity
            if judged := _judged(asked, listing, record, in_title=in_title):
                yield Claim("number", start, end, *judged)


def _is_counted(quantity: Quantity, record: Record) -> bool:
    if quantity.readings:
        # Two of three people may do anything, six sleep in no tent for three.
        return quantity.readings[0].amount > max(
            (most for most, _, _ in record.figures.by_kind.get("person", ())), default=inf
        )
    if not quantity.noun:
        return False
    counted = tokenizer.stem(quantity.noun.lower()) in record.flat and record.figures.counts(quantity.noun)
    # "Eight bars" of six.
    return counted or (
        tokenizer.stem(quantity.noun.lower()) in record.nouns and record.figures.are_fewer(quantity.value)
    )


def _judged(
    quantity: Quantity, listing: ListingText, record: Record, *, in_title: bool
) -> tuple[Verdict, tuple[str, ...]] | None:
    """The record's verdict and what it has instead; None for a number that states nothing of the product."""
    figures = record.figures
    verdict = figures.judge(quantity)
    if verdict == "supported":
        return verdict, ()
    ahead, behind = listing.around(quantity.start, quantity.end)
    if unrelated_numbers.is_figurative(quantity, ahead, behind):
        return None
    # In a title every word has a capital, and no one is told what to do.
    if not in_title and _is_of_others(quantity, verdict, listing, record):
        return None
    beside = _beside(quantity, listing, ahead, behind)
    if (bounds := unrelated_numbers.rounding(ahead)) and figures.is_within(quantity, *bounds, beside):
        return "supported", ()
    if follows(quantity, beside, f"{ahead} {behind}", figures):
        return "supported", ()
    if unrelated_numbers.is_total(ahead, behind) and figures.in_all(quantity):
        return "supported", ()
    if verdict == "unsupported":
        own = _attribute(ahead, record) if not quantity.readings else None
        return ("contradicted", (own,)) if own else ("unsupported", ())
    return "contradicted", figures.like(quantity)


def _is_of_others(quantity: Quantity, verdict: Verdict, listing: ListingText, record: Record) -> bool:
    """Whether a figure is one of what the reader does, or of what stands around the product."""
    start, end = quantity.start, quantity.end
    ahead, behind = listing.around(start, end)
    if context.is_asked(listing.folded, end):
        return True
    # 134 liters of a record's 134 gallons is a slip.
    if quantity.value > SMALL and record.figures.has_in_other_unit(quantity):
        return False
    if unrelated_numbers.is_another_name(quantity, listing.text[max(0, start - context.REACH) : start], ahead):
        return True
    if directions.is_amount(quantity, ahead, behind):
        return True
    # Of "10 to 12 inches between them" the second number tells what both are.
    rest = _RANGE.sub("", behind) if quantity.readings else behind
    if directions.is_told_of_others(quantity, ahead, rest, record.folded, record.words):
        return True
    if directions.is_of_a_thing_beside(quantity, ahead, behind, record.words):
        return True
    return verdict == "unsupported" and (
        directions.is_told(quantity, ahead, behind) or unrelated_numbers.is_of_life(quantity, ahead, behind)
    )


def _beside(quantity: Quantity, listing: ListingText, ahead: str, behind: str) -> list[Quantity]:
    """The other numbers of the same sentence."""
    first, last = quantity.start - len(ahead), quantity.end + len(behind)
    return [other for other in listing.stated if first <= other.start < last and other.start != quantity.start]


def _attribute(ahead: str, record: Record) -> str | None:
    """The record's attribute of which "thread count of 800" gives another figure."""
    named = _OF.search(ahead)
    if named is None:
        return None
    for name, value in record.product.attributes.items():
        if named[1] == name.lower() or named[1].split()[-1] == name.lower():
            return f"{name}: {value}"
    return None

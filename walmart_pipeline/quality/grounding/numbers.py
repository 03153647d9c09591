"""The numbers of a text, looked up in the record.

Belongs here: which numbers are asked about, and the verdict. Does not: reading numbers (quantities.py), the record's
own (figures.py), or figures of speech (speech.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from walmart_pipeline.quality import texts
from walmart_pipeline.quality.grounding import context, speech
from walmart_pipeline.quality.grounding.claims import Claim, Verdict
from walmart_pipeline.quality.grounding.listing_text import ListingText
from walmart_pipeline.quality.grounding.record import Record
from walmart_pipeline.quality.quantities import Quantity

# "Thread count of 800": what the figure is of stands before it.
_OF = re.compile(r"([a-z]+(?: [a-z]+)?)\s+(?:of|is|:)\s*$")


def number_claims(listing: ListingText, record: Record, apart: Sequence[Claim]) -> Iterator[Claim]:
    """Each number that the text states, save those that belong to a claim of another kind (`apart`)."""
    shown: dict[tuple[str, bool], bool] = {}
    for quantity in listing.stated:
        start, end = quantity.start, quantity.end
        if apart and any(claim.start < end and start < claim.end for claim in apart):
            continue
        loose = not quantity.readings and quantity.text[0].isalpha()
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
    return texts.stem(quantity.noun.lower()) in record.flat and record.figures.counts(quantity.noun)


def _judged(
    quantity: Quantity, listing: ListingText, record: Record, *, in_title: bool
) -> tuple[Verdict, tuple[str, ...]] | None:
    """The record's verdict and what it has instead; None for a number that states nothing of the product."""
    figures = record.figures
    verdict = figures.judge(quantity)
    if verdict == "supported":
        return verdict, ()
    ahead, behind = listing.around(quantity.start, quantity.end)
    written = listing.text[max(0, quantity.start - context.REACH) : quantity.start]
    if speech.is_figurative(quantity, ahead, behind):
        return None
    # In a title every word has a capital.
    if not in_title and speech.is_of_others(quantity, written, ahead, behind):
        return None
    if speech.is_rounded(ahead) and figures.is_near(quantity):
        return "supported", ()
    if verdict == "unsupported":
        own = _attribute(ahead, record) if not quantity.readings else None
        return ("contradicted", (own,)) if own else ("unsupported", ())
    if speech.is_total(ahead, behind) and figures.in_all(quantity):
        return "supported", ()
    return "contradicted", figures.like(quantity)


def _attribute(ahead: str, record: Record) -> str | None:
    """The record's attribute of which "thread count of 800" gives another figure."""
    named = _OF.search(ahead)
    if named is None:
        return None
    for name, value in record.product.attributes.items():
        if named[1] == name.lower() or named[1].split()[-1] == name.lower():
            return f"{name}: {value}"
    return None

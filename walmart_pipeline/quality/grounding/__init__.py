"""What the record says about each claim of a text: numbers, brands, materials, colours, certifications, warranties.

A claim that the record has otherwise is contradicted, one of which it says nothing is unsupported.

Belongs here: the claims of a whole listing. Does not: what a violation costs (the policy profile).
"""

from __future__ import annotations

from collections.abc import Iterator

from walmart_pipeline.quality.grounding.brands import brand_claims
from walmart_pipeline.quality.grounding.claims import Claim, Subject, Verdict, support
from walmart_pipeline.quality.grounding.figures import Figures, figures
from walmart_pipeline.quality.grounding.listing_text import ListingText
from walmart_pipeline.quality.grounding.models import model_claims
from walmart_pipeline.quality.grounding.numbers import number_claims
from walmart_pipeline.quality.grounding.record import Record
from walmart_pipeline.quality.grounding.terms import term_claims
from walmart_pipeline.quality.grounding.warranties import warranty_claims
from walmart_pipeline.records import Product

__all__ = ["Claim", "Figures", "ListingText", "Subject", "Verdict", "claims_of", "figures", "support"]


def claims_of(listing: ListingText, product: Product) -> list[Claim]:
    """Every claim of a listing with the record's verdict; what is said and supported more than once may come once."""
    return list(_claims(listing, Record(product)))


def _claims(listing: ListingText, record: Record) -> Iterator[Claim]:
    terms = list(term_claims(listing, record))
    # "Five-year warranty" and "Oeko-Tex Standard 100" hold numbers that are judged with them.
    whole = [*warranty_claims(listing, record), *model_claims(listing, record)]
    yield from number_claims(listing, record, [*whole, *[claim for claim in terms if claim.subject == "claim"]])
    yield from whole
    yield from terms
    yield from brand_claims(listing, record)

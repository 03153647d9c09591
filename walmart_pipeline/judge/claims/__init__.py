"""Checks each claim of a text against the record: numbers, brands, materials, colours, certifications, warranties.

A claim is contradicted if the record states something else, and unsupported if the record is silent.
"""

from __future__ import annotations

from walmart_pipeline.core.records import Product
from walmart_pipeline.judge.claims.assurances import certificate_claims, origin_claims, warranty_claims
from walmart_pipeline.judge.claims.brands import brand_claims, model_claims
from walmart_pipeline.judge.claims.listing_text import Claim, ListingText, Subject, support
from walmart_pipeline.judge.claims.number_matching import NumberIndex, number_index
from walmart_pipeline.judge.claims.numbers import number_claims
from walmart_pipeline.judge.claims.record import SourceRecord
from walmart_pipeline.judge.claims.terms import denied_claims, size_claims, term_claims

__all__ = ["Claim", "ListingText", "NumberIndex", "Subject", "claims_of", "number_index", "support"]

# Claims that may hold a number of their own: "five-year warranty".
WHOLE = (warranty_claims, model_claims, origin_claims, certificate_claims, size_claims, denied_claims)


def claims_of(listing: ListingText, product: Product) -> list[Claim]:
    """Every claim of a listing with its status; a repeated claim that is supported may be listed once."""
    record = SourceRecord(product)
    terms = list(term_claims(listing, record))
    whole = [claim for kind in WHOLE for claim in kind(listing, record)]
    # "Oeko-Tex Standard 100" holds a number too.
    apart = [*whole, *[claim for claim in terms if claim.subject == "claim"]]
    return [*number_claims(listing, record, apart), *whole, *terms, *brand_claims(listing, record)]

"""What the record says about each claim of a text: numbers, brands, materials, colours, certifications, warranties.

A claim that the record has otherwise is contradicted, one of which it says nothing is unsupported.
"""

from __future__ import annotations

from walmart_pipeline.core.records import Product
from walmart_pipeline.judge.claims.brands import brand_claims
from walmart_pipeline.judge.claims.claim import Claim, Subject, support
from walmart_pipeline.judge.claims.denials import denied_claims
from walmart_pipeline.judge.claims.listing_text import ListingText
from walmart_pipeline.judge.claims.names import certificate_claims, model_claims
from walmart_pipeline.judge.claims.number_matching import NumberIndex, number_index
from walmart_pipeline.judge.claims.numbers import number_claims
from walmart_pipeline.judge.claims.origins import origin_claims
from walmart_pipeline.judge.claims.record import SourceRecord
from walmart_pipeline.judge.claims.terms import size_claims, term_claims
from walmart_pipeline.judge.claims.warranties import warranty_claims

__all__ = ["Claim", "ListingText", "NumberIndex", "Subject", "claims_of", "number_index", "support"]

# Claims that may hold a number of their own: "five-year warranty".
WHOLE = (warranty_claims, model_claims, origin_claims, certificate_claims, size_claims, denied_claims)


def claims_of(listing: ListingText, product: Product) -> list[Claim]:
    """Every claim of a listing with its status; a supported claim that is repeated may come once."""
    record = SourceRecord(product)
    terms = list(term_claims(listing, record))
    whole = [claim for kind in WHOLE for claim in kind(listing, record)]
    # "Oeko-Tex Standard 100" holds a number too.
    apart = [*whole, *[claim for claim in terms if claim.subject == "claim"]]
    return [*number_claims(listing, record, apart), *whole, *terms, *brand_claims(listing, record)]

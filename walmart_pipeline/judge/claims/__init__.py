"""What the record says about each claim of a text: numbers, brands, materials, colours, certifications, warranties.

A claim that the record has otherwise is contradicted, one of which it says nothing is unsupported.

Belongs here: the claims of a whole listing. Does not: what a violation costs (the policy profile).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from walmart_pipeline.core.records import Product
from walmart_pipeline.judge.claims.brands import brand_claims
from walmart_pipeline.judge.claims.certificates import certificate_claims
from walmart_pipeline.judge.claims.claim import Claim, Subject, Verdict, support
from walmart_pipeline.judge.claims.denials import denied_claims
from walmart_pipeline.judge.claims.listing_text import ListingText, search_all
from walmart_pipeline.judge.claims.model_names import model_claims
from walmart_pipeline.judge.claims.number_matching import Figures, figures
from walmart_pipeline.judge.claims.numbers import number_claims
from walmart_pipeline.judge.claims.origins import origin_claims
from walmart_pipeline.judge.claims.record import Record
from walmart_pipeline.judge.claims.sizes import size_claims
from walmart_pipeline.judge.claims.terms import term_claims
from walmart_pipeline.judge.claims.warranties import warranty_claims

__all__ = ["Claim", "Figures", "ListingText", "Subject", "Verdict", "claims_of", "figures", "support"]

# Claims that may hold a number of their own: "five-year warranty".
WHOLE = (warranty_claims, model_claims, origin_claims, certificate_claims, size_claims, denied_claims)


def claims_of(listings: Sequence[ListingText], products: Sequence[Product]) -> list[list[Claim]]:
    """Every claim of each listing with its record's verdict; what is said and supported more than once may come once.

    Goes kind by kind over all listings: what finds one kind then stays in the processor's cache (7 % of the judge's
    time).
    """
    search_all(listings)
    pairs = [(listing, Record(product)) for listing, product in zip(listings, products, strict=True)]
    terms = [list(term_claims(*pair)) for pair in pairs]
    whole = [list(chain.from_iterable(kind(*pair) for kind in WHOLE)) for pair in pairs]
    # "Oeko-Tex Standard 100" holds a number too.
    apart = [
        [*one, *[claim for claim in other if claim.subject == "claim"]] for one, other in zip(whole, terms, strict=True)
    ]
    numbers = [list(number_claims(*pair, held)) for pair, held in zip(pairs, apart, strict=True)]
    brands = [list(brand_claims(*pair)) for pair in pairs]
    return [list(chain(*kinds)) for kinds in zip(numbers, whole, terms, brands, strict=True)]

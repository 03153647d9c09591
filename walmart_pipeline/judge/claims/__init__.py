"""Checks each claim of a text against the record: numbers, brands, materials, colours, certifications, warranties.

A claim is contradicted if the record states something else, and unsupported if the record is silent.
"""

from __future__ import annotations

from walmart_pipeline.judge.claims.examination import Examination, UncertainStatement
from walmart_pipeline.judge.claims.listing_text import Claim, ListingText, Subject, fields_of, support
from walmart_pipeline.judge.claims.number_matching import NumberIndex, number_index
from walmart_pipeline.judge.claims.proof import Proof, ProvenClaim, ProvenStatement, proof

__all__ = [
    "Claim",
    "Examination",
    "ListingText",
    "NumberIndex",
    "Proof",
    "ProvenClaim",
    "ProvenStatement",
    "Subject",
    "UncertainStatement",
    "fields_of",
    "number_index",
    "proof",
    "support",
]

"""Compares the words of the vocabulary in a text with the record's: materials, colours, brands, claims, origins."""

from __future__ import annotations

from collections.abc import Iterator

from walmart_pipeline.judge.claims.listing_text import Claim, ClaimStatus, Found, ListingText, Subject
from walmart_pipeline.judge.claims.record import SHOWN_WORDS, SourceRecord
from walmart_pipeline.judge.claims.vocabulary import Kind, Term, vocabulary

_SUBJECTS: dict[Kind, Subject] = {"claim": "claim", "origin": "claim", "brand": "brand"}


def term_claims(listing: ListingText, record: SourceRecord) -> Iterator[Found]:
    """Each word of the vocabulary in the text with its status; one that is supported is listed once."""
    supported: set[str] = set()
    for start, end, terms in listing.terms:
        written = listing.search_text[start:end]
        if written in supported:
            continue
        subject = _SUBJECTS.get(terms[0].kind, "attribute")
        if any(record.has(term, written) for term in terms):
            supported.add(written)
            yield Found(Claim(subject, start, end, "supported"), terms[0].kind)
            continue
        # A word of two kinds, such as bronze, is judged as the one that the record states.
        judged = [(term, *_judged(term, record)) for term in terms]
        term, status, has = next((one for one in judged if one[1] == "contradicted"), judged[0])
        kind = f"ordinary {term.kind}" if term.ordinary or term in vocabulary().passive else term.kind
        yield Found(Claim(_SUBJECTS.get(term.kind, "attribute"), start, end, status, has), kind)


def _judged(term: Term, record: SourceRecord) -> tuple[ClaimStatus, tuple[str, ...]]:
    """Status of a term that the record lacks, and what it states instead."""
    if term.kind in {"claim", "form"}:
        if record.terms.get(term) is False:
            return "contradicted", (f"not {term.word}",)
        rivals = tuple(other.word for other in vocabulary().rivals.get(term, ()) if record.terms.get(other))
        return ("contradicted", rivals) if rivals else ("unsupported", ())
    if term.kind == "brand":
        return ("contradicted", (record.product.brand,)) if record.product.brand else ("unsupported", ())
    stated = tuple(dict.fromkeys(record.stated(term.kind).values()))[:SHOWN_WORDS]
    return ("contradicted", stated) if stated else ("unsupported", ())

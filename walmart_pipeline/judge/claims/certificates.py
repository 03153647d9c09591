"""Certificates of bodies that no list holds: "USP Verified", "certified by NSF", "USB-IF certified"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from walmart_pipeline.judge.claims import context
from walmart_pipeline.judge.claims.claim import Claim
from walmart_pipeline.judge.claims.listing_text import ListingText
from walmart_pipeline.judge.claims.record import Record
from walmart_pipeline.text import sentences
from walmart_pipeline.text.word_search import flat

# Bodies are called by their capitals; "Fully Certified" in a title names none.
_BODY = r"[A-ZÀ-Þ][A-ZÀ-Þ0-9&]+(?:-[A-Z0-9]+)*"
_BEFORE = re.compile(rf"(?<![\w-])({_BODY})(?:\s+[A-Z][\w-]+){{0,2}}[\s-]+$")
_BEHIND = re.compile(rf"(?:\s+[a-z][\w-]*){{0,4}}\s+(?:by|to|from)\s+(?:the\s+)?({_BODY})\b")
_REACH = 60


def certificate_claims(listing: ListingText, record: Record) -> Iterator[Claim]:
    """Each certificate with the name of a body, unsupported where the record does not name the body."""
    for start, end, _ in listing.terms_of.get("seal", ()):
        # Among capitals a body has none of its own.
        if listing.text[start:end].isupper():
            continue
        named = _BEFORE.search(listing.text, max(0, start - _REACH), start)
        named = named or _BEHIND.match(listing.text, end, end + _REACH)
        if named is None or named[1] == "STANDARD" or listing.has_claim(*named.span(1)):
            continue
        first, last = min(start, named.start(1)), max(end, named.end(1))
        if f" {' '.join(flat(named[1]).split())} " in record.flat:
            yield Claim("claim", first, last, "supported")
        elif not context.is_denied(sentences.left_context(listing.normalized, first)):
            yield Claim("claim", first, last, "unsupported")

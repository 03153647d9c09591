"""Checks of the text against the product's record."""

from __future__ import annotations

from collections.abc import Iterator

from walmart_pipeline.judge.claims import Subject
from walmart_pipeline.judge.claims.listing_text import KEYWORDS
from walmart_pipeline.judge.rules.base import Case, Finding, rule


@rule("grounding.number")
def number(case: Case) -> Iterator[Finding]:
    """A number that the record does not have, or has differently."""
    return _unproved(case, "number")


@rule("grounding.brand")
def brand(case: Case) -> Iterator[Finding]:
    """A maker that is not the record's."""
    return _unproved(case, "brand")


@rule("grounding.attribute")
def attribute(case: Case) -> Iterator[Finding]:
    """A material, colour, size or model number that the record does not have, or has differently."""
    return _unproved(case, "attribute")


@rule("grounding.claim")
def claim(case: Case) -> Iterator[Finding]:
    """A certification, warranty, origin or regulated claim that the record does not make, or denies."""
    return _unproved(case, "claim")


def _unproved(case: Case, subject: Subject) -> Iterator[Finding]:
    for found in case.claims:
        if found.subject == subject and found.verdict != "supported":
            field, offset = case.listing_text.place(found.start)
            contradicted = KEYWORDS if field.startswith(KEYWORDS) else None
            yield Finding(
                field,
                found.start - offset,
                found.end - offset,
                contradicted if found.verdict == "contradicted" else "unsupported",
                {"source": ", ".join(found.source_has)},
            )

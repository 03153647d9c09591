"""Checks of the text against the product's record."""

from __future__ import annotations

from collections.abc import Iterator

from walmart_pipeline.judge.claims import Subject
from walmart_pipeline.judge.claims.listing_text import KEYWORDS
from walmart_pipeline.judge.rules.base import Case, Finding, rule


@rule("grounding.number")
def number(case: Case) -> Iterator[Finding]:
    """A number that the record does not have, or has differently."""
    return _unsupported(case, "number")


@rule("grounding.brand")
def brand(case: Case) -> Iterator[Finding]:
    """A brand that is not the record's."""
    return _unsupported(case, "brand")


@rule("grounding.attribute")
def attribute(case: Case) -> Iterator[Finding]:
    """A material, colour, size or model number that the record does not have, or has differently."""
    return _unsupported(case, "attribute")


@rule("grounding.claim")
def claim(case: Case) -> Iterator[Finding]:
    """A certification, warranty, origin or regulated claim that the record does not make, or denies."""
    return _unsupported(case, "claim")


def _unsupported(case: Case, subject: Subject) -> Iterator[Finding]:
    for found in case.claims:
        if found.subject == subject and found.status != "supported":
            field, offset = case.listing_text.place(found.start)
            in_keywords = field.startswith(KEYWORDS)
            # What a word denies may be all the record: there is nothing to name instead.
            unsupported = found.status == "unsupported" or not found.source_has
            if found.hint or (in_keywords and unsupported):
                variant: str | None = "hint"
            else:
                variant = "unsupported" if unsupported else KEYWORDS if in_keywords else None
            values = {"source": ", ".join(found.source_has)}
            yield Finding(field, found.start - offset, found.end - offset, variant, values)

"""Checks of the text against the product's record."""

from __future__ import annotations

from collections.abc import Iterator

from walmart_pipeline.quality.rules.checks import Case, Finding, rule


@rule("grounding.number")
def number(case: Case) -> Iterator[Finding]:
    """A number that the record does not have, or has differently."""
    for claim in case.claims:
        if claim.verdict != "supported":
            yield Finding(
                claim.field,
                claim.quantity.start,
                claim.quantity.end,
                None if claim.verdict == "contradicted" else "unsupported",
                {"source": ", ".join(claim.source_has)},
            )

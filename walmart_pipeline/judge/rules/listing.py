"""Checks of the listing as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from walmart_pipeline.judge.rules.base import Case, Finding, rule


@rule("listing.empty")
def nothing_written(case: Case) -> Iterator[Finding]:
    """No field holds a letter or digit."""
    if case.is_empty:
        yield Finding("listing")

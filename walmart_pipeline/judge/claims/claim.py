"""A claim of a text and its status against the record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

ClaimStatus: TypeAlias = Literal["supported", "unsupported", "contradicted"]
Subject: TypeAlias = Literal["number", "brand", "attribute", "claim"]

# A false statement counts as much as three that are not proved.
CONTRADICTION_WEIGHT = 3


class Claim(NamedTuple):
    """Something that the listing states, where it stands in ListingText.text, and what the record says of it.

    `subject`: the rule is "grounding." and this word. `source_has`: what a contradicting record has instead.
    """

    subject: Subject
    start: int
    end: int
    verdict: ClaimStatus
    source_has: tuple[str, ...] = ()


def support(claims: Iterable[Claim]) -> float | None:
    """Share of the claims that the record supports, 0–100, one that it contradicts counting three times.

    None without a claim: such a text was not tested.
    """
    supported = weight = 0
    for claim in claims:
        supported += claim.verdict == "supported"
        weight += CONTRADICTION_WEIGHT if claim.verdict == "contradicted" else 1
    return 100 * supported / weight if weight else None

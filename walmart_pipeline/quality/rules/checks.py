"""What a check is given and what it yields.

Belongs here: the case, the finding and the register of checks. Does not: any rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from walmart_pipeline.quality import texts
from walmart_pipeline.quality.grounding import Claim, claims_of
from walmart_pipeline.quality.quantities import Quantity, quantities
from walmart_pipeline.records import Listing, Product

if TYPE_CHECKING:
    from walmart_pipeline.quality.policy import Limits


class Finding(NamedTuple):
    """Where a rule is broken: a field and the span in it. The profile adds severity and message."""

    field: str
    start: int = 0
    end: int = 0
    variant: str | None = None
    values: Mapping[str, object] = MappingProxyType({})


class Case:
    """One listing beside its product, under a profile's limits; what several checks need is worked out once."""

    def __init__(self, listing: Listing, product: Product, limits: Limits, acronyms: frozenset[str]) -> None:
        self.listing = listing
        self.product = product
        self.limits = limits
        self.acronyms = acronyms
        self.fields: list[tuple[str, str]] = [
            ("title", listing.title),
            *((f"key_features[{index}]", feature) for index, feature in enumerate(listing.key_features)),
            ("description", listing.description),
        ]

    @cached_property
    def description_words(self) -> list[str]:
        """Each word of the description, folded."""
        return texts.WORD.findall(texts.folded(self.listing.description))

    @cached_property
    def title_stems(self) -> list[str]:
        """texts.key_stems of the title."""
        return texts.key_stems(self.listing.title)

    @cached_property
    def description_stems(self) -> list[str]:
        """texts.key_stems of the description."""
        return texts.stems_of(self.description_words)

    @cached_property
    def feature_stems(self) -> list[list[str]]:
        """texts.key_stems of each key feature."""
        return [texts.key_stems(feature) for feature in self.listing.key_features]

    @cached_property
    def stated(self) -> list[tuple[str, Quantity]]:
        """Every number of the listing with the name of its field."""
        return [(name, quantity) for name, text in self.fields for quantity in quantities(text)]

    @cached_property
    def claims(self) -> list[Claim]:
        """Every number that the listing states, judged against the product's record."""
        return claims_of(self.stated, self.product)

    @cached_property
    def is_empty(self) -> bool:
        """No field holds a letter or digit."""
        return not any(texts.PIECE.search(text) for _, text in self.fields)


Check: TypeAlias = Callable[[Case], Iterator[Finding]]
CHECKS: dict[str, Check] = {}


def rule(rule_id: str) -> Callable[[Check], Check]:
    """Register a check under the id that users see. Severity, source and message are the profile's."""

    def register(check: Check) -> Check:
        if rule_id in CHECKS:
            raise ValueError(f"two checks for {rule_id}: give one of them another id")
        CHECKS[rule_id] = check
        return check

    return register

"""What a check is given and what it yields.

Belongs here: the case, the finding and the register of checks. Does not: any rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from walmart_pipeline.quality import texts
from walmart_pipeline.quality.grounding import Claim, ListingText, claims_of
from walmart_pipeline.quality.quantities import Quantity
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
        self.keywords: list[tuple[str, str]] = [
            (f"seo_keywords[{index}]", keyword) for index, keyword in enumerate(listing.seo_keywords)
        ]

    @cached_property
    def description_cut(self) -> texts.Cut:
        """Words and sentences of the description."""
        return texts.cut(self.listing.description)

    @cached_property
    def description_words(self) -> list[str]:
        """Each word of the description, folded."""
        return self.description_cut.words

    @property
    def description_shape(self) -> str:
        """english.shape of the description."""
        return self.description_cut.shape

    @cached_property
    def lines_shape(self) -> str:
        """english.shape of the title and all key features, one after the other."""
        return "".join([each.shape for each in (self.title_cut, *self.feature_cuts)])

    @cached_property
    def record_words(self) -> frozenset[str]:
        """Every folded piece of the record's name, brand, category and attributes: a text need not explain them."""
        product = self.product
        parts = [product.product_name, product.brand or "", *product.category, *product.attributes.values()]
        return frozenset(texts.PIECE.findall(texts.folded(" ".join(parts))))

    @cached_property
    def title_cut(self) -> texts.Cut:
        """Words of the title."""
        return texts.cut(self.listing.title)

    @cached_property
    def name_cut(self) -> texts.Cut:
        """Words of the product's name."""
        return texts.cut(self.product.product_name)

    @property
    def title_stems(self) -> list[str]:
        """texts.key_stems of the title."""
        return self.title_cut.stems

    @cached_property
    def feature_cuts(self) -> list[texts.Cut]:
        """Words of each key feature."""
        return [texts.cut(feature) for feature in self.listing.key_features]

    @cached_property
    def feature_stems(self) -> list[list[str]]:
        """texts.key_stems of each key feature."""
        return [feature.stems for feature in self.feature_cuts]

    @cached_property
    def stems(self) -> frozenset[str]:
        """texts.key_stems of all that a shopper reads."""
        return frozenset(self.title_stems).union(self.description_cut.stems, *self.feature_stems)

    @cached_property
    def listing_text(self) -> ListingText:
        """All fields as one text, as the grounding checks search it."""
        return ListingText([*self.fields, *self.keywords])

    @cached_property
    def stated(self) -> list[tuple[str, Quantity]]:
        """Every number of title, features and description with the name of its field (grounding.ListingText.stated)."""
        return self.listing_text.stated

    @cached_property
    def claims(self) -> list[Claim]:
        """Everything that the listing states and a record can tell, judged against the product's."""
        return claims_of(self.listing_text, self.product)

    @cached_property
    def is_empty(self) -> bool:
        """No field holds a letter or digit."""
        return not any(texts.PIECE.search(text) for _, text in self.fields)


class Mention(NamedTuple):
    """A listed word where it stands: in which list it is, and its span in a field of a product's listing."""

    word_list: str
    text: str
    folded: str
    start: int
    end: int
    product: Product


class Confirmed(NamedTuple):
    """What a mention turns out to be part of: the whole claim, from its verb to the listed word."""

    start: int
    end: int
    variant: str | None = None


Check: TypeAlias = Callable[[Case], Iterator[Finding]]
Confirmation: TypeAlias = Callable[[Mention], Confirmed | None]
CHECKS: dict[str, Check] = {}
CONFIRMATIONS: dict[str, Confirmation] = {}


def rule(rule_id: str) -> Callable[[Check], Check]:
    """Register a check under the id that users see. Severity, source and message are the profile's."""

    def register(check: Check) -> Check:
        if rule_id in CHECKS:
            raise ValueError(f"two checks for {rule_id}: give one of them another id")
        CHECKS[rule_id] = check
        return check

    return register


def confirms(rule_id: str) -> Callable[[Confirmation], Confirmation]:
    """Register what reads the sentence around a listed word of that rule: None where the word is innocent."""

    def register(confirmation: Confirmation) -> Confirmation:
        CONFIRMATIONS[rule_id] = confirmation
        return confirmation

    return register

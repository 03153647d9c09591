"""A listing without a model: nothing but the product's own facts, in plain sentences.

Belongs here: what a composed listing is put together from, and when the facts are too thin for one.
Does not: the parts themselves (composing/), the rules that a text must keep (quality), or the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal, Protocol, TypeAlias

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.generation.template import title as titles
from walmart_pipeline.generation.template.attributes import facts_of, prose_of
from walmart_pipeline.generation.template.description import count_words, describe
from walmart_pipeline.generation.template.features import key_features, overlong
from walmart_pipeline.generation.template.keywords import keywords
from walmart_pipeline.generation.template.sentences import read
from walmart_pipeline.generation.template.voice import voice_of

TextField: TypeAlias = Literal["title", "key_features", "description"]
Acceptable: TypeAlias = Callable[[TextField, str, Product], bool]


class ListingLimits(Protocol):
    """Lengths and counts of a listing, as a policy profile has them (quality.policy.Limits)."""

    @property
    def title_min(self) -> int: ...  # noqa: D102
    @property
    def title_max(self) -> int: ...  # noqa: D102
    @property
    def features_min(self) -> int: ...  # noqa: D102
    @property
    def features_max(self) -> int: ...  # noqa: D102
    @property
    def feature_max_chars(self) -> int: ...  # noqa: D102
    @property
    def description_min_words(self) -> int: ...  # noqa: D102
    @property
    def description_max_chars(self) -> int: ...  # noqa: D102


class FactsTooThin(ValueError):  # noqa: N818  (a verdict on the record, not a fault)
    """The record does not carry a listing. `words`: what its description comes to; `needed`: what it would need."""

    def __init__(self, words: int, needed: int, unmarked: int = 0) -> None:
        self.words = words
        self.needed = needed
        message = f"the facts carry {words} words of the {needed} that a description needs"
        if unmarked:
            message += f"; {unmarked} more stand in text without punctuation, which cannot be cut into sentences"
        super().__init__(message)


class NoTitle(FactsTooThin):
    """Every part of the product's name breaks a content rule."""

    def __init__(self, name: str, needed: int) -> None:
        super().__init__(0, needed)
        self.args = (f"the facts carry no title: every part of the name {name!r} breaks a content rule",)


def anything(field: TextField, text: str, product: Product) -> bool:
    """No content rule at all: what `compose` asks when it is given no judge."""
    return True


def compose(product: Product, limits: ListingLimits, acceptable: Acceptable = anything) -> Listing:
    """Write a listing from the product's facts; the same facts give the same text, whatever the attributes' order.

    acceptable(field, text, product): whether a piece breaks no content rule; field is "title", "key_features" or
    "description". A piece that breaks one is left out. A title that the facts cannot bring to title_min stays short,
    and fewer than features_min features stay fewer: both are for a person to judge, and nothing is invented.
    Raises FactsTooThin when the description stays below description_min_words, or no part of the name is acceptable.
    """

    @cache
    def fits_description(text: str) -> bool:
        return acceptable("description", text, product)

    def fits_features(text: str) -> bool:
        return acceptable("key_features", text, product)

    def fits_title(text: str) -> bool:
        return acceptable("title", text, product)

    source = read("\n".join([product.description, *prose_of(product)]))
    facts = facts_of(product, source.attributes)
    name = titles.saved(titles.clean_name(product.product_name, product.brand), fits_title)
    if not name:
        raise NoTitle(product.product_name, limits.description_min_words)
    voice = voice_of(product, name)
    features = key_features(
        source,
        [fact for fact in facts if fits_features(fact.label)],
        product.features,
        subject=" ".join([name, *product.category]),
        least=limits.features_min,
        most=limits.features_max,
        longest=limits.feature_max_chars,
        acceptable=fits_features,
    )
    description = describe(
        product=product,
        name=name,
        source=source,
        facts=facts,
        features=features,
        overlong=overlong(product.features, limits.feature_max_chars),
        voice=voice,
        words_needed=limits.description_min_words,
        longest=limits.description_max_chars,
        acceptable=fits_description,
    )
    words = count_words(description)
    if words < limits.description_min_words:
        raise FactsTooThin(words, limits.description_min_words, source.unmarked_words)
    title = titles.extended(name, facts, limits.title_min, limits.title_max)
    return Listing(
        title=title if fits_title(title) else titles.cut(name, limits.title_max),
        key_features=features,
        description=description,
        seo_keywords=keywords(product, name, voice.noun, facts, fits_features),
    )

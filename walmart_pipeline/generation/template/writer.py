"""The template writer: a listing from nothing but the product's own facts, in plain sentences."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from functools import cache
from typing import Literal, TypeAlias

from walmart_pipeline.core.records import TEMPLATE, Completion, Listing, Product, content_hash
from walmart_pipeline.generation.provider import Provider, Task
from walmart_pipeline.generation.template import title as titles
from walmart_pipeline.generation.template.attributes import facts_of, prose_of
from walmart_pipeline.generation.template.description import count_words, describe
from walmart_pipeline.generation.template.features import key_features, overlong
from walmart_pipeline.generation.template.keywords import keywords
from walmart_pipeline.generation.template.sentences import read
from walmart_pipeline.generation.template.voice import voice_of
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.judge.policy.schema import Limits

# Bumped when the same facts would give another text.
VERSION = "1"

TextField: TypeAlias = Literal["title", "key_features", "description"]
Acceptable: TypeAlias = Callable[[TextField, str, Product], bool]


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


def compose(product: Product, limits: Limits, acceptable: Acceptable = anything) -> Listing:
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


class TemplateWriter(Provider):
    """No model, no server, no cost: the baseline that every model has to beat.

    outage: why it stands in for a model this time. Its texts are marked with it, and written anew when the model is
    back.
    """

    name = TEMPLATE
    model = TEMPLATE

    def __init__(self, judge: Judge, *, outage: str | None = None) -> None:
        self._judge = judge
        self._outage = outage

    @property
    def outage(self) -> str | None:
        """See Provider."""
        return self._outage

    @property
    def notice(self) -> str | None:
        """See Provider."""
        if not self._outage:
            return None
        return f"{self._outage}. Texts that exist stay; what has none is written by the template writer for now"

    @property
    def prompt_version(self) -> str:
        """Limits and word lists decide what it writes: another policy asks for other texts."""
        return f"{VERSION}/{self._judge.policy.label}"

    def write(self, tasks: Iterable[Task]) -> Generator[tuple[Product, Completion], None, None]:
        """One completion per product, in order; facts that carry no listing are declined with the reason.

        Another revision of the same facts is the same text.
        """
        for product, _ in tasks:
            started = time.perf_counter()
            completion = Completion(
                request_hash=content_hash([self.name, self.model, self.prompt_version, product.facts_hash]),
                provider=self.name,
                model=self.model,
                prompt_version=self.prompt_version,
                status="complete",
                fallback=self._outage,
            )
            try:
                listing = compose(product, self._judge.policy.limits, self._judge.acceptable)
                outcome = {"text": listing.model_dump_json()}
            except FactsTooThin as thin:
                outcome = {"status": "declined", "error": str(thin)}
            yield product, completion.model_copy(update=outcome | {"seconds": time.perf_counter() - started})

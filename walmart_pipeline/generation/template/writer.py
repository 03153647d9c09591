"""The template writer: writes listings from products' facts in plain sentences, without a model."""

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
from walmart_pipeline.generation.template.features import key_features, keywords, overlong
from walmart_pipeline.generation.template.sentences import read
from walmart_pipeline.generation.template.voice import voice_of
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.judge.policy.schema import Limits

# Bumped when the same facts would give another text.
VERSION = "1"

TextField: TypeAlias = Literal["title", "key_features", "description"]
Acceptable: TypeAlias = Callable[[TextField, str, Product], bool]


class TooFewFactsError(ValueError):
    """The record has too few facts for a listing. words: of the possible description; needed: of a valid one."""

    def __init__(self, words: int, needed: int, unmarked: int = 0) -> None:
        self.words = words
        self.needed = needed
        message = f"the facts carry {words} words of the {needed} that a description needs"
        if unmarked:
            message += f"; {unmarked} more stand in text without punctuation, which cannot be cut into sentences"
        super().__init__(message)


class NoTitleError(TooFewFactsError):
    """Every part of the product's name breaks a content rule."""

    def __init__(self, name: str, needed: int) -> None:
        super().__init__(0, needed)
        self.args = (f"the facts carry no title: every part of the name {name!r} breaks a content rule",)


def anything(field: TextField, text: str, product: Product) -> bool:
    """Accept any text."""
    return True


def compose(product: Product, limits: Limits, acceptable: Acceptable = anything) -> Listing:
    """Write a listing from the product's facts; the same facts give the same text.

    acceptable(field, text, product): whether a piece of text breaks no content rule; others are excluded. The title may
    be shorter than title_min, and there may be fewer than features_min features.
    Raises TooFewFactsError for a description below description_min_words, or if no part of the name is acceptable.
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
    name = titles.compliant(titles.clean_name(product.product_name, product.brand), fits_title)
    if not name:
        raise NoTitleError(product.product_name, limits.description_min_words)
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
        raise TooFewFactsError(words, limits.description_min_words, source.unmarked_words)
    title = titles.extended(name, facts, limits.title_min, limits.title_max)
    return Listing(
        title=title if fits_title(title) else titles.cut(name, limits.title_max),
        key_features=features,
        description=description,
        seo_keywords=keywords(product, name, voice.noun, facts, fits_features),
    )


class TemplateWriter(Provider):
    """Provider without a model, server or cost: the baseline for every model.

    outage: why it replaces a model. Its texts are marked with the reason and rewritten when the model is available.
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
        return (
            f"{self._outage}. Texts that exist stay; what has none is written by the template writer until it is back"
        )

    @property
    def prompt_version(self) -> str:
        """Includes the policy, whose limits and word lists affect the text."""
        return f"{VERSION}/{self._judge.policy.label}"

    def write(self, tasks: Iterable[Task]) -> Generator[tuple[Product, Completion], None, None]:
        """One completion per product, in order, declined for too few facts. All revisions have the same text."""
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
            except TooFewFactsError as thin:
                outcome = {"status": "declined", "error": str(thin)}
            yield product, completion.model_copy(update=outcome | {"seconds": time.perf_counter() - started})

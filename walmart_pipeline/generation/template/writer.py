"""The template writer: writes listings from products' facts in plain sentences, without a model."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterable
from functools import cache, partial
from typing import Literal, TypeAlias, get_args

from walmart_pipeline.core.records import TEMPLATE, Completion, Listing, Product, content_hash
from walmart_pipeline.generation.provider import Provider, Task
from walmart_pipeline.generation.template import grammar, source
from walmart_pipeline.generation.template import title as titles
from walmart_pipeline.generation.template.description import describe
from walmart_pipeline.generation.template.facts import Fact, facts_of
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.judge.policy.schema import Limits
from walmart_pipeline.text import product_text

# Bumped when the same facts would give another text.
VERSION = "2"

TextField: TypeAlias = Literal["title", "key_features", "description"]
Acceptable: TypeAlias = Callable[[TextField, str, Product], bool]

# A shorter text is no description; a policy's minimum may be lower.
MIN_WORDS = 50
# Key features: Walmart's item feed takes seven; five are enough.
_FEED_MOST = 7
_ENOUGH = 5
# Below this share of a text that reads well, what does is not trusted either. Median of the sample: 0.87; of
# general_895, whose quoted sentences two raters gave 2.2 stars: 0.5.
_READABLE_SHARE = 0.6
# A record with fewer attributes comes from a careless hand: only plain sentences of a spotless text are quoted.
# At a share of 0.6 a rater gave 21 texts of general_895 1.9 stars.
_SPOTLESS_SHARE = 0.9
_RICH_ATTRIBUTES = 4
# "The lid opens" speaks of the product; other sentences have to share a word with its name or facts.
_OWN = ("The ", "This ", "These ", "A ", "An ", "Its ", "It ")
# A sentence with no more words beside an attribute's value says nothing else.
_FEW_WORDS = 3
MOST_KEYWORDS = 10
_FEWEST_KEYWORDS = 5
_LONGEST_PHRASE = 4
_SPLIT = re.compile(r"\s*(?:[,;:|()\[\]&/]|\s[-–—]\s|\b(?:for|with|and|of|in|by|from|w/)\b)\s*", re.IGNORECASE)


class TooFewFactsError(ValueError):
    """The record carries no listing; the message is the reason."""


def anything(field: TextField, text: str, product: Product) -> bool:
    """Accept any text."""
    return True


def compose(product: Product, limits: Limits, acceptable: Acceptable = anything) -> Listing:
    """Write a listing from the product's facts; the same facts give the same text.

    acceptable(field, text, product): whether a piece of text breaks no content rule; others are excluded.
    Raises TooFewFactsError where the record carries no title, too few key features or too short a description.
    """

    @cache
    def fits(field: TextField, text: str) -> bool:
        return not product_text.is_disputed(product, text) and acceptable(field, text, product)

    fits_title, fits_features, fits_description = (partial(fits, field) for field in get_args(TextField))

    clean = titles.compliant(titles.clean_name(product.product_name, product.brand), fits_title, product.brand)
    if not clean:
        raise TooFewFactsError(f"no title: every part of {product.product_name!r} breaks a content rule")
    name = titles.name_of(clean, product.brand, product.category)
    if name is None:
        raise TooFewFactsError(f"no title: {product.product_name!r} is a list of search words")
    facts = facts_of(product, clean)
    text = source.read(product)
    about = grammar.content_words(" ".join([clean, *product.category, *(fact.feature for fact in facts)]))
    is_rich = len(product.attributes) >= _RICH_ATTRIBUTES
    prose = [
        sentence
        for sentence in text.sentences
        if text.readable_share >= (_READABLE_SHARE if is_rich else _SPOTLESS_SHARE)
        and (is_rich or (sentence.whole and source.is_plain(sentence.text)))
        and (not sentence.whole or sentence.text.startswith(_OWN) or about & grammar.content_words(sentence.text))
        and not (name.plural and sentence.text.startswith("It"))
        and not _restates(sentence.text, product)
        and not _has_odd_capital(sentence.text, product)
    ]
    features = _key_features(product, text, about, facts, [sentence.text for sentence in prose], limits, fits_features)
    description = describe(
        name=name,
        seed=product.product_id,
        prose=prose,
        facts=facts,
        features=features,
        longest=limits.description_max_chars,
        acceptable=fits_description,
    )
    words, needed = len(description.split()), min(MIN_WORDS, limits.description_min_words)
    if words < needed or len(features) < limits.features_min:
        reason = f"the facts carry {words} words of the {needed} that a description needs"
        if len(features) < limits.features_min:
            reason += f", and {len(features)} key features of {limits.features_min}"
        raise TooFewFactsError(reason)
    title = titles.written(name, facts, limits.title_min, limits.title_max)
    return Listing(
        title=title if fits_title(title) else name.core,
        key_features=features,
        description=description,
        seo_keywords=_keywords(product, name, fits_features),
    )


def _restates(sentence: str, product: Product) -> bool:
    """Whether a sentence is little more than an attribute ("The color is black"), which has a phrase of its own."""
    words = grammar.content_words(sentence)
    return any(
        (own := grammar.content_words(value)) and own <= words and len(words - own) <= _FEW_WORDS
        for value in product.attributes.values()
    )


def _has_odd_capital(sentence: str, product: Product) -> bool:
    """Whether a word inside a sentence has a capital that it has neither in the name nor elsewhere in the text."""
    names = {word.lower() for word in re.findall(r"\w+", f"{product.product_name} {product.brand}")}
    return any(
        word.lower() not in names and re.search(rf"(?<!\w){word.lower()}(?!\w)", product.description)
        for word in re.findall(r"(?<=\w[ -])[A-Z][a-z]+", sentence)
    )


def _key_features(
    product: Product,
    text: source.SourceText,
    about: frozenset[str],
    facts: list[Fact],
    prose: list[str],
    limits: Limits,
    acceptable: Callable[[str], bool],
) -> list[str]:
    """The source's own features, then facts, list items and short sentences of its text. No two say the same."""
    chosen: list[str] = []
    covered: list[frozenset[str]] = []

    def take(candidates: Iterable[str | None], most: int) -> None:
        for candidate in candidates:
            words = grammar.content_words(candidate or "")
            if len(chosen) >= min(most, limits.features_max) or grammar.is_covered(words, covered):
                continue
            # one composition is enough
            if candidate and "%" in candidate and any("%" in other for other in chosen):
                continue
            if candidate and len(candidate) <= limits.feature_max_chars and acceptable(candidate):
                chosen.append(candidate)
                covered.append(words)

    take(map(source.as_phrase, product_text.source_text(product).feature_lines), _FEED_MOST)
    few = _ENOUGH if len(chosen) < limits.features_min else 0
    take((fact.feature for fact in facts if fact.kind != "other"), few)
    take((phrase for phrase in text.phrases if about & grammar.content_words(phrase)), few)
    take((fact.feature for fact in facts), few)
    take((source.as_feature(sentence) for sentence in prose), limits.features_min)
    return chosen


def _keywords(product: Product, name: titles.Name, acceptable: Callable[[str], bool]) -> list[str]:
    """Up to ten lower-case search phrases of one to four words, the most specific first."""
    found: dict[str, None] = {}

    def take(phrase: str) -> None:
        words = list(dict.fromkeys(phrase.lower().replace(",", "").split()))
        clean = " ".join(words).strip(" .'\"!")
        if len(clean) < 3 or clean.isdigit() or len(words) > _LONGEST_PHRASE:
            return
        if not {words[0], words[-1]} & grammar.FUNCTION_WORDS and acceptable(clean):
            found.setdefault(clean)

    parts = [part.split() for part in _SPLIT.split(name.core) if part]
    for length in (len(name.noun.split()), 2, 3):
        take(" ".join(name.core.split()[-length:]))
    take(f"{product.brand or ''} {name.noun}")
    for level in reversed(product.category):
        take(level)
    for pair in (" ".join(part[at : at + 2]) for part in parts for at in range(len(part) - 1)):
        if len(found) < _FEWEST_KEYWORDS:
            take(pair)
    return list(found)[:MOST_KEYWORDS]


class TemplateWriter(Provider):
    """Provider without a model, server or cost: the baseline for every model.

    outage: why it replaces a model. Its texts are marked with the reason and rewritten when the model is available.
    """

    name = TEMPLATE
    model = TEMPLATE

    def __init__(self, judge: Judge, *, outage: str | None = None) -> None:
        self._judge = judge
        self.outage = outage
        if outage:
            self.notice = (
                f"{outage}. Texts that exist stay; what has none is written by the template writer until it is back"
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
                fallback=self.outage,
            )
            try:
                listing = compose(product, self._judge.policy.limits, self._judge.acceptable)
                outcome = {"text": listing.model_dump_json()}
            except TooFewFactsError as thin:
                outcome = {"status": "declined", "error": str(thin)}
            yield product, completion.model_copy(update=outcome | {"seconds": time.perf_counter() - started})

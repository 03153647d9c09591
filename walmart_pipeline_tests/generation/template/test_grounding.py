"""No word of a composed listing is anyone's but the source's or the template's, whatever the product."""

from __future__ import annotations

import re
from importlib.resources import files
from string import ascii_lowercase
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.records import Product
from walmart_pipeline.generation.template import grammar
from walmart_pipeline.generation.template.writer import TooFewFactsError, compose
from walmart_pipeline_tests.generation.template.test_writer import Limits

PHRASES: dict[str, Any] = yaml.safe_load(
    files("walmart_pipeline.generation.template").joinpath("phrases.yaml").read_text(encoding="utf-8")
)
PRAISE = set(
    """
    amazing authentic beautiful best better brilliant cheap comfortable convenient durable easy elegant excellent
    exclusive fantastic fine finest genuine good great high-quality ideal incredible leading lovely luxurious luxury
    modern new nice perfect popular premium quality reliable stunning stylish superb superior top trusted ultimate
    unique versatile wonderful
    """.split()
)
WORDS = re.compile(r"[a-z]+|\d+(?:\.\d+)?")


def template_words() -> set[str]:
    wordings = [wording for kind in PHRASES["kinds"].values() for wording in kind]
    wordings += [*PHRASES["other"], *PHRASES["answers"]]
    texts = [wording.get(key, "") for wording in wordings for key in ("verb", "object", "feature", "sentence")]
    texts += [grammar.verb(wording["verb"], plural=True) for wording in wordings if wording.get("verb")]
    texts += [f"{part['noun']}s {part['noun']} {' '.join(part['before'])}" for part in PHRASES["parts"]]
    texts += [f"{unit} {unit}s inches feet" for unit in PHRASES["units"].values()]
    texts += [word for words in PHRASES["determiners"].values() for word in words]
    grammatical = "it they a an and has have pack xl"
    return set(WORDS.findall(re.sub(r"\{\w+\}", " ", " ".join([grammatical, *texts])).lower()))


TEMPLATE_WORDS = template_words()

word = st.text(ascii_lowercase, min_size=3, max_size=9)
names = [name for kind in PHRASES["kinds"].values() for wording in kind for name in wording["names"]]
value = st.one_of(
    st.lists(word, min_size=1, max_size=4).map(" ".join),
    st.lists(word, min_size=2, max_size=4).map(", ".join),
    st.builds("{} {}".format, st.decimals(1, 999, places=1), st.sampled_from(["in", "lb", "oz", "L", "W"])),
    st.sampled_from(["Yes", "No", "4", "12", "2 years"]),
)
sentence = st.lists(word, min_size=4, max_size=14).map(lambda words: f"The {' '.join(words)} is here.")
products = st.builds(
    Product,
    product_id=st.just("p"),
    product_name=st.lists(word.map(str.capitalize), min_size=2, max_size=9).map(" ".join),
    brand=st.none() | word.map(str.capitalize),
    category=st.lists(word.map(str.capitalize), max_size=4),
    attributes=st.dictionaries(st.sampled_from(names) | st.lists(word, min_size=1, max_size=3).map("_".join), value),
    features=st.lists(st.lists(word, min_size=2, max_size=9).map(" ".join), max_size=6),
    description=st.lists(sentence, max_size=14).map(" ".join),
)
LENIENT = Limits(features_min=1, description_min_words=12)


def known_words(product: Product) -> set[str]:
    fields = [product.product_name, product.brand or "", *product.category, *product.features, product.description]
    attributes = [text for pair in product.attributes.items() for text in pair]
    own = set(WORDS.findall(" ".join([*fields, *attributes]).replace("_", " ").lower()))
    return own | {grammar.singular(word) for word in own} | TEMPLATE_WORDS


@settings(max_examples=150, deadline=None)
@given(products)
def test_every_word_and_number_is_the_records_or_the_templates(product: Product) -> None:
    try:
        listing = compose(product, LENIENT)
    except TooFewFactsError:
        return
    text = " ".join([listing.title, *listing.key_features, listing.description, *listing.seo_keywords]).lower()
    assert not set(WORDS.findall(text)) - known_words(product)
    assert not {stranger for stranger in TEMPLATE_WORDS if stranger[0].isdigit()}


@settings(max_examples=100, deadline=None)
@given(products)
def test_limits_hold_and_nothing_is_said_twice(product: Product) -> None:
    try:
        listing = compose(product, LENIENT)
    except TooFewFactsError:
        return
    assert len(listing.title) <= LENIENT.title_max
    assert len(listing.key_features) <= 7
    assert all(len(feature) <= LENIENT.feature_max_chars for feature in listing.key_features)
    assert len(set(listing.key_features)) == len(listing.key_features)
    assert LENIENT.description_min_words <= len(listing.description.split())
    assert len(listing.description) <= LENIENT.description_max_chars
    stated = re.split(r"(?<=\.)\s+", listing.description)
    assert len({text.strip().lower() for text in stated}) == len(stated)
    assert ".." not in listing.description


def test_templates_praise_nothing() -> None:
    assert not TEMPLATE_WORDS & PRAISE

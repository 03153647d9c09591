"""No word of a composed listing is anyone's but the source's or the template's, whatever the product."""

from __future__ import annotations

import re
from importlib.resources import files
from string import ascii_lowercase

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.records import Product
from walmart_pipeline.generation.template.writer import TooFewFactsError, compose
from walmart_pipeline_tests.generation.template.test_writer import Limits

PHRASES = yaml.safe_load(
    files("walmart_pipeline.generation.template").joinpath("phrases.yaml").read_text(encoding="utf-8")
)
PRAISE = {
    "amazing",
    "authentic",
    "beautiful",
    "best",
    "better",
    "brilliant",
    "cheap",
    "comfortable",
    "convenient",
    "durable",
    "easy",
    "elegant",
    "excellent",
    "exclusive",
    "fantastic",
    "fine",
    "finest",
    "genuine",
    "good",
    "great",
    "high-quality",
    "ideal",
    "incredible",
    "leading",
    "lovely",
    "luxurious",
    "luxury",
    "modern",
    "new",
    "nice",
    "perfect",
    "popular",
    "premium",
    "quality",
    "reliable",
    "safe",
    "stunning",
    "stylish",
    "superb",
    "superior",
    "top",
    "trusted",
    "ultimate",
    "unique",
    "versatile",
    "wonderful",
}
WORDS = re.compile(r"[a-z]+|\d+(?:\.\d+)?")


def template_texts(node: object) -> list[str]:
    if isinstance(node, str):
        return [node]
    if isinstance(node, dict):
        return [text for value in node.values() for text in template_texts(value)]
    return [text for value in node for text in template_texts(value)] if isinstance(node, list) else []


def template_words() -> set[str]:
    kinds = [[kind["templates"], kind.get("title", "")] for kind in PHRASES["kinds"].values()]
    families = [[family["openings"], family.get("kinds", {})] for family in PHRASES["families"].values()]
    booleans = {name: text for name, text in PHRASES["booleans"].items() if name != "adjectives"}
    names = ("nouns", "other", "other_in_words", "counted", "answered", "openings", "fragments", "paths", "joined")
    texts = template_texts([*kinds, *families, booleans, *(PHRASES[name] for name in names)])
    grammar = "it they them the is are has have a an count piece pack size care no and"
    verbs = [text.replace("{s}", ending) for text in texts for ending in ("", "s")]
    return set(WORDS.findall(re.sub(r"\{\w+\}", " ", " ".join([grammar, *verbs])).lower()))


TEMPLATE_WORDS = template_words()

word = st.text(ascii_lowercase, min_size=3, max_size=9)
names = [name for kind in PHRASES["kinds"].values() for name in kind["names"]]
value = st.one_of(
    st.lists(word, min_size=1, max_size=4).map(" ".join),
    st.lists(word, min_size=2, max_size=4).map(", ".join),
    st.builds("{} {}".format, st.decimals(1, 999, places=1), st.sampled_from(["in", "lb", "oz", "L", "W"])),
    st.sampled_from(["Yes", "No", "4", "12"]),
)
sentence = st.lists(word, min_size=4, max_size=14).map(lambda words: f"{' '.join(words).capitalize()}.")
products = st.builds(
    Product,
    product_id=st.just("p"),
    product_name=st.lists(word.map(str.capitalize), min_size=2, max_size=9).map(" ".join),
    brand=st.none() | word.map(str.capitalize),
    category=st.lists(word.map(str.capitalize), max_size=4),
    attributes=st.dictionaries(st.sampled_from(names) | st.lists(word, min_size=1, max_size=3).map("_".join), value),
    features=st.lists(st.lists(word, min_size=2, max_size=14).map(" ".join), max_size=6),
    description=st.lists(sentence, max_size=14).map(" ".join),
)
LENIENT = Limits(description_min_words=12)


def words_of(product: Product) -> set[str]:
    fields = [product.product_name, product.brand or "", *product.category, *product.features, product.description]
    attributes = [text for pair in product.attributes.items() for text in pair]
    return set(WORDS.findall(" ".join([*fields, *attributes]).replace("_", " ").lower()))


@settings(max_examples=150, deadline=None)
@given(products)
def test_every_word_and_number_is_the_records_or_the_templates(product: Product) -> None:
    try:
        listing = compose(product, LENIENT)
    except TooFewFactsError:
        return
    text = " ".join([listing.title, *listing.key_features, listing.description, *listing.seo_keywords]).lower()
    strangers = set(WORDS.findall(text)) - words_of(product) - TEMPLATE_WORDS
    assert not strangers
    assert not {stranger for stranger in TEMPLATE_WORDS if stranger[0].isdigit()}


@settings(max_examples=100, deadline=None)
@given(products, st.randoms(use_true_random=False))
def test_no_order_of_attributes_and_no_second_call_changes_a_word(product: Product, random: object) -> None:
    items = list(product.attributes.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    shuffled = product.model_copy(update={"attributes": dict(items)})
    try:
        expected = compose(product, LENIENT)
    except TooFewFactsError:
        return
    assert compose(shuffled, LENIENT) == expected


@settings(max_examples=100, deadline=None)
@given(products)
def test_limits_hold_and_nothing_is_said_twice(product: Product) -> None:
    try:
        listing = compose(product, LENIENT)
    except TooFewFactsError as refused:
        assert refused.words < refused.needed
        return
    assert len(listing.title) <= LENIENT.title_max
    assert len(listing.key_features) <= 7
    assert all(len(feature) <= LENIENT.feature_max_chars for feature in listing.key_features)
    assert len(set(listing.key_features)) == len(listing.key_features)
    assert LENIENT.description_min_words <= len(listing.description.split())
    assert len(listing.description) <= LENIENT.description_max_chars
    told = re.split(r"(?<=\.)\s+", listing.description)
    assert len({text.strip().lower() for text in told}) == len(told)
    assert ".." not in listing.description


def test_templates_praise_nothing() -> None:
    assert not TEMPLATE_WORDS & PRAISE

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.records import Dimension, Listing, Product
from walmart_pipeline.judge.judge import band, source_listing
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE, KETTLE, described
from walmart_pipeline_tests.paths import GENERAL_CATALOG, needs_shared

LOREM = (
    "Lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et "
    "dolore magna aliqua. Ut enim ad minim veniam quis nostrud exercitation ullamco laboris nisi ut aliquip ex "
    "ea commodo consequat. "
)


@pytest.mark.parametrize("listing", [Listing(), Listing(title=" ", key_features=["", "…"], description="\n")])
def test_an_empty_listing_scores_nothing(listing: Listing) -> None:
    report = JUDGE.report(KETTLE, listing)
    assert (report.score, report.band, report.publishable) == (0, "poor", False)
    assert "listing.empty" in {violation.rule for violation in report.violations}


@pytest.mark.parametrize("product", [KETTLE, Product(product_id="1", product_name="Glass Kettle")])
def test_text_that_says_nothing_of_the_product_is_not_publishable(product: Product) -> None:
    numbered = [" ".join(f"{word}{'aeiou'[turn]}" for word in LOREM.split()) for turn in range(5)]
    listing = Listing(
        title="Lorem Ipsum Dolor Sit Amet Consectetur Adipiscing Elit",
        key_features=["Dolor sit amet", "Tempor incididunt ut", "Magna aliqua enim"],
        description=". ".join(numbered),
    )
    report = JUDGE.report(product, listing)
    assert not report.publishable
    assert report.score < 60


def test_shouting_with_a_competitor_a_year_an_emoji_and_an_address_is_poor() -> None:
    listing = HONEST.model_copy(
        update={
            "title": "BEST ELECTRIC KETTLE 2025 BETTER THAN AMAZON 😀 WWW.KETTLE.COM",
            "description": described("IT CURES CANCER, AMAZON SELLS NONE. 😀 www.kettle.com"),
        }
    )
    report = JUDGE.report(KETTLE, listing)
    assert report.band == "poor"
    assert report.dimensions["compliance"] == 0
    assert {violation.rule for violation in report.violations} >= {
        "title.all_caps",
        "title.retailer_name",
        "title.year",
        "title.special_characters",
        "title.url",
        "description.retailer_name",
        "description.emoji",
        "description.url",
    }


def test_one_blocking_fault_makes_the_best_listing_poor() -> None:
    report = JUDGE.report(KETTLE, HONEST.model_copy(update={"description": described("Free shipping.")}))
    assert (report.score, report.band, report.publishable) == (59.0, "poor", False)


def test_the_band_is_that_of_the_score_shown() -> None:
    assert [band(score) for score in (0, 59.9, 60.0, 79.9, 80.0, 100)] == [
        "poor", "poor", "good", "good", "excellent", "excellent",
    ]  # fmt: skip


def measured(dimension: Dimension, **changes: object) -> float:
    """A dimension of the honest listing after these changes."""
    value = JUDGE.report(KETTLE, HONEST.model_copy(update=changes)).dimensions[dimension]
    assert value is not None
    return value


def test_the_longer_the_sentences_the_lower_the_readability() -> None:
    texts = [HONEST.description.replace(". ", ", ", count) for count in range(12)]
    values = [measured("readability", description=text) for text in texts]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) > 8
    assert measured("readability") > 90


def test_one_giant_sentence_among_short_ones_is_not_hidden_by_their_mean() -> None:
    short = "The lid is wide. It is easy to fill. The cord is long. " * 8
    giant = "and the pot " * 20
    assert measured("readability", description=short) == 100
    assert measured("readability", description=short + giant) < 80


def test_long_words_are_harder_than_short_ones() -> None:
    plain = "The pot heats up fast. You can use it each day. " * 4
    learned = "The appliance facilitates instantaneous temperature elevation. Daily utilization is permissible. " * 4
    assert measured("readability", description=learned) < measured("readability", description=plain) - 50


def test_an_abbreviation_ends_no_sentence() -> None:
    written = "The cord is 30 inches long and wraps under the base of the pot. " * 4
    assert measured("readability", description=written.replace("inches", "in.")) <= measured(
        "readability", description=written
    )


def test_the_search_measure_can_be_reached_by_a_legal_text_and_stuffing_lowers_it() -> None:
    assert measured("search") == 100
    assert measured("search", description=described("Kettle, " * 30)) < 60
    assert measured("search", title="Pot", key_features=["Boils"], description="It boils.") < 10


def test_the_words_of_name_category_and_attributes_are_what_shoppers_search_by() -> None:
    whole = measured("search")
    assert measured("search", description=HONEST.description.replace("borosilicate ", ""), key_features=[]) < whole
    assert measured("search", title="Kettle of glass", description=HONEST.description.replace("Brewster", "")) < whole


@pytest.mark.parametrize(
    "keywords",
    [
        ["glass kettle", "Glass Kettles"] * 5,
        ["garden hose", "lawn mower"],
        [f"kettle {word}" for word in LOREM.split()],
    ],
)
def test_stuffed_search_phrases_lower_the_search_measure(keywords: list[str]) -> None:
    """Repeats, phrases about something else, and a list that does not end."""
    assert measured("search", seo_keywords=keywords) <= 90
    assert measured("search", seo_keywords=keywords * 4) < measured("search", seo_keywords=keywords)


def test_a_search_phrase_in_other_words_costs_nothing() -> None:
    assert measured("search", seo_keywords=["electric kettle", "water boiler", "tea kettle for office"]) == 100


def test_coverage_counts_the_attributes_that_are_told() -> None:
    told = measured("coverage", description="", key_features=["1.7-litre pot", "1.5 kW"], title="Kettle")
    assert told == pytest.approx(100 * 2 / 6, abs=0.1)


def test_what_was_not_measured_is_none_and_never_zero() -> None:
    bare = Product(product_id="1", product_name="Kettle")
    dimensions = JUDGE.report(bare, Listing(title="Kettle")).dimensions
    assert dimensions["coverage"] is dimensions["grounding"] is dimensions["uniqueness"] is None
    assert dimensions["readability"] is None


def test_the_sources_own_text_can_be_judged_beside_a_new_one() -> None:
    assert source_listing(KETTLE).title == KETTLE.product_name
    report = JUDGE.report(KETTLE, source_listing(KETTLE))
    assert report.score < JUDGE.report(KETTLE, HONEST).score
    assert report.dimensions["grounding"] == 100


words = st.text(max_size=120) | st.sampled_from(
    [
        "Amazon.com SALE!!",
        "1,5 x 3/0 in",
        "½⅔ 9'",
        "İSTANBUL ẞ FREE SHIPPING",
        "😀⭐",
        "<b>",
        "100% genuine",
        "at Target's",
    ]
)
listings = st.builds(
    Listing,
    title=st.lists(words, max_size=3).map(" ".join),
    key_features=st.lists(words, max_size=12),
    description=st.lists(words, max_size=8).map(" ".join),
)


@settings(max_examples=300, deadline=None)
@given(listings, st.sampled_from([KETTLE, Product(product_id="1", product_name="x", brand=" ")]))
def test_any_text_gets_a_score_and_evidence_from_its_own_field(listing: Listing, product: Product) -> None:
    report = JUDGE.report(product, listing)
    assert 0 <= report.score <= 100
    assert report == JUDGE.report(product, listing)
    fields = {"title": listing.title, "description": listing.description, "listing": ""}
    fields |= {f"key_features[{index}]": feature for index, feature in enumerate(listing.key_features)}
    for violation in report.violations:
        assert violation.evidence in fields[violation.field]
        assert "{" not in violation.message.replace(violation.evidence, "")


@given(st.text(max_size=60))
def test_any_brand_can_be_looked_for(brand: str) -> None:
    JUDGE.report(KETTLE.model_copy(update={"brand": brand}), HONEST)


@needs_shared
def test_no_real_record_contradicts_its_own_numbers() -> None:
    for line in GENERAL_CATALOG.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        product = Product(product_id=row["item_id"], product_name=row["name"], description=row["description"] or "")
        violations = JUDGE.report(product, source_listing(product)).violations
        assert [violation for violation in violations if violation.rule == "grounding.number"] == []

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.quality.judge import band, source_listing
from walmart_pipeline.quality.pairs import score_pairs
from walmart_pipeline.records import Listing, Product
from walmart_pipeline_tests.quality.examples import HONEST, JUDGE, KETTLE, described

LOREM = (
    "Lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et "
    "dolore magna aliqua. Ut enim ad minim veniam quis nostrud exercitation ullamco laboris nisi ut aliquip ex "
    "ea commodo consequat. "
)
CATALOG = Path(__file__).parents[2] / "../shared/data/general_895.jsonl"


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
    assert report.violations == []
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


def test_readability_takes_many_values() -> None:
    texts = [HONEST.description.replace(". ", ", ", count) for count in range(12)]
    values = [JUDGE.report(KETTLE, Listing(description=text)).dimensions["readability"] for text in texts]
    assert len(set(values)) > 5
    assert values[0] > values[-1]  # type: ignore[operator]


def test_the_search_measure_can_be_reached_by_a_legal_text_and_stuffing_lowers_it() -> None:
    honest = JUDGE.report(KETTLE, HONEST).dimensions["search"]
    stuffed = JUDGE.report(KETTLE, HONEST.model_copy(update={"description": described("Kettle, " * 30)}))
    without = JUDGE.report(KETTLE, HONEST.model_copy(update={"title": "Pot", "description": "It boils."}))
    assert honest == 100
    assert stuffed.dimensions["search"] < 60  # type: ignore[operator]
    assert without.dimensions["search"] == 0


def test_coverage_counts_the_attributes_that_are_told() -> None:
    told = HONEST.model_copy(update={"description": "", "key_features": ["1.7-litre pot", "1.5 kW"], "title": "Kettle"})
    assert JUDGE.report(KETTLE, told).dimensions["coverage"] == pytest.approx(100 * 2 / 6, abs=0.1)


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


def test_a_line_that_is_no_pair_is_told_and_the_others_are_judged() -> None:
    good = json.dumps({"product": KETTLE.model_dump(), "listing": HONEST.model_dump()})
    first, broken, wrong, bare, last = score_pairs(
        [good, "{", '{"product": {}, "listing": {}}', "[]", "\n", good], JUDGE
    )
    assert first == last == JUDGE.report(KETTLE, HONEST).model_dump(mode="json")
    assert (broken["line"], wrong["line"], bare["line"]) == (2, 3, 4)
    assert "not JSON" in broken["error"]
    assert "product.product_id" in wrong["error"]


@pytest.mark.skipif(not CATALOG.exists(), reason="the shared catalogs are not on this machine")
def test_no_real_record_contradicts_its_own_numbers() -> None:
    for line in CATALOG.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        product = Product(product_id=row["item_id"], product_name=row["name"], description=row["description"] or "")
        violations = JUDGE.report(product, source_listing(product)).violations
        assert [violation for violation in violations if violation.rule == "grounding.number"] == []

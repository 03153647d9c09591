"""What a composed listing promises to a retailer: its own facts, every time the same, or an honest refusal."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import pytest

from walmart_pipeline.core.records import Product
from walmart_pipeline.generation.template.writer import TooFewFactsError, compose


@dataclass(frozen=True)
class Limits:
    title_min: int = 50
    title_max: int = 150
    features_min: int = 3
    features_max: int = 10
    feature_max_chars: int = 80
    description_min_words: int = 150
    description_max_chars: int = 4000


LIMITS = Limits()
SHORT = replace(LIMITS, description_min_words=10)

ATTRIBUTES = {
    "Material": "Stainless Steel",
    "Color": "Silver",
    "Capacity": "1.7 L",
    "Wattage": "1500 W",
    "Product Dimensions": "8.5 x 6.2 x 9.8 in",
    "Item Weight": "2.4 lb",
    "Cord Length": "30 in",
    "Dishwasher Safe": "No",
    "BPA Free": "Yes",
    "Included Components": "Kettle, power base, user manual",
    "Care Instructions": "Wipe with a damp cloth",
    "Model Number": "AK-17S",
    "UPC": "012345678905",
}
KETTLE: dict[str, Any] = {
    "product_id": "k-1",
    "product_name": "Acme Electric Kettle, Stainless Steel, 1.7 L",
    "brand": "Acme",
    "category": ["Home", "Kitchen", "Electric Kettles"],
    "attributes": ATTRIBUTES,
    "features": [
        "Boils a full kettle in 6 minutes",
        "Cordless: lifts off the 360-degree base",
        "Boil-dry protection switches the element off when the kettle is empty and locks it until the base has cooled",
        "• Water window with markings in cups and liters",
    ],
    "description": (
        "The Acme kettle heats water for tea, coffee or instant soup on a concealed element. The wide mouth lets you "
        "fill it under the tap and reach in with a brush. A hinged lid opens with a button on the handle, so your hand "
        "stays away from the steam.\n"
        "The base stores spare cord underneath, and the kettle can be set down from any side. A mesh filter at the "
        "spout holds back scale. The indicator light shows when the kettle is heating. Dr. Smith measured approx. 6 "
        "minutes for 1.7 L in the U.S. on an outlet of 120 V."
    ),
}


def kettle(**changes: Any) -> Product:
    return Product(**{**KETTLE, **changes})


def sentences(description: str) -> list[str]:
    return [part for part in re.split(r"(?<=[a-z]\.)\s+(?=[A-Z])|\n\n", description) if part]


def test_a_product_with_enough_facts_gets_a_whole_listing() -> None:
    listing = compose(kettle(), LIMITS)
    assert LIMITS.title_min <= len(listing.title) <= LIMITS.title_max
    assert listing.title.startswith("Acme Electric Kettle")
    assert 3 <= len(listing.key_features) <= 7
    assert 150 <= len(listing.description.split()) <= 320
    assert 2 <= len(listing.description.split("\n\n")) <= 4
    assert 5 <= len(listing.seo_keywords) <= 10


def test_the_feeds_order_of_attributes_does_not_change_the_text() -> None:
    backwards = dict(reversed(ATTRIBUTES.items()))
    assert compose(kettle(attributes=backwards), LIMITS) == compose(kettle(), LIMITS)


def test_a_price_or_rating_does_not_change_the_text() -> None:
    assert compose(kettle(price=19.99, rating=4.5, product_id="other"), LIMITS) == compose(kettle(), LIMITS)


def test_thin_facts_are_refused_with_both_counts() -> None:
    thin = Product(product_id="t", product_name="Steel Kettle", description="It boils water in six minutes.")
    with pytest.raises(
        TooFewFactsError, match=r"the facts carry \d+ words of the 150 that a description needs"
    ) as error:
        compose(thin, LIMITS)
    assert 0 < error.value.words < error.value.needed == 150


def test_text_without_punctuation_is_named_as_the_reason() -> None:
    """Feeds come lower-cased and stripped; a guess at where the sentences end would be ours, not the source's."""
    blob = " ".join(["draper infrared transmitter three button operation for instant access"] * 3)
    with pytest.raises(TooFewFactsError, match="27 more stand in text without punctuation"):
        compose(Product(product_id="t", product_name="draper remote", description=blob), LIMITS)


def test_prose_that_tells_the_same_twice_is_told_once() -> None:
    text = KETTLE["description"]
    near = text.replace("The wide mouth lets you fill", "The wide mouth also lets you fill")
    listing = compose(kettle(description=f"{text}\n{text}\n{near}"), LIMITS)
    assert listing.description == compose(kettle(), LIMITS).description or listing.description.count("wide mouth") == 1
    found = sentences(listing.description)
    assert len(set(found)) == len(found)


def test_what_breaks_a_rule_never_appears() -> None:
    def acceptable(field: str, text: str, product: Product) -> bool:
        return not re.search(r"hot sale|free shipping|best-?selling|steam", text, re.IGNORECASE)

    product = kettle(
        product_name="HOT SALE! Acme Electric Kettle, Stainless Steel - Free Shipping",
        features=[*KETTLE["features"], "Best-selling kettle of the season"],
        attributes={**ATTRIBUTES, "Offer type": "Hot sale"},
    )
    listing = compose(product, replace(LIMITS, description_min_words=100), acceptable)
    whole = listing.model_dump_json().lower()
    assert not re.search(r"hot sale|free shipping|best-?selling|steam", whole)
    assert "wide mouth" in whole
    assert listing.title.startswith("Acme Electric Kettle, Stainless Steel")


def test_a_name_that_is_nothing_but_promotion_is_refused() -> None:
    with pytest.raises(TooFewFactsError, match="no title"):
        compose(
            kettle(product_name="Hot Sale", brand=None), LIMITS, lambda field, text, _: not re.search("Hot|Sale", text)
        )


def test_identifiers_and_prices_among_the_attributes_are_not_told() -> None:
    listing = compose(kettle(attributes={**ATTRIBUTES, "Price": "29.99", "Image URL": "kettle.jpg"}), LIMITS)
    assert not re.search(r"012345678905|29\.99|kettle\.jpg", listing.model_dump_json())


def test_the_category_changes_the_wording() -> None:
    shirt = kettle(category=["Clothing", "Shirts"], attributes={"Material": "Cotton", "Care": "Wash cold"})
    pot = kettle(category=["Home", "Kitchen", "Pots"], attributes={"Material": "Cotton", "Care": "Wash cold"})
    assert "abric" in compose(shirt, SHORT).description
    assert "abric" not in compose(pot, SHORT).description


def test_listings_of_one_category_do_not_read_alike() -> None:
    colors = ["Silver", "Black", "White", "Red", "Blue", "Green", "Gray", "Gold"]
    products = [kettle(product_name=f"Acme Kettle {color}", attributes={"Color": color}) for color in colors]
    openings = {
        compose(product, SHORT).description.split(". ")[0].replace(product.product_name, "") for product in products
    }
    assert len(openings) > 1


def test_yes_and_no_become_statements() -> None:
    text = compose(kettle(attributes={"BPA Free": "Yes", "Dishwasher Safe": "No", "Assembly Required": "No"}), SHORT)
    assert "is BPA free" in text.description
    assert "is not dishwasher safe" in text.description
    assert "No assembly is required" in text.description


def test_what_one_part_is_made_of_is_not_said_of_the_product() -> None:
    text = compose(kettle(attributes={"Frame Material": "Iron", "Handle Material": "Bakelite"}), SHORT).description
    assert "frame material is iron" in text
    assert "made of" not in text


def test_counts_and_answers_read_as_english() -> None:
    text = compose(kettle(attributes={"Entrances": "2", "Assembly Required": "yes, 15 minutes"}), SHORT).description
    assert "The number of entrances is 2." in text
    assert "Assembly required: yes, 15 minutes." in text


def test_washing_instructions_in_the_material_are_told_as_care() -> None:
    listing = compose(kettle(attributes={"Fabric": "100% Polyester, Machine wash"}), SHORT)
    assert re.search(r"100% polyester\.", listing.description, re.IGNORECASE)
    assert re.search(r": machine wash\.", listing.description, re.IGNORECASE)


def test_a_measure_without_its_unit_is_not_told() -> None:
    listing = compose(kettle(attributes={"Item Weight": "7.25", "Width (in)": "13", "Volume": "2.5"}), SHORT)
    assert "7.25" not in listing.model_dump_json()
    assert "13 in" in listing.description


def test_proper_names_keep_their_capitals_and_common_nouns_lose_them() -> None:
    assert "stainless steel" in compose(kettle(attributes={"Material": "Stainless Steel"}), SHORT).description.lower()
    assert "Egyptian Cotton" in compose(kettle(attributes={"Material": "Egyptian Cotton"}), SHORT).description


def test_a_feature_too_long_for_the_list_is_told_in_the_description() -> None:
    listing = compose(kettle(), LIMITS)
    assert all(len(feature) <= LIMITS.feature_max_chars for feature in listing.key_features)
    assert not any("Boil-dry" in feature for feature in listing.key_features)
    assert "Boil-dry protection switches the element off" in listing.description


def test_features_have_no_bullets_and_no_doubles() -> None:
    doubled = kettle(features=["✓ Boils in 6 minutes!", "2. Boils in 6 minutes", "- Lid opens with a button"])
    features = compose(doubled, LIMITS).key_features
    assert features[:2] == ["Boils in 6 minutes", "Lid opens with a button"]


def test_a_long_description_ends_with_a_whole_sentence() -> None:
    listing = compose(kettle(), replace(SHORT, description_max_chars=400))
    assert len(listing.description) <= 400
    assert listing.description.endswith(".")
    assert sentences(listing.description)[-1] in compose(kettle(), SHORT).description


def test_keywords_use_words_of_the_record_only() -> None:
    record = f"{KETTLE['product_name']} {' '.join(KETTLE['category'])} {' '.join(ATTRIBUTES.values())}".lower()
    for phrase in compose(kettle(), LIMITS).seo_keywords:
        assert phrase == phrase.lower()
        assert all(word in record for word in phrase.split())

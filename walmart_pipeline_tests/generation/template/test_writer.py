"""What a composed listing promises to a retailer: its own facts in plain English, or an honest refusal."""

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

ATTRIBUTES = {
    "Material": "Stainless steel",
    "Color": "Silver",
    "Capacity": "1.7 L",
    "Wattage": "1500 W",
    "Product Dimensions": "8.5 x 6.2 x 9.8 in",
    "Item Weight": "2.4 lb",
    "Cord Length": "30 in",
    "Care Instructions": "Wipe with a damp cloth",
    "Warranty": "2 years",
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
        "Lifts off the 360-degree base without its cord",
        "• Water window with markings in cups and liters",
    ],
    "description": (
        "The kettle heats water for tea, coffee or instant soup on a concealed element. A hinged lid opens with a "
        "button on the handle, so that a hand stays away from the steam. The base stores spare cord underneath. "
        "Why wait for hot water? We promise that you will love it.\n"
        "The color is silver."
    ),
}


def kettle(**changes: Any) -> Product:
    return Product(**{**KETTLE, **changes})


def described(**attributes: str) -> str:
    """The description of a kettle with these attributes alone."""
    named = {name.replace("_", " "): value for name, value in attributes.items()}
    return compose(kettle(attributes=named), replace(LIMITS, description_min_words=10)).description


def test_a_product_with_enough_facts_gets_a_whole_listing() -> None:
    listing = compose(kettle(), LIMITS)
    assert listing.title == "Acme Electric Kettle, Stainless Steel, 1.7 L, Silver"
    assert 3 <= len(listing.key_features) <= 7
    assert 50 <= len(listing.description.split()) <= 200
    assert len(listing.description.split("\n\n")) == 2
    assert "is made of stainless steel" in listing.description
    assert "holds 1.7 liters" in listing.description
    assert "weighs 2.4 pounds" in listing.description
    assert "Wipe with a damp cloth." in listing.description
    assert 5 <= len(listing.seo_keywords) <= 10


def test_the_source_is_quoted_where_it_speaks_of_the_product_and_says_something_else() -> None:
    description = compose(kettle(), LIMITS).description
    assert "The base stores spare cord underneath." in description
    assert not re.search(r"Why wait|We promise|The color is", description)


def test_neither_the_feeds_order_nor_a_price_changes_the_text() -> None:
    backwards = dict(reversed(ATTRIBUTES.items()))
    assert compose(kettle(attributes=backwards, price=19.99, rating=4.5), LIMITS) == compose(kettle(), LIMITS)


def test_listings_of_one_category_do_not_read_alike() -> None:
    openings = {
        compose(
            kettle(product_id=f"k-{number}", description=""), replace(LIMITS, description_min_words=10)
        ).description.split(". ")[0]
        for number in range(8)
    }
    assert len(openings) > 2


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"Item_Weight": "1 lb"}, "weighs 1 pound"),
        ({"Weight_(oz)": "9"}, "weighs 9 ounces"),
        ({"Fabric": "60% cotton, 40% polyester"}, "is made of 60% cotton and 40% polyester"),
        ({"Material": "100% microfiber, microfiber"}, "is made of 100% microfiber."),
        ({"Piece_Count": "4 pieces"}, "consists of 4 pieces"),
        ({"Pack_Count": "6 pack"}, "is sold as a pack of 6"),
        ({"Warranty": "8 years"}, "is covered by an 8-year warranty"),
        ({"Assembly_Required": "yes, 15 minutes"}, "takes 15 minutes to assemble"),
        ({"Assembly_Required": "no"}, "needs no assembly"),
        ({"Material": "steel frame with vinyl pads"}, "has a steel frame with vinyl pads"),
        ({"Care": "dishwasher safe"}, "is dishwasher safe"),
        ({"Care": "hand wash with a soft sponge"}, "Hand wash with a soft sponge."),
        ({"Oven_Safe_To": "500 °F"}, "is oven safe to 500 °F"),
        ({"Item_Weight": "4 oz each"}, "weighs 4 ounces."),
    ],
)
def test_an_attribute_is_said_as_an_editor_would(attributes: dict[str, str], said: str) -> None:
    assert said in described(**attributes)


@pytest.mark.parametrize(
    "attributes",
    [
        {"Material": "35;60;5% rayon"},
        {"Material": "67% polyester, 67% polyester, 28% acetate"},
        {"Material": "not available"},
        {"Color": "Assorted"},
        {"Item_Weight": "7.25"},
        {"Dimensions": "bath 28 x 55 in, hand 16 x 28 in"},
        {"Lining": "striped cotton"},
        {"Dishwasher_Safe": "no"},
        {"Price": "29.99"},
        {"Model": "AK-17S"},
    ],
)
def test_what_no_phrase_fits_is_left_out(attributes: dict[str, str]) -> None:
    """A value that is garbled, empty, or needs its table is better not said than said badly."""
    assert described(**attributes) == described()


def test_verbs_agree_with_the_product() -> None:
    shears = kettle(product_name="Acme Garden Shears", category=["Garden", "Garden Shears"])
    description = compose(shears, LIMITS).description
    assert re.search(r"The garden shears (?:weigh|measure|hold|come|draw|are) ", description)
    assert " it " not in description.split("\n\n")[1].lower()


def test_a_cast_iron_skillet_is_not_said_to_be_made_of_cast_iron() -> None:
    named = KETTLE | {"product_name": "Acme Cast Iron Skillet, 10 in", "category": ["Home", "Cast Iron Skillets"]}
    texts = {
        material: compose(Product(**named | {"attributes": ATTRIBUTES | {"Material": material}}), LIMITS).description
        for material in ("Cast iron", "Enameled steel")
    }
    assert ["made of" in text for text in texts.values()] == [False, True], texts


def test_thin_facts_are_refused_with_what_is_missing() -> None:
    thin = Product(product_id="t", product_name="Steel Kettle", description="It boils water in six minutes.")
    with pytest.raises(TooFewFactsError, match=r"6 words of the 50 .* and 0 key features of 3"):
        compose(thin, LIMITS)


def test_text_without_punctuation_is_not_cut_into_sentences() -> None:
    """Feeds come lower-cased and stripped; a guess at where the sentences end would be ours, not the source's."""
    blob = " ".join(["draper infrared transmitter three button operation for instant access"] * 3)
    with pytest.raises(TooFewFactsError):
        compose(Product(product_id="t", product_name="draper remote", description=blob), LIMITS)


def test_what_breaks_a_rule_never_appears() -> None:
    def acceptable(field: str, text: str, product: Product) -> bool:
        return not re.search(r"hot sale|free shipping|best-?selling|steam", text, re.IGNORECASE)

    product = kettle(
        product_name="Acme Electric Kettle, Stainless Steel - Free Shipping (hot sale today)",
        features=[*KETTLE["features"], "Best-selling kettle of the season"],
    )
    listing = compose(product, LIMITS, acceptable)
    assert not re.search(r"hot sale|free shipping|best-?selling|steam|today", listing.model_dump_json().lower())
    assert listing.title.startswith("Acme Electric Kettle, Stainless Steel")


def test_a_name_that_is_nothing_but_promotion_is_refused() -> None:
    with pytest.raises(TooFewFactsError, match="no title"):
        compose(
            kettle(product_name="Hot Sale", brand=None), LIMITS, lambda field, text, _: not re.search("Hot|Sale", text)
        )


def test_what_variants_have_and_what_the_record_contradicts_is_not_said() -> None:
    product = kettle(
        product_name="Acme Electric Kettle, 3 pack",
        features=[*KETTLE["features"], "Pack of 2 kettles"],
        options={"Color": ["crimson", "teal"]},
        conflicts={"Pack size": ["3", "2"]},
    )
    text = compose(product, LIMITS).model_dump_json().lower()
    assert not any(word in text for word in ("crimson", "teal", "3 pack", "pack of 2"))


def test_features_have_no_bullets_and_no_doubles() -> None:
    doubled = kettle(features=["✓ Boils in 6 minutes!", "2. Boils in 6 minutes", "- Lid opens with a button"])
    assert compose(doubled, LIMITS).key_features[:2] == ["Boils in 6 minutes", "Lid opens with a button"]


def test_a_long_description_ends_with_a_whole_sentence() -> None:
    description = compose(kettle(), replace(LIMITS, description_max_chars=400)).description
    assert len(description) <= 400
    assert description.endswith(".")


def test_keywords_use_words_of_the_record_only() -> None:
    record = f"{KETTLE['product_name']} {' '.join(KETTLE['category'])}".lower()
    for phrase in compose(kettle(), LIMITS).seo_keywords:
        assert phrase == phrase.lower()
        assert all(word in record for word in phrase.split())

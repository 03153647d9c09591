"""A word of the record supports a claim only as a whole word, never as a part of another word."""

from __future__ import annotations

import pytest

from walmart_pipeline.core.records import Product
from walmart_pipeline_tests.judge.claims.examples import unproved
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE

LED_STRIP = Product(
    product_id="strip",
    product_name="Lumora LED strip 65.6ft, part 120245",
    brand="Lumora",
    category=["Home", "Lighting"],
    features=["Backed by a 2 year warranty", "A solid base with antique batteries"],
    description="Bright light for the bedroom shelf.",
)


def broken_rules(product: Product, sentence: str) -> set[str]:
    listing = HONEST.model_copy(update={"title": product.product_name, "key_features": [], "description": sentence})
    return {violation.rule for violation in JUDGE.report(product, listing).violations}


@pytest.mark.parametrize(
    ("sentence", "subject", "words"),
    [
        ("Rated IP65 for the porch.", "attribute", "IP65"),
    ],
)
def test_part_of_a_word_of_the_record_supports_no_claim(sentence: str, subject: str, words: str) -> None:
    assert [(kind, text) for kind, text, _ in unproved(LED_STRIP, sentence)] == [(subject, words)]


@pytest.mark.parametrize(
    ("text", "name", "attributes"),
    [
        ("Model WH-1000XM4.", "Sonara WH 1000XM4 Headphones", {}),
        ("Model WH1000XM4.", "Sonara WH-1000XM4 Headphones", {}),
        ("A mixer by ZorvexLab.", "Stand mixer", {"Maker": "Zorvex Lab"}),
        ("Rated IPX4.", "Speaker", {"Protection": "IPX-4"}),
    ],
)
def test_a_name_of_the_record_may_be_divided_otherwise(text: str, name: str, attributes: dict[str, str]) -> None:
    product = Product(product_id="p", product_name=name, attributes=attributes)
    assert unproved(product, text) == []


@pytest.mark.parametrize(
    ("record", "sentence", "rule"),
    [
        ("Comes with a warranty. Kills fast.", "It kills ants.", "claims.pesticide"),
        ("Pest control for the skilled. Ants.", "It kills ants.", "claims.pesticide"),
        ("Home of insanities.", "It is sanitizing.", "claims.pesticide"),
        ("A pain reliever. The fluoride-free formula.", "It cures the flu.", "claims.health"),
    ],
)
def test_part_of_a_word_of_the_record_allows_no_regulated_claim(record: str, sentence: str, rule: str) -> None:
    category = ["Health", "Pain Relief"] if rule == "claims.health" else ["Patio & Garden", "Pest Control"]
    product = Product(product_id="p", product_name="Meadow formula", category=category, description=record)
    assert rule in broken_rules(product, sentence)


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ("Kills ants and mosquitoes.", "It kills a mosquito and an ant."),
        ("Kills viruses and flies.", "It kills a virus and a fly."),
    ],
)
def test_singular_and_plural_are_one_word(record: str, sentence: str) -> None:
    spray = Product(product_id="s", product_name="Spray", category=["Pest Control"], description=record)
    assert "claims.pesticide" not in broken_rules(spray, sentence)


def test_a_year_inside_a_part_number_is_no_year_of_the_product() -> None:
    listing = HONEST.model_copy(update={"title": "Lumora LED strip 2024 with a bright light for the bedroom"})
    assert "title.year" in {violation.rule for violation in JUDGE.report(LED_STRIP, listing).violations}


@pytest.mark.parametrize("name", ["Colour", "Main colors", "frameColor", "Finish/Color"])
def test_the_name_of_an_attribute_tells_its_kind_by_whole_words(name: str) -> None:
    lamp = Product(product_id="l", product_name="Desk lamp", attributes={name: "Teal"})
    assert unproved(lamp, "It comes in red.") == [("attribute", "red", "contradicted")]


@pytest.mark.parametrize(("name", "sentence"), [("Storage", "It stores 64 GB."), ("Coverage", "It covers 64 sq ft.")])
def test_a_number_without_a_unit_is_of_the_kind_that_a_whole_word_of_its_name_tells(name: str, sentence: str) -> None:
    """Storage and coverage are no age."""
    assert unproved(Product(product_id="t", product_name="Tablet", attributes={name: "64"}), sentence) == []


def test_an_attribute_whose_name_holds_the_word_inside_another_tells_nothing_of_the_kind() -> None:
    lamp = Product(product_id="l", product_name="Desk lamp", attributes={"Colorado trail": "Teal"})
    assert unproved(lamp, "It comes in red.") == [("attribute", "red", "unsupported")]

"""More than, at least, nearly: what a text says by comparing is true or false by arithmetic."""

from __future__ import annotations

import pytest

from walmart_pipeline.core.records import Product
from walmart_pipeline_tests.judge.claims.examples import unproved

LANTERN = Product(
    product_id="lantern",
    product_name="Brightway Trail Lantern",
    brand="Brightway",
    attributes={"Battery Life": "8 days", "Item Weight": "7.2 lb", "Light Modes": "5"},
    features=["Holds 1.7 L", "More than 300 lumens"],
)

TRUE = [
    "Runs more than 7 days on a charge.",
    "Runs over 7 days on a charge.",
    "Runs more than 2 days on a charge.",
    "Runs at least 7 days on a charge.",
    "Runs at least 8 days on a charge.",
    "Runs 7 days or more on a charge.",
    "Runs no less than 8 days on a charge.",
    "Runs less than 9 days on a charge.",
    "Runs under 9 days on a charge.",
    "Runs no more than 8 days on a charge.",
    "Runs up to 8 days on a charge.",
    "Runs about 8 days on a charge.",
    "Runs more than a week on a charge.",
    "Runs more than 1 week on a charge.",
    "It weighs just over 7 pounds.",
    "It weighs nearly 7.5 pounds.",
    "It weighs almost 7.5 pounds.",
    "It weighs just under 7.5 pounds.",
    "It weighs about 7 pounds.",
    "It holds more than 57 ounces.",
    "It holds almost 58 ounces.",
    "It gives more than 300 lumens.",
    "It gives over 300 lumens.",
    "It has more than 4 modes.",
]
FALSE = [
    ("Runs more than 8 days on a charge.", "8 days"),
    ("Runs more than eight days on a charge.", "eight days"),
    ("Runs over 8 days on a charge.", "8 days"),
    ("Runs more than 9 days on a charge.", "9 days"),
    ("Runs at least 9 days on a charge.", "9 days"),
    ("Runs 9 days or more on a charge.", "9 days"),
    ("Runs less than 8 days on a charge.", "8 days"),
    ("Runs under 7 days on a charge.", "7 days"),
    ("Runs no more than 7 days on a charge.", "7 days"),
    ("Runs up to 9 days on a charge.", "9 days"),
    ("Runs nearly 8 days on a charge.", "8 days"),
    ("Runs just over 4 days on a charge.", "4 days"),
    ("It weighs over 7.2 pounds.", "7.2 pounds"),
    ("It weighs nearly 7 pounds.", "7 pounds"),
    ("It weighs almost 9 pounds.", "9 pounds"),
    ("It holds more than 1.7 liters.", "1.7 liters"),
    ("It has more than 5 modes.", "5 modes"),
]


@pytest.mark.parametrize("sentence", TRUE)
def test_a_comparison_that_the_records_figure_fulfils_is_supported(sentence: str) -> None:
    assert unproved(LANTERN, sentence) == []


@pytest.mark.parametrize(("sentence", "words"), FALSE)
def test_a_comparison_that_the_records_figure_does_not_fulfil_is_contradicted(sentence: str, words: str) -> None:
    assert unproved(LANTERN, sentence) == [("number", words, "contradicted")]


def test_a_comparison_of_what_the_record_has_no_figure_of_is_unsupported() -> None:
    assert unproved(LANTERN, "It draws less than 40 watts.") == [("number", "40 watts", "unsupported")]

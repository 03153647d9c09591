"""What a model is told of a product."""

from __future__ import annotations

from walmart_pipeline.core.records import Product
from walmart_pipeline.generation import prompt
from walmart_pipeline_tests.generation.template.test_writer import kettle

BOTTLE = Product(
    product_id="b-1",
    product_name="Acme Bottle",
    brand="Acme",
    attributes={"Material": "steel"},
    options={"Color": ["red", "blue"]},
    conflicts={"Pack size": ["4", "6"]},
    features=["Lid with a loop", "Pack of 4 bottles"],
    description="The bottle keeps water cold for a day. It comes as a pack of 4.\nContact us before you review it.",
)


def test_facts_are_what_the_record_says_of_the_product() -> None:
    assert prompt.facts(BOTTLE).features == [
        "Lid with a loop",
        "Brand: Acme",
        "Material: steel",
        "The bottle keeps water cold for a day.",
        "Options: Color: red, blue",
    ]


def test_a_clean_record_is_given_whole() -> None:
    given = "\n".join(prompt.facts(kettle()).features)
    for text in (*kettle().features, "The base stores spare cord underneath.", "Capacity: 1.7 L"):
        assert text.removeprefix("• ") in given

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_pipeline.quality.quantities import quantities
from walmart_pipeline.records import Product, Violation
from walmart_pipeline_tests.quality.examples import HONEST, JUDGE

CURTAIN = Product(
    product_id="curtain",
    product_name="Exeter Blackout Curtain 50 x 95 in, 2 Panels",
    brand="Exeter",
    attributes={"Weight (lb)": "30", "Rod Pocket": "3 in", "Thread Count": "800", "Temperature": "86 °F"},
    features=["Sold as a 2-pack with 12 hooks"],
    description="Blocks 81% of light. Stands 5'10\" tall on its pole. Use ½ cup of soap at 1 1/2 hours.",
)


def findings(sentence: str) -> list[Violation]:
    report = JUDGE.report(CURTAIN, HONEST.model_copy(update={"title": sentence, "key_features": [], "description": ""}))
    return [violation for violation in report.violations if violation.rule == "grounding.number"]


@pytest.mark.parametrize(
    "text",
    [
        '50" W x 95" L', "50x95 inches", "50 by 95 in", "95-inch drop", "95 in. long", "7.92 ft long", "241 cm long",
        "30 pounds", "30-lb", "13.6 kg", "two panels", "2 panels", "set of 2", "pack of 2", "two-pack", "2 pcs",
        "12 hooks", "twelve hooks", "81 percent", "5 ft 10 in", "5′10″", "0.5 cup", "1.5 hours", "90 minutes",
        "800 thread count", "800-thread-count", "30 °C", "86°F", "3-inch rod pocket",
    ],
)  # fmt: skip
def test_the_records_own_figure_is_known_in_any_spelling(text: str) -> None:
    assert findings(text) == []


@pytest.mark.parametrize(
    ("text", "has"),
    [("75 lb", "30 lb"), ("84 inches", "95 in"), ("4 panels", "2 Panels"), ("six-pack", "2-pack"), ("99%", "81%")],
)
def test_a_figure_that_contradicts_the_record_blocks_and_tells_the_records_own(text: str, has: str) -> None:
    (finding,) = findings(f"Curtain, {text}")
    assert (finding.severity, finding.evidence) == ("blocking", text)
    assert "contradicts the record" in finding.message
    assert has in finding.message


@pytest.mark.parametrize("text", ["40 dB", "6 drawers", "19.99", "1,200 lumens", "three pockets", "2 year"])
def test_a_figure_of_another_kind_is_unsupported_and_major(text: str) -> None:
    (finding,) = findings(f"Curtain, {text}")
    assert finding.severity == "major"
    assert "not in the record" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "WH-1000XM4", "XM7", "4T", "2XL", "24/7", "1st class", "1920s look", "the 90's", "one of a kind",
        "in one piece", "#1", "two sides", "four seasons", "on nine occasions", "one day",
    ],
)  # fmt: skip
def test_what_is_no_figure_is_not_asked_of_the_record(text: str) -> None:
    assert findings(text) == []


def test_an_identical_text_is_always_supported() -> None:
    assert findings(" ".join([CURTAIN.product_name, *CURTAIN.features, CURTAIN.description])) == []


@given(st.text(alphabet="0123456789.,/½¼x×-'\"°%FCWLinftlbozpack of\n", max_size=80))
def test_quantities_are_spans_of_any_text_in_order(text: str) -> None:
    end = 0
    for quantity in quantities(text):
        assert text[quantity.start : quantity.end] == quantity.text
        assert quantity.start >= end
        end = quantity.start + 1


@given(st.integers(1, 99999), st.sampled_from(["lb", "inches", "oz", "W", "GB", "%", "cm"]))
def test_thousands_separators_change_nothing(value: int, unit: str) -> None:
    (plain,), (separated,) = quantities(f"{value} {unit}."), quantities(f"{value:,} {unit}.")
    assert plain.readings == separated.readings

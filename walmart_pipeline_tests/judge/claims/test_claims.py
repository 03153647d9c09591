from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.records import Product, Violation
from walmart_pipeline.judge.claims import Claim
from walmart_pipeline.text.quantities import quantities
from walmart_pipeline_tests.judge.claims.examples import examined, unproved
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE

CURTAIN = Product(
    product_id="curtain",
    product_name="Exeter Blackout Curtain 50 x 95 in, 2 Panels",
    brand="Exeter",
    attributes={"Weight (lb)": "30", "Rod Pocket": "3 in", "Thread Count": "800", "Temperature": "86 °F"},
    features=["Sold as a 2-pack with 12 hooks"],
    description="Blocks 81% of light. Stands 5'10\" tall on its pole. Use ½ cup of soap at 1 1/2 hours.",
)


def numbers(sentence: str) -> list[Claim]:
    """The numbers of a sentence that the record lacks."""
    statements = examined(CURTAIN, sentence, title="").statements
    return [each.claim for one in statements for each in one.statement.evidence if each.group == "number"]


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
def test_a_figure_that_contradicts_the_record_names_the_records_own(text: str, has: str) -> None:
    (evidence,) = numbers(f"Curtain, {text}")
    assert evidence.status == "contradicted"
    assert has in evidence.source_has


@pytest.mark.parametrize("text", ["40 dB", "6 drawers", "19.99", "1,200 lumens", "three pockets", "2 year"])
def test_a_figure_of_another_kind_is_unsupported(text: str) -> None:
    assert [claim.status for claim in numbers(f"Curtain, {text}")] == ["unsupported"]


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


BARS = Product(
    product_id="bars",
    product_name="Hill Oat Bars",
    attributes={"Item Weight": "30", "Screen Size": "55", "Pages": "312", "Bar Weight": "1.4 oz"},
    features=["Two boxes with a dozen bars in each", "8 corner and edge loops", "Includes 17"],
    description="Stands 5'10\" tall. Serves half a gallon. Ready in 1 hour 30 minutes. Each jar has 120 capsules.",
)


@pytest.mark.parametrize(
    "text",
    [
        "30 lb", "55-inch screen", "a 312-page book", "312 pages", "24 bars", "24 bars in all", "two boxes",
        "12 bars", "twelve bars", "a dozen bars", "eight loops", "8 loops", "17 pieces", "70 inches tall", "5 ft 10 in",
        "0.5 gallon", "half a gallon", "1/2 gallon", "90 minutes", "33.6 oz in all", "about 1.45 oz", "120-capsule jar",
        "no two alike",
    ],
)  # fmt: skip
def test_what_the_records_figures_come_to_is_supported(text: str) -> None:
    assert unproved(BARS, text) == []


@pytest.mark.parametrize(
    ("text", "words", "verdict"),
    [
        ("17 lb", "17 lb", "contradicted"),
        ("17 watts", "17 watts", "unsupported"),
        ("30 inches", "30 inches", "contradicted"),
        ("55 volts", "55 volts", "unsupported"),
        ("twelve loops", "twelve", "contradicted"),
        ("4 loops", "4", "contradicted"),
        ("480 pages", "480", "contradicted"),
        ("36 bars", "36", "contradicted"),
        ("three dozen bars", "three dozen", "contradicted"),
        ("40.2 oz in all", "40.2 oz", "contradicted"),
    ],
)
def test_a_number_without_a_unit_does_not_make_every_unit_true(text: str, words: str, verdict: str) -> None:
    assert unproved(BARS, text) == [("number", words, verdict)]


SPELLINGS = {
    "lb": ["lb", "lbs", "pound", "pounds", "LB"],
    "in": ["in", "inch", "inches", '"', "″"],
    "L": ["L", "l", "liter", "litres"],
    "W": ["W", "watts", "watt"],
}


# The first example reads the vocabulary and the model.
@settings(deadline=None)
@given(st.integers(1, 9999), st.integers(0, 9), st.sampled_from(sorted(SPELLINGS)), st.data())
def test_a_figure_is_read_back_in_every_spelling(whole: int, tenths: int, unit: str, data: st.DataObject) -> None:
    spelling = data.draw(st.sampled_from(SPELLINGS[unit]))
    sep = "" if not spelling.isalpha() else data.draw(st.sampled_from(["", " ", "-"]))
    figure = f"{whole:,}.{tenths}" if tenths else f"{whole:,}"
    (read,) = quantities(f"It has {figure}{sep}{spelling}, they say.")
    (plain,) = quantities(f"{whole + tenths / 10} {unit}.")
    assert [reading.unit for reading in read.readings] == [reading.unit for reading in plain.readings]
    assert [reading.amount for reading in read.readings] == pytest.approx([each.amount for each in plain.readings])


@given(st.text(alphabet="0123456789.,x×-'\"°% inlbftozhalfdozentwoonepacksof&#", max_size=60))
def test_quantities_never_overlap(text: str) -> None:
    end = 0
    for quantity in quantities(text, counted=True):
        assert quantity.start >= end
        assert text[quantity.start : quantity.end] == quantity.text
        end = quantity.end


@pytest.mark.parametrize("text", ["6,000 hours", "1.48 oz", "up to 6000 hours"])
def test_figures_that_lost_their_marks_in_the_record_are_its_own(text: str) -> None:
    lamp = Product(product_id="l", product_name="Lamp", description="Lasts 6 000 hours and weighs 1 48 oz")
    assert unproved(lamp, text) == []

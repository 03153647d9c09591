"""Where a source's sentences end, and what in it is no sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_pipeline.generation.template.sentences import as_sentence, read
from walmart_pipeline.text.sentences import split


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Dr. Smith tested it. It holds 1.7 L of water.", 2),
        ("Made in the U.S. of steel. The U.S. Army uses it.", 2),
        ("It is 12 in. The lid fits.", 2),
        ("A 12 in. Electric skillet. It heats.", 2),
        ("No. 5 oil fits, e.g. Castor or approx. 3 others.", 1),
        ("It boils water.The lid locks.", 2),
        ("Fits J. Miller pots! Really? Yes.", 3),
    ],
)
def test_a_stop_inside_an_abbreviation_ends_nothing(text: str, count: int) -> None:
    assert len(split(text)) == count


def test_a_line_of_names_and_values_becomes_attributes() -> None:
    source = read("Material: steel; Capacity: 1.7 L\nThe kettle boils water quickly.")
    assert source.attributes == [("Material", "steel"), ("Capacity", "1.7 L")]
    assert source.sentences == ["The kettle boils water quickly."]


def test_a_list_item_becomes_a_sentence_and_a_short_one_a_phrase() -> None:
    source = read("• folds flat so that it fits under a bed\n2) two locking wheels\n- Care instructions:")
    assert source.sentences == ["Folds flat so that it fits under a bed."]
    assert source.fragments == ["Two locking wheels"]


def test_a_shouted_heading_is_parted_from_its_sentence() -> None:
    source = read("WATERPROOF AND WARM: The gloves keep hands dry in wet snow.")
    assert source.headings == ["Waterproof and warm"]
    assert source.sentences == ["The gloves keep hands dry in wet snow."]


def test_a_colon_inside_a_paragraph_keeps_its_sentence_whole() -> None:
    source = read("It comes in one cut. Sizes follow age: 4T is cut for children of four.")
    assert source.sentences[1] == "Sizes follow age: 4T is cut for children of four."


@pytest.mark.parametrize(
    "text",
    [
        "Are you looking for a kettle?",
        "Grumpy Bear is the plush toy for",
        "It won?t shrink in the wash.",
        "The lid (which locks fits the pot.",
        "Trapeze SilhouetteV NecklineAbove ElbowSleeves thirty inches long.",
        "plus size tops, plus size tunic tops, womens plus size tops, tops plus size tunic, tunic tops plus size",
    ],
)
def test_what_does_not_read_as_a_sentence_is_left_out(text: str) -> None:
    assert as_sentence(text) is None


def test_shouting_is_calmed_and_acronyms_kept() -> None:
    assert as_sentence("THIS LAMP HAS A USB PORT AND LED LIGHT!!!") == "This lamp has a USB port and LED light."


@given(st.text())
def test_any_text_is_read_without_an_error_into_ended_sentences(text: str) -> None:
    for sentence in read(text).sentences:
        assert sentence.rstrip("\"'”’)").endswith(".") or sentence.endswith(".")

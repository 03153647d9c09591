"""What of a source's text an editor would leave as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_pipeline.core.records import Product
from walmart_pipeline.generation.template.source import as_feature, as_phrase, as_sentence, read


@pytest.mark.parametrize(
    "text",
    [
        "The lid is loose on purpose and lets a little steam out.",
        "A coat of powder gives chalk a hold and doesn't get slick when hands sweat.",
        "Handles and tabs are leather, colored through with plant tannins.",
        "These shears are made for left hands.",
        "It closes with a brass zipper.",
    ],
)
def test_whole_sentences_about_the_product_stay(text: str) -> None:
    assert as_sentence(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Why wait until the water boils in this kettle?",
        "You will love the kettle from the first day on.",
        "If you are unhappy with the kettle, contact us.",
        "Two pockets with a zipper and a brass ring.",
        "The kettle is fast,it boils the water in minutes.",
        "The kettle keeps hands clean With its long spout.",
        "This kettles is a must for every kitchen and home.",
        "These kettle is quick and easy to clean.",
        "The kettles have many sizes, you can choose the best.",
        "Kettle electric steel cordless water tea coffee boiler is kitchen office gift.",
        "The kettle is HIGHLY recommended for each kitchen and its owner.",
        "The kettle is the best in the",
        "the kettle boils the water in six minutes.",
    ],
)
def test_what_an_editor_would_mend_is_left_out(text: str) -> None:
    assert as_sentence(text) is None


def test_what_a_shop_says_of_itself_is_said_of_the_product() -> None:
    assert (
        as_sentence("Our kettle is made of brushed steel & glass!") == "The kettle is made of brushed steel and glass."
    )


def test_sentences_run_together_are_two() -> None:
    text = "FAST: The element boils the water in minutes This kettle is cordless and pours from each side."
    source = read(Product(product_id="k", product_name="Kettle", description=text))
    assert [sentence.text for sentence in source.sentences] == [
        "The element boils the water in minutes.",
        "This kettle is cordless and pours from each side.",
    ]


def test_a_list_item_is_a_phrase_and_no_clause() -> None:
    source = read(Product(product_id="k", product_name="Kettle", description="• Brushed steel lid\n• it is quick\n"))
    assert source.phrases == ["Brushed steel lid"]


def test_a_whole_sentence_may_be_a_feature() -> None:
    assert as_feature("The lid opens with one hand at the press of a button.") == (
        "Lid opens with one hand at the press of a button"
    )
    assert as_feature("It opens with one hand.") is None


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    read(Product(product_id="k", product_name="Kettle", description=text))
    as_phrase(text)

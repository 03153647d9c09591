"""Whether the judge tells good copy from bad, as careful readers do."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

from walmart_pipeline.core.records import Listing
from walmart_pipeline.generation import prompt
from walmart_pipeline.judge.writing import stars
from walmart_pipeline_tests.judge.cases.case import Clean, clean_listings
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE, KETTLE, PARAGRAPHS, broken, described


@pytest.fixture(scope="module")
def clean() -> list[Clean]:
    return list(clean_listings().values())


def writing(**changes: Any) -> float:
    measured = JUDGE.report(KETTLE, HONEST.model_copy(update=changes)).dimensions["writing"]
    assert measured is not None
    return measured


def soup(text: str, *, size: int) -> Listing:
    """The words of a text in their order, cut into fields: what a server without a model answers."""
    words = re.sub(r"[^A-Za-z0-9 .,%/-]", " ", text).split()
    many = (words * (220 // len(words) + 1))[:220]
    return Listing(
        title=" ".join(words[:12])[:95],
        key_features=[" ".join(many[place * size : (place + 1) * size])[:78] for place in range(5)],
        description=" ".join(many),
        seo_keywords=words[:5],
    )


def test_word_soup_cut_from_the_prompt_is_never_publishable(clean: list[Clean]) -> None:
    """Of 895 such texts 797 were once accepted, most with 87 to 96 points."""
    for base in clean:
        question = prompt.as_json(prompt.user(prompt.facts(base.product)))
        for size in (5, 6, 7):
            report = JUDGE.report(base.product, soup(question, size=size))
            assert not report.publishable
            assert report.score < 60
            assert "writing.word_soup" in {violation.rule for violation in report.violations}


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("writing.question_answer", {"description": described("Answer: Boil water before the first use.")}),
        ("writing.fragment", {"key_features": [*HONEST.key_features, "Not too short"]}),
        ("writing.seller_chatter", {"description": described("We guarantee that you will love it.")}),
        ("writing.seller_chatter", {"description": described("Contact us before writing a negative review.")}),
    ],
)
def test_what_a_seller_says_to_customers_is_not_accepted(rule: str, changes: dict[str, Any]) -> None:
    assert rule in broken(**changes)
    assert not JUDGE.report(KETTLE, HONEST.model_copy(update=changes)).publishable


def test_robotic_sentences_labels_and_repetition_read_worse_than_prose() -> None:
    robotic = " ".join(f"The {name.lower()} is {value.lower()}." for name, value in KETTLE.attributes.items())
    labelled = [f"{name}: {value}" for name, value in KETTLE.attributes.items()]
    worse = {
        "robotic": writing(description=f"{PARAGRAPHS[0]}\n\n{robotic} {robotic.replace('The', 'Its')} {robotic}"),
        "labelled": writing(key_features=labelled),
        "repeated": writing(description=f"{PARAGRAPHS[0]} {PARAGRAPHS[0]} {PARAGRAPHS[0]}"),
        "run together": writing(description=HONEST.description.replace(". ", ".").replace(", ", ",")),
    }
    assert {name: value for name, value in worse.items() if value > writing() - 5} == {}


def test_shuffled_words_under_a_good_title_lose_a_third_of_the_points(clean: list[Clean]) -> None:
    for base in clean[:8]:
        words = base.listing.description.split()
        random.Random(0).shuffle(words)
        shuffled = base.listing.model_copy(update={"description": " ".join(words)})
        measured = [JUDGE.report(base.product, text).dimensions["writing"] or 0 for text in (base.listing, shuffled)]
        assert measured[1] < 0.7 * measured[0]


def test_a_short_text_that_reads_well_costs_points_and_is_published() -> None:
    """Sixty good words are better than 150 bad ones: no page of Walmart's rejects them."""
    report = JUDGE.report(KETTLE, HONEST.model_copy(update={"description": PARAGRAPHS[1]}))
    assert [(found.rule, found.severity) for found in report.violations] == [("description.length", "major")]
    assert report.publishable
    assert report.score < JUDGE.report(KETTLE, HONEST).score


def test_a_listing_without_a_description_or_a_title_is_blocked() -> None:
    """The item feed requires both."""
    for field in ("title", "description"):
        report = JUDGE.report(KETTLE, HONEST.model_copy(update={field: ""}))
        assert (f"{field}.length", "blocking") in {(found.rule, found.severity) for found in report.violations}


def test_the_rules_of_writing_lower_writing_and_not_compliance() -> None:
    report = JUDGE.report(
        KETTLE, HONEST.model_copy(update={"description": described("It is light , and warm ,, too.")})
    )
    assert {found.rule for found in report.violations} == {"writing.punctuation"}
    assert report.dimensions["compliance"] == 100


def test_the_model_says_who_wrote_and_who_rated() -> None:
    card = json.loads(stars.MODEL.read_text(encoding="utf-8"))["card"]
    assert "language models" in card
    assert "no people yet" in card


def test_stars_become_points_whose_bands_readers_would_understand() -> None:
    assert [round(stars.points(value)) for value in (1, 2, 3, 4, 5)] == [0, 45, 70, 88, 100]


def test_a_thin_text_is_not_called_good() -> None:
    thin = JUDGE.report(KETTLE, HONEST.model_copy(update={"description": "It boils water."}))
    bare = JUDGE.report(KETTLE, HONEST.model_copy(update={"key_features": []}))
    assert not thin.publishable
    assert not bare.publishable
    assert JUDGE.report(KETTLE, HONEST).publishable

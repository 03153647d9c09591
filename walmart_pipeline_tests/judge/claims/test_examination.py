"""What becomes of a statement: sure ones are decided at once, the others when the cross-encoder has read them."""

from __future__ import annotations

import pytest

from walmart_pipeline.core.records import Product
from walmart_pipeline.judge.claims import Examination, ListingText
from walmart_pipeline.judge.claims.model import model, read_features
from walmart_pipeline_tests.judge.claims.examples import BLENDER, SHIRT, claims, examined, unproved

LAMP = Product(
    product_id="lamp",
    product_name="Corvane Brass Desk Lamp, 16 in",
    brand="Corvane",
    attributes={"Material": "Brass", "Height": "16 in", "Closure": "Zipper case"},
    features=["Hand wash the shade", "Bulb not included"],
    description="A lamp with a pull chain and no dimmer. The shade is linen.",
)


def contradicted(product: Product, sentence: str) -> set[str]:
    """The words of a sentence that say the opposite of the record."""
    found = examined(product, sentence, title="")
    return {
        found.listing.text[each.claim.start : each.claim.end].lower()
        for one in found.statements
        for each in one.statement.evidence
        if each.group == "opposite"
    }


def test_a_sentence_of_the_record_is_neither_doubted_nor_read_again() -> None:
    found = examined(LAMP, "A lamp with a pull chain and no dimmer.")
    assert found.open == []
    assert [claim for claim in found.claims() if claim.status != "supported"] == []


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("Machine wash the shade.", "machine wash"),
        ("The case has a button closure.", "button"),
        ("It has a dimmer.", "dimmer"),
        ("It has no pull chain.", "chain"),
        ("The bulb is included.", "bulb"),
    ],
)
def test_one_word_that_turns_the_truth_is_evidence(sentence: str, words: str) -> None:
    assert words in contradicted(LAMP, sentence)


@pytest.mark.parametrize("sentence", ["Hand wash the shade.", "There is no dimmer.", "The bulb is sold separately."])
def test_the_records_own_care_and_denials_are_no_evidence(sentence: str) -> None:
    assert contradicted(LAMP, sentence) == set()


@pytest.mark.parametrize("value", ["No", "no.", "No, wash it by hand", "None", "not recommended", "N/A", "False"])
def test_an_attribute_may_be_denied_as_the_record_denies_it(value: str) -> None:
    assert unproved(BLENDER, f"Dishwasher Safe: {value}") == []


@pytest.mark.parametrize("value", ["Yes", "Top rack", "Noiseless"])
def test_an_attribute_that_the_record_denies_is_not_claimed(value: str) -> None:
    assert ("claim", "Dishwasher Safe", "contradicted") in unproved(BLENDER, f"Dishwasher Safe: {value}")


def test_words_in_another_form_are_the_records_own() -> None:
    found = examined(SHIRT, "Wash it in the machine; the necks and sleeves are short.", title="")
    words = {found.listing.text[each.claim.start : each.claim.end] for each in found.statements[0].statement.evidence}
    assert words.isdisjoint({"Wash", "machine", "necks", "sleeves", "short"})


@pytest.mark.parametrize(("logit", "is_doubted"), [(30.0, True), (-30.0, False)])
def test_the_cross_encoder_decides_what_it_has_read(logit: float, is_doubted: bool) -> None:
    found = Examination(ListingText([("title", "Blender"), ("description", "Its jar nests in a drawer.")]), BLENDER)
    found.read([1], [logit])
    assert any(claim.status != "supported" for claim in found.claims()) == is_doubted


def test_a_wrong_figure_blocks_although_the_cross_encoder_is_in_doubt() -> None:
    blocking = {}
    for sentence in ("The lamp is 22 in tall.", "The lamp is tall and quiet."):
        found = examined(LAMP, sentence, title="")
        found.read([0], [1.5])
        blocking[sentence] = any(claim.status != "supported" and not claim.hint for claim in found.claims())
    assert blocking == {"The lamp is 22 in tall.": True, "The lamp is tall and quiet.": False}


def test_a_new_name_is_told_from_the_first_word_of_a_sentence() -> None:
    names = {}
    for sentence in ("Light from Nestrelle falls on the desk.", "Nestled light falls on the desk."):
        found = examined(LAMP, sentence, title="")
        one = found.statements[0]
        features = read_features(found.alignment, one.statement, one.scores, one.logit, 0.0, model().roots)
        names[sentence] = ("new name", 1.0) in features
    assert names == {"Light from Nestrelle falls on the desk.": True, "Nestled light falls on the desk.": False}


def test_pairs_name_the_product_and_the_passage_that_matters() -> None:
    found = examined(LAMP, "The shade is made of paper.")
    (pair,) = found.pairs([1])
    assert pair[0].startswith(LAMP.product_name)
    assert "The shade is linen." in pair[0]
    assert pair[1] == "The shade is made of paper."


def test_a_listing_without_words_claims_nothing() -> None:
    assert [claim for claim in claims(LAMP, "", title="") if claim.status != "supported"] == []

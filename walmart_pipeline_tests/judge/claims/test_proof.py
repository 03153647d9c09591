"""Each claim leads to the passage of the record that it rests on, and back."""

from __future__ import annotations

import pytest

from walmart_pipeline.core.records import Listing
from walmart_pipeline.judge.claims import Proof, fields_of
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE, KETTLE


def passages_of(listing: Listing, words: str) -> list[str]:
    """The passages of the first claim with exactly these words."""
    fields = dict(fields_of(listing))
    _, proof = JUDGE.examine(KETTLE, listing)
    claim = next(claim for claim in proof.claims if fields[claim.field][claim.start : claim.end] == words)
    return [proof.passages[place] for place in claim.passages]


@pytest.mark.parametrize(
    ("words", "passage"),
    [
        ("1500-watt", "Wattage: 1500 W"),
        ("borosilicate glass", "Material: Borosilicate Glass"),
        ("6 minutes", "Boils a full pot in about 6 minutes."),
        ("30 inches", "Cord Length: 30 in"),
        # No word is shared: the rest of the sentence decides.
        ("two-year", "2 year warranty"),
    ],
)
def test_a_claim_rests_on_its_passage(words: str, passage: str) -> None:
    assert passages_of(HONEST, words) == [passage]


def test_a_false_claim_leads_to_what_the_record_says_instead() -> None:
    false = HONEST.model_copy(update={"description": f"{HONEST.description} It holds 3 liters."})
    assert "Capacity: 1.7 L" in passages_of(false, "3 liters")


def proof(listing: Listing = HONEST) -> Proof:
    return JUDGE.examine(KETTLE, listing)[1]


def test_a_passage_leads_back_to_every_statement_that_rests_on_it() -> None:
    found = proof()
    for place, statement in enumerate(found.statements):
        for passage in statement.passages:
            assert place in found.resting_on(passage)
    assert any(not found.resting_on(place) for place in range(len(found.passages)))  # the brand alone proves nothing


def test_a_statement_without_a_word_of_the_record_rests_on_nothing() -> None:
    made_up = HONEST.model_copy(update={"description": "Zebras gallop across savannahs."})
    assert [each.passages for each in proof(made_up).statements if each.field == "description"] == [()]


def test_the_report_is_the_one_that_the_judge_gives_alone() -> None:
    assert JUDGE.examine(KETTLE, HONEST)[0] == JUDGE.report(KETTLE, HONEST)


def test_an_empty_listing_proves_nothing() -> None:
    assert proof(Listing()).statements == ()

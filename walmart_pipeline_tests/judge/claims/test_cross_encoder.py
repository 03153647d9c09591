"""The cross-encoder: what its tokens are marked with, and that it tells a false statement from its true twin."""

from __future__ import annotations

import pytest

from walmart_pipeline.judge.claims import cross_encoder
from walmart_pipeline.judge.claims.cross_encoder import token_types


def test_tokens_of_a_statement_are_marked_by_whether_the_passages_have_them() -> None:
    assert token_types([101, 7, 8, 102, 8, 9, 102], [0, 0, 0, 0, 1, 1, 1]) == [0, 0, 0, 0, 1, 2, 1]


def test_a_false_statement_is_less_supported_than_its_true_twin() -> None:
    premise = "Harrowgate Kettle, 1.7 L | Material: Stainless steel | The lid is hinged."
    statements = ["The kettle is made of stainless steel.", "The kettle is made of borosilicate glass."]
    true, false = cross_encoder.logits([(premise, statement) for statement in statements])
    assert true < false


def test_a_pair_has_the_same_logit_in_any_company() -> None:
    pairs = [("Lamp | The shade is linen.", "Its shade is linen."), ("Lamp " * 200, "It is bright. " * 9)]
    assert cross_encoder.logits(pairs)[0] == cross_encoder.logits(pairs[:1])[0]


def test_a_pair_is_read_once_however_often_its_listing_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text is judged when it is written, for its score and in evaluations; each reading takes 9 ms."""
    pairs = [("Lamp | The shade is raffia.", "Its shade is raffia."), ("Lamp | The cord is 6 ft.", "A 6 ft cord.")]
    logits = cross_encoder.logits(pairs)
    monkeypatch.setattr(cross_encoder, "_session", lambda: pytest.fail("read again"))
    assert cross_encoder.logits(pairs) == logits


def test_no_pairs_have_no_logits() -> None:
    assert cross_encoder.logits([]) == []


def test_a_statement_longer_than_the_encoder_reads_still_gets_a_logit() -> None:
    assert len(cross_encoder.logits([("A steel kettle.", "It is made of steel. " * 100)])) == 1

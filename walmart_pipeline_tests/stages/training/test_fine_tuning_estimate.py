"""What training on a chat file would come to."""

from __future__ import annotations

import json

import pytest

from walmart_pipeline.stages.training.example_files import EXAMPLE_TOKENS, FineTuning, FineTuningTally, epochs


def tally(*conversations: list[tuple[str, str]]) -> FineTuning:
    added = FineTuningTally()
    for messages in conversations:
        added.add(json.dumps({"messages": [{"role": role, "content": content} for role, content in messages]}))
    return added.total()


def test_the_end_of_an_example_above_the_limit_is_not_billed() -> None:
    short = [("system", "s" * 40), ("user", "u" * 400), ("assistant", "a" * 400)]
    long = [("user", "u" * 400), ("assistant", "a" * 4 * EXAMPLE_TOKENS)]
    found = tally(short, long)
    assert (found.examples, found.too_long, found.without_system) == (2, 1, 1)
    assert found.longest > EXAMPLE_TOKENS
    assert found.tokens == found.longest + tally(short).tokens
    assert found.billed_tokens == found.epochs * (EXAMPLE_TOKENS + tally(short).tokens)


def test_an_empty_file_has_zero_totals() -> None:
    assert set(tally().model_dump().values()) == {0}


@pytest.mark.parametrize(
    ("examples", "passes"), [(0, 0), (1, 25), (10, 10), (33, 3), (34, 3), (8_333, 3), (10_000, 2), (1_000_000, 1)]
)
def test_few_examples_are_passed_over_more_often_than_many(examples: int, passes: int) -> None:
    """The cookbook's rule: three passes, but at least 100 and at most 25,000 examples in all of them."""
    assert epochs(examples) == passes

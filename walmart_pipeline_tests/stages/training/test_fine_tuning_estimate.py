"""What training on a chat file would come to."""

from __future__ import annotations

import pytest

from walmart_pipeline.stages.training.example_files import EXAMPLE_TOKENS, epochs, fine_tuning


def test_the_end_of_an_example_above_the_limit_is_not_billed() -> None:
    found = fine_tuning([200, EXAMPLE_TOKENS + 100])
    assert (found.examples, found.too_long, found.longest) == (2, 1, EXAMPLE_TOKENS + 100)
    assert found.tokens == EXAMPLE_TOKENS + 300
    assert found.billed_tokens == found.epochs * (EXAMPLE_TOKENS + 200)


def test_an_empty_file_has_zero_totals() -> None:
    assert set(fine_tuning([]).model_dump().values()) == {0}


@pytest.mark.parametrize(
    ("examples", "passes"), [(0, 0), (1, 25), (10, 10), (33, 3), (34, 3), (8_333, 3), (10_000, 2), (1_000_000, 1)]
)
def test_few_examples_are_passed_over_more_often_than_many(examples: int, passes: int) -> None:
    """The cookbook's rule: three passes, but at least 100 and at most 25,000 examples in all of them."""
    assert epochs(examples) == passes

"""Which examples a model is shown."""

from __future__ import annotations

import random

from walmart_pipeline.models import fewshot
from walmart_pipeline.models.tiers import TIERS
from walmart_pipeline_tests.models.examples import example

ADVANCED = TIERS["advanced"]
PLENTY = 100_000


def test_examples_are_spread_over_categories_before_quality() -> None:
    examples = [
        *(example(f"Kettle {quality}", quality=quality) for quality in (99, 98, 97)),
        example("Doll", category="Toys", quality=90),
        example("Lamp", category="Home", quality=85),
    ]
    picked = fewshot.pick(ADVANCED, examples, PLENTY)
    assert [chosen.input.product_name for chosen in picked] == ["Kettle 99", "Doll", "Lamp", "Kettle 98", "Kettle 97"]


def test_no_example_below_the_tiers_quality_is_shown() -> None:
    examples = [example(quality=79.9), example("Good Kettle", quality=80)]
    assert [chosen.metadata.quality_score for chosen in fewshot.pick(ADVANCED, examples, PLENTY)] == [80]


def test_the_choice_does_not_depend_on_the_order_of_the_examples() -> None:
    examples = [example(f"Kettle {n}", category=f"c{n % 3}", quality=90) for n in range(30)]
    picked = fewshot.pick(ADVANCED, examples, PLENTY)
    for seed in range(5):
        shuffled = random.Random(seed).sample(examples, len(examples))
        assert fewshot.pick(ADVANCED, shuffled, PLENTY) == picked


def test_a_tier_shows_no_more_than_its_number_of_examples() -> None:
    assert len(fewshot.pick(ADVANCED, [example(str(n)) for n in range(50)], PLENTY)) == ADVANCED.shots


def test_examples_stay_within_the_budget_and_a_long_one_makes_way_for_a_shorter() -> None:
    long = example("Long", quality=99, description="word " * 2000)
    short = [example(f"Short {n}", quality=90) for n in range(4)]
    budget = 3 * fewshot.size(short[0])
    picked = fewshot.pick(ADVANCED, [long, *short], budget)
    assert len(picked) == 3
    assert long not in picked
    assert sum(map(fewshot.size, picked)) <= budget
    assert fewshot.pick(ADVANCED, short, 0) == []


def test_the_budget_is_what_system_text_product_and_answer_leave_of_the_context() -> None:
    assert fewshot.budget(ADVANCED, "x" * 4000) == 8192 - 2048 - fewshot.PRODUCT_TOKENS - 1000
    assert fewshot.budget(ADVANCED, "x" * 100_000) == 0

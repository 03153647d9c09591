"""Which examples a model is shown."""

from __future__ import annotations

import random
from dataclasses import replace

from walmart_pipeline.generation.recipes import PRODUCT_TOKENS
from walmart_pipeline.stages.models import few_shot
from walmart_pipeline.stages.models.tiers import TIERS
from walmart_pipeline_tests.stages.models.examples import example

ADVANCED = TIERS["advanced"]
PLENTY = 100_000


def test_an_example_of_another_kind_goes_before_a_slightly_better_one_of_the_same() -> None:
    examples = [
        *(example(f"Kettle {quality}", quality=quality) for quality in (99, 98, 97)),
        example("Doll", category="Toys", quality=90, description="Closes its eyes when it lies down."),
        example("Lamp", category="Home", quality=85, description="Lights a desk without glare."),
    ]
    picked = few_shot.pick(ADVANCED, examples, PLENTY)
    assert [chosen.input.product_name for chosen in picked] == ["Kettle 99", "Doll", "Lamp", "Kettle 98", "Kettle 97"]


def test_of_two_in_one_category_the_one_that_reads_otherwise_is_shown() -> None:
    other = example("Toaster", quality=97, description="Browns four slices at once, and lifts small ones high.")
    picked = few_shot.pick(
        replace(ADVANCED, shots=2), [example("Kettle", quality=99), example(quality=98), other], PLENTY
    )
    assert picked[1] == other


def test_what_a_reviewer_liked_goes_before_a_better_score_and_what_they_did_not_like_goes_behind() -> None:
    examples = [
        example("Unseen", quality=99),
        example("Liked", quality=90, stars=5),
        example("Not", quality=99, stars=1),
    ]
    picked = few_shot.pick(replace(ADVANCED, shots=2), examples, PLENTY)
    assert [chosen.input.product_name for chosen in picked] == ["Liked", "Unseen"]


def test_a_text_of_four_stars_goes_before_any_unrated_one_of_its_tier() -> None:
    """The judge's points say less than a reader does: an edit at 70 teaches more than an unread text at 99."""
    examples = [example("Unread", quality=99), example("Liked", quality=70, stars=4)]
    [picked] = few_shot.pick(replace(TIERS["basic"], shots=1), examples, PLENTY)
    assert picked.input.product_name == "Liked"


def test_no_example_below_the_tiers_quality_is_shown() -> None:
    examples = [example(quality=79.9), example("Good Kettle", quality=80)]
    assert [chosen.metadata.quality_score for chosen in few_shot.pick(ADVANCED, examples, PLENTY)] == [80]


def test_the_choice_does_not_depend_on_the_order_of_the_examples() -> None:
    examples = [example(f"Kettle {n}", category=f"c{n % 3}", quality=90) for n in range(30)]
    picked = few_shot.pick(ADVANCED, examples, PLENTY)
    for seed in range(5):
        shuffled = random.Random(seed).sample(examples, len(examples))
        assert few_shot.pick(ADVANCED, shuffled, PLENTY) == picked


def test_a_tier_shows_no_more_than_its_number_of_examples() -> None:
    assert len(few_shot.pick(ADVANCED, [example(str(n)) for n in range(50)], PLENTY)) == ADVANCED.shots


def test_examples_stay_within_the_budget_and_a_long_one_makes_way_for_a_shorter() -> None:
    long = example("Long", quality=99, description="word " * 2000)
    short = [example(f"Short {n}", quality=90) for n in range(4)]
    budget = 3 * few_shot.size(short[0])
    picked = few_shot.pick(ADVANCED, [long, *short], budget)
    assert len(picked) == 3
    assert long not in picked
    assert sum(map(few_shot.size, picked)) <= budget
    assert few_shot.pick(ADVANCED, short, 0) == []


def test_the_budget_is_what_system_text_product_and_answer_leave_of_the_context() -> None:
    assert few_shot.budget(ADVANCED, "x" * 4000) == 8192 - 2048 - PRODUCT_TOKENS - 1000
    assert few_shot.budget(ADVANCED, "x" * 100_000) == 0

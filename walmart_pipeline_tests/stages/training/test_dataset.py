import random
from datetime import UTC, datetime

import pytest

from walmart_pipeline.core.records import Listing, TrainingExample
from walmart_pipeline.stages.training.dataset import Contents, DatasetExample, Version, contents, next_version
from walmart_pipeline.stages.training.split_assignment import Split
from walmart_pipeline_tests.stages.training.conftest import MakeExample

THRESHOLDS = {"quality": 70.0}
POLICY = "walmart-2025@3f2a"


def placed(product_id: str, example: TrainingExample, split: Split = "train") -> DatasetExample:
    return DatasetExample(product_id=product_id, split=split, example=example)


def made(previous: list[Version], found: Contents) -> Version:
    return next_version(previous, found, thresholds=THRESHOLDS, policy=POLICY)


def test_the_order_of_the_examples_is_not_content(make_example: MakeExample) -> None:
    examples = [placed(str(number), make_example(score=70 + number / 7)) for number in range(100)]
    shuffled = random.Random(1).sample(examples, k=len(examples))
    assert contents(examples) == contents(shuffled)


def test_the_time_of_the_run_is_not_content(make_example: MakeExample) -> None:
    later = make_example(timestamp=datetime(2030, 1, 1, tzinfo=UTC), generation_time=9.0, user_rating=5.0)
    assert contents([placed("1", later)]).fingerprint == contents([placed("1", make_example())]).fingerprint


def test_another_product_side_input_or_output_is_other_content(make_example: MakeExample) -> None:
    base = placed("1", make_example())
    others = [
        placed("2", make_example()),
        placed("1", make_example(), split="test"),
        placed("1", make_example(user_preferences={"tone": "plain"})),
        placed("1", make_example(listing=Listing(title="Another"))),
    ]
    fingerprints = {contents(examples).fingerprint for examples in ([base], [base, base], [], *([x] for x in others))}
    assert len(fingerprints) == 3 + len(others)


def test_contents_counts_each_side_and_averages_quality(make_example: MakeExample) -> None:
    found = contents([placed("1", make_example(score=80)), placed("2", make_example(score=90), split="test")])
    assert found.counts == {"train": 1, "validation": 0, "test": 1}
    assert found.mean_quality == pytest.approx(85)


def test_an_empty_dataset_has_no_mean_quality() -> None:
    assert contents([]).mean_quality is None


def test_versions_count_up_and_name_their_parent(make_example: MakeExample) -> None:
    first = made([], contents([placed("1", make_example())]))
    second = made([first], contents([placed("2", make_example())]))
    third = made([second, first], contents([placed("3", make_example())]))
    assert [(v.name, v.parent) for v in (first, second, third)] == [("v1", None), ("v2", 1), ("v3", 2)]
    assert (third.thresholds, third.policy) == (THRESHOLDS, POLICY)


def test_content_seen_before_is_the_version_it_was(make_example: MakeExample) -> None:
    first = made([], contents([placed("1", make_example())]))
    second = made([first], contents([placed("2", make_example())]))
    again = next_version(
        [first, second], contents([placed("1", make_example(generation_time=3.0))]), thresholds={}, policy="another"
    )
    assert again == first

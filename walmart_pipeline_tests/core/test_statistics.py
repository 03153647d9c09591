import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.statistics import mean_difference


def test_no_pairs_have_no_difference() -> None:
    assert mean_difference([]) is None


def test_one_pair_has_a_mean_but_no_interval() -> None:
    only = mean_difference([3.5])
    assert only is not None
    assert (only.mean, only.low, only.high, only.resamples) == (3.5, None, None, 0)


def test_a_seed_gives_the_same_interval_again() -> None:
    values = [1.0, -2.0, 5.5, 0.0, 3.0, 8.0]
    assert mean_difference(values, seed=4) == mean_difference(values, seed=4)
    assert mean_difference(values, seed=4, resamples=500) != mean_difference(values, seed=5, resamples=500)


def test_the_interval_agrees_with_the_normal_theory_of_a_large_sample() -> None:
    values = numpy.random.default_rng(1).normal(3, 15, 2000)
    found = mean_difference(list(values))
    margin = 1.96 * values.std(ddof=1) / 2000**0.5
    assert found is not None
    assert found.low == pytest.approx(values.mean() - margin, abs=0.1)
    assert found.high == pytest.approx(values.mean() + margin, abs=0.1)


def test_the_interval_does_not_depend_on_how_resamples_are_batched(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [float(number % 13) for number in range(300)]
    whole = mean_difference(values, resamples=1001)
    monkeypatch.setattr("walmart_pipeline.core.statistics._BATCH", 1000)
    assert mean_difference(values, resamples=1001) == whole


@settings(deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=30))
def test_the_interval_lies_within_the_differences(values: list[float]) -> None:
    found = mean_difference(values, resamples=200)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


def test_variants_of_one_product_do_not_count_as_many() -> None:
    """Twenty colours of one chair say little more than one: taken one by one they would promote a model by chance."""
    families = [number // 20 for number in range(200)]
    values = [float(numpy.random.default_rng(family).normal(2, 10)) for family in families]
    alone, together = mean_difference(values), mean_difference(values, groups=families)
    assert alone is not None
    assert together is not None
    assert alone.low is not None
    assert together.low is not None
    assert together.mean == alone.mean
    assert together.low < alone.low - 1


def test_a_group_of_its_own_for_each_pair_changes_nothing() -> None:
    values = [float(number % 13) for number in range(60)]
    assert mean_difference(values, groups=list(range(60))) == mean_difference(values)


def test_one_family_alone_has_no_interval() -> None:
    only = mean_difference([1.0, 2.0], groups=["chair", "chair"])
    assert only is not None
    assert only.low is None


def test_a_higher_confidence_has_a_wider_interval() -> None:
    values = [float(number % 13) for number in range(60)]
    wide, narrow = mean_difference(values, level=0.99), mean_difference(values)
    assert wide is not None
    assert narrow is not None
    assert wide.low is not None
    assert narrow.low is not None
    assert wide.low < narrow.low


def test_groups_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="1 groups for 2"):
        mean_difference([1.0, 2.0], groups=["chair"])

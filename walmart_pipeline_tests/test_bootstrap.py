import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.evaluation.bootstrap import mean_difference


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
    monkeypatch.setattr("walmart_pipeline.evaluation.bootstrap._BATCH", 1000)
    assert mean_difference(values, resamples=1001) == whole


@settings(deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=30))
def test_the_interval_lies_within_the_differences(values: list[float]) -> None:
    found = mean_difference(values, resamples=200)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9

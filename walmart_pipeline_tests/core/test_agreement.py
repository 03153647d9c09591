"""How far two judges agree, beside the libraries that are known for it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from walmart_pipeline.core.agreement import Agreement, agreement

stars = st.integers(1, 5)


def test_full_agreement_and_full_disagreement_are_one_and_minus_one() -> None:
    assert agreement([(1, 1), (3, 3), (5, 5)]) == Agreement(n=3, mae=0, spearman=1, kappa=1)
    assert agreement([(1, 5), (5, 1)]) == Agreement(n=2, mae=4, spearman=-1, kappa=-1)


def test_what_is_not_defined_is_none_and_never_zero() -> None:
    assert agreement([]) == Agreement(n=0, mae=None, spearman=None, kappa=None)
    assert agreement([(4, 4), (4, 4)]) == Agreement(n=2, mae=0, spearman=None, kappa=None)


@settings(deadline=None)
@given(st.lists(st.tuples(stars, stars), min_size=2, max_size=30))
def test_the_measures_are_those_of_scipy_and_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    found = agreement(pairs)
    if found.spearman is None:
        assert len(set(first)) == 1 or len(set(second)) == 1
    else:
        assert found.spearman == pytest.approx(spearmanr(first, second).statistic)
    if found.kappa is None:
        assert set(first) == set(second)
    else:
        expected = cohen_kappa_score(first, second, labels=[1, 2, 3, 4, 5], weights="quadratic")
        assert found.kappa == pytest.approx(expected)

"""How far two raters agree."""

from __future__ import annotations

import pytest

from walmart_pipeline.core.statistics import RatingAgreement, agreement


def test_full_agreement_and_full_disagreement_are_one_and_minus_one() -> None:
    assert agreement([(1, 1), (3, 3), (5, 5)]) == RatingAgreement(n=3, mae=0, spearman=1, kappa=1)
    opposite = agreement([(1, 5), (5, 1)])
    assert opposite.model_dump() == pytest.approx({"n": 2, "mae": 4, "spearman": -1, "kappa": -1})


def test_what_is_not_defined_is_none_and_never_zero() -> None:
    assert agreement([]) == RatingAgreement(n=0, mae=None, spearman=None, kappa=None)
    assert agreement([(4, 4), (4, 4)]) == RatingAgreement(n=2, mae=0, spearman=None, kappa=None)


def test_a_star_more_or_less_costs_less_than_three() -> None:
    near, far = agreement([(1, 2), (3, 3), (5, 4)]), agreement([(1, 4), (3, 3), (5, 2)])
    assert near.kappa is not None
    assert far.kappa is not None
    assert far.kappa < 0 < near.kappa < 1

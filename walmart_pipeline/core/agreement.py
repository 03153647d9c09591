"""How far two judges of the same texts agree.

Belongs here: the measures. Does not: who the judges are, or which texts they judged (model_judge.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import StatisticsError, correlation, fmean, pvariance

from pydantic import Field

from walmart_pipeline.core.records import Record


class Agreement(Record):
    """Measures over pairs; None where they are not defined: no pair, or a judge who says the same of every text."""

    n: int
    mae: float | None = Field(description="Mean absolute difference, in stars.")
    spearman: float | None = Field(description="Correlation of the ranks, −1 to 1.")
    kappa: float | None = Field(description="Quadratic weighted kappa: 1 is full agreement, 0 that of chance.")


def agreement(pairs: Sequence[tuple[float, float]]) -> Agreement:
    """How far the first of each pair agrees with the second, both on one scale."""
    if not pairs:
        return Agreement(n=0, mae=None, spearman=None, kappa=None)
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    return Agreement(
        n=len(pairs),
        mae=fmean(abs(one - other) for one, other in pairs),
        spearman=spearman(first, second),
        kappa=quadratic_weighted_kappa(first, second),
    )


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Pearson's correlation of the ranks, of which ties share the mean; None where it is not defined."""
    try:
        return correlation(_ranks(first), _ranks(second))
    except StatisticsError:
        return None


def quadratic_weighted_kappa(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Cohen's kappa with quadratic weights; None where chance alone would agree fully.

    The mean squared difference beside the one that the same answers would have if they were dealt out at random,
    which is what the weighted tables of Cohen (1968) come to.
    """
    chance = pvariance(first) + pvariance(second) + (fmean(first) - fmean(second)) ** 2
    if not chance:
        return None
    return 1 - fmean((one - other) ** 2 for one, other in zip(first, second, strict=True)) / chance


def _ranks(values: Sequence[float]) -> list[float]:
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values)):
        places.setdefault(value, []).append(place)
    means = {value: fmean(found) for value, found in places.items()}
    return [means[value] for value in values]

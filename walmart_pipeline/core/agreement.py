"""How far two raters of the same texts agree."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from walmart_pipeline.core.records import Record

STARS = (1, 2, 3, 4, 5)


class Agreement(Record):
    """Measures over pairs of ratings; None where they are not defined: no pair, or a rater who always says the same."""

    n: int
    mae: float | None = Field(description="Mean absolute difference, in stars.")
    spearman: float | None = Field(description="Correlation of the ranks, −1 to 1.")
    kappa: float | None = Field(description="Cohen's kappa with quadratic weights: 1 is full agreement, 0 is chance.")


def agreement(pairs: Sequence[tuple[int, int]]) -> Agreement:
    """Agreement of the first of each pair with the second, both in stars from 1 to 5."""
    from sklearn.metrics import cohen_kappa_score, mean_absolute_error

    if not pairs:
        return Agreement(n=0, mae=None, spearman=None, kappa=None)
    first, second = zip(*pairs, strict=True)
    is_defined = len({*first, *second}) > 1
    return Agreement(
        n=len(pairs),
        mae=float(mean_absolute_error(first, second)),
        spearman=spearman(first, second),
        kappa=float(cohen_kappa_score(first, second, labels=STARS, weights="quadratic")) if is_defined else None,
    )


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rank correlation; None where one side is constant or there are fewer than two pairs."""
    from scipy.stats import spearmanr

    if len(set(first)) < 2 or len(set(second)) < 2:
        return None
    return float(spearmanr(first, second).statistic)

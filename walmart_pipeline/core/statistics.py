"""The paired bootstrap: a mean difference with its confidence interval."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from pydantic import Field

from walmart_pipeline.core.records import Record

# Over 100 seeds, with 100 pairs and a standard deviation of 15 points, the ends of the interval varied by 0.04 points:
# less than the one decimal that reports show. 9 ms; 15,000 pairs: 1 s.
RESAMPLES = 10_000
# Resampled differences held at once (32 MiB of indices and as much of values), whatever the number of pairs.
_BATCH = 2**22


class MeanDifference(Record):
    """A mean of paired differences with its interval; one pair, or one group, has a mean but no interval."""

    mean: float
    low: float | None
    high: float | None
    level: float = Field(default=0.95, description="Confidence of the interval.")
    resamples: int = Field(description="0 where no interval can be computed.")


def mean_difference(
    differences: Sequence[float],
    *,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> MeanDifference | None:
    """Mean of paired differences and its percentile interval by bootstrap; None for no pairs.

    groups: what each pair belongs to, such as its product family: whole groups are resampled, because variants of one
    product are not independent. Percentile method after Efron and Tibshirani (1993), chapter 13; groups after Davison
    and Hinkley (1997), 3.8. The interval is too narrow for few pairs: it held the true mean of 1,000 normal samples in
    83 % for 5 pairs, 91 % for 10, 92 % for 20 and 94 % for 100.
    Raises ValueError where groups do not match the differences.
    """
    import numpy as np

    if groups is not None and len(groups) != len(differences):
        raise ValueError(f"{len(groups)} groups for {len(differences)} differences: give each one its group")
    if not differences:
        return None
    values = np.asarray(differences, dtype=np.float64)
    mean = float(values.mean())
    numbers: dict[Hashable, int] = {}
    member = [numbers.setdefault(group, len(numbers)) for group in groups or range(len(values))]
    if len(numbers) == 1:
        return MeanDifference(mean=mean, low=None, high=None, level=level, resamples=0)
    sums, sizes = np.bincount(member, weights=values), np.bincount(member)
    random = np.random.default_rng(seed)
    step = max(1, _BATCH // len(sums))
    means = []
    for start in range(0, resamples, step):
        drawn = random.integers(0, len(sums), (min(step, resamples - start), len(sums)))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return MeanDifference(mean=mean, low=float(low), high=float(high), level=level, resamples=resamples)

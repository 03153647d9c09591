"""How sure a mean difference is.

Belongs here: the paired bootstrap. Does not: what is compared (compare.py), or what a promotion asks of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from walmart_pipeline.records import Record

# Over 100 seeds, for 100 pairs whose differences have a standard deviation of 15 points, the ends of the interval
# varied by 0.04 points (0.08 with 2,000 resamples): below the one decimal that reports show. 9 ms; 15,000 pairs: 1 s.
RESAMPLES = 10_000
# Resampled differences held at once (32 MiB of indices and as much of values), whatever the number of pairs.
_BATCH = 2**22


class MeanDifference(Record):
    """A mean of paired differences with its 95 % interval; one pair has a mean but no interval."""

    mean: float
    low: float | None
    high: float | None
    resamples: int = Field(description="0 where no interval can be computed.")


def mean_difference(
    differences: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES
) -> MeanDifference | None:
    """Mean of paired differences and its 95 % percentile interval by bootstrap; None for no pairs.

    The same differences in the same order, seed and resamples give the same interval.
    Percentile method after Efron and Tibshirani (1993), chapter 13. It is too narrow for few pairs: measured on 1,000
    normal samples, it held the true mean in 83 % of samples of 5 pairs, 91 % of 10, 92 % of 20 and 94 % of 100.
    """
    import numpy as np

    if not differences:
        return None
    values = np.asarray(differences, dtype=np.float64)
    mean = float(values.mean())
    if len(values) == 1:
        return MeanDifference(mean=mean, low=None, high=None, resamples=0)
    random = np.random.default_rng(seed)
    step = max(1, _BATCH // len(values))
    means = np.concatenate(
        [
            values[random.integers(0, len(values), (min(step, resamples - start), len(values)))].mean(axis=1)
            for start in range(0, resamples, step)
        ]
    )
    low, high = np.quantile(means, [0.025, 0.975])
    return MeanDifference(mean=mean, low=float(low), high=float(high), resamples=resamples)

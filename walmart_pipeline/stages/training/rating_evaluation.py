"""Whether a learned rating is worth showing: held against the mean and the plain score on texts that it never saw.

Belongs here: the comparison, its uncertainty, calibration, and the verdict. Does not: fitting (rating_fit.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from walmart_pipeline.core.records import Record
from walmart_pipeline.core.statistics import MeanDifference, mean_difference
from walmart_pipeline.stages.training import rating_fit
from walmart_pipeline.stages.training.rating_features import Features

if TYPE_CHECKING:
    from walmart_pipeline.stages.training.rating_fit import Array

CALIBRATION_BINS = 5

LEARNED = "learned"


class Error(Record):
    """How far a predictor is off, in stars."""

    predictor: str
    mae: float
    rmse: float


class Difference(Record):
    """The learned rating's errors less another predictor's; below 0 it is better. Whole groups are resampled."""

    predictor: str
    absolute: MeanDifference = Field(description="In stars.")
    squared: MeanDifference = Field(description="In square stars: its sign is that of the root mean square.")

    @property
    def worst(self) -> float:
        """How little better it may be, by either error: the upper end of the interval."""
        ends = (self.absolute.high, self.squared.high)
        return max(math.inf if end is None else end for end in ends)


class CalibrationBin(Record):
    """Texts of similar predictions: what was foretold and what came."""

    texts: int
    foretold: float
    given: float


class Evaluation(Record):
    """What cross-validation says; no text is predicted by a model that saw its group."""

    texts: int
    groups: int
    errors: list[Error] = Field(description="The learned rating first.")
    differences: list[Difference]
    calibration: list[CalibrationBin]
    calibration_error: float = Field(description="Mean distance of foretold and given stars over the bins.")

    @property
    def is_kept(self) -> bool:
        """It beats every predictor that needs no learning."""
        return all(difference.worst < 0 for difference in self.differences)

    @property
    def verdict(self) -> str:
        """Why it is kept or not, for a person."""
        closest = max(self.differences, key=lambda difference: difference.worst)
        told = (
            f"off by {self.errors[0].mae:.2f} stars on texts it never saw, {closest.absolute.mean:+.2f} beside "
            f"{closest.predictor} (95 % interval {interval(closest.absolute)})"
        )
        return f"kept: {told}" if self.is_kept else f"not kept, no better than {closest.predictor} for sure: {told}"


def interval(difference: MeanDifference) -> str:
    """The interval for a person, in two decimals; a dash where there is none."""
    if difference.low is None or difference.high is None:
        return "–"
    return f"{difference.low:+.2f} to {difference.high:+.2f}"


def evaluate(
    texts: Sequence[Features], stars: Sequence[float], scores: Sequence[float], groups: Sequence[str]
) -> Evaluation:
    """Cross-validate everything that fitting chooses, beside the mean and the score brought onto the scale of stars.

    scores: the judge's, 0 to 100, as a straight line and as an isotonic curve. All four are fitted on the same folds.
    """
    import numpy as np

    given = np.asarray(stars, dtype=np.float64)
    judged = np.asarray(scores, dtype=np.float64).reshape(-1, 1)
    foretold = {name: np.empty(len(texts)) for name in (LEARNED, *PLAIN)}
    for train, test in rating_fit.folds(groups):
        model = rating_fit.fit(
            [texts[place] for place in train], given[train].tolist(), [groups[place] for place in train]
        )
        foretold[LEARNED][test] = model.predict([texts[place] for place in test])
        for name, predictor in PLAIN.items():
            foretold[name][test] = predictor(judged[train], given[train], judged[test])
    bins = _calibration(foretold[LEARNED], given)
    return Evaluation(
        texts=len(texts),
        groups=len(set(groups)),
        errors=[_error(name, values - given) for name, values in foretold.items()],
        differences=[_difference(name, foretold[LEARNED] - given, foretold[name] - given, groups) for name in PLAIN],
        calibration=bins,
        calibration_error=sum(one.texts * abs(one.foretold - one.given) for one in bins) / len(texts),
    )


def _mean(_: Array, stars: Array, scores: Array) -> Array:
    import numpy as np

    return np.full(len(scores), stars.mean())


def _line(judged: Array, stars: Array, scores: Array) -> Array:
    from sklearn.linear_model import LinearRegression

    foretold: Array = LinearRegression().fit(judged, stars).predict(scores)
    return foretold.clip(rating_fit.LOWEST, rating_fit.HIGHEST)


def _curve(judged: Array, stars: Array, scores: Array) -> Array:
    from sklearn.isotonic import IsotonicRegression

    foretold: Array = IsotonicRegression(out_of_bounds="clip").fit(judged.ravel(), stars).predict(scores.ravel())
    return foretold


# What needs no learning from texts, by the name that users read.
PLAIN: dict[str, Callable[[Array, Array, Array], Array]] = {
    "the mean": _mean,
    "the score (line)": _line,
    "the score (curve)": _curve,
}


def _error(name: str, off: Array) -> Error:
    return Error(predictor=name, mae=float(abs(off).mean()), rmse=math.sqrt(float((off**2).mean())))


def _difference(name: str, learned: Array, plain: Array, groups: Sequence[str]) -> Difference:
    absolute = mean_difference((abs(learned) - abs(plain)).tolist(), groups=groups)
    squared = mean_difference((learned**2 - plain**2).tolist(), groups=groups)
    if absolute is None or squared is None:
        raise ValueError("there is no text to compare predictors on")
    return Difference(predictor=name, absolute=absolute, squared=squared)


def _calibration(foretold: Array, given: Array) -> list[CalibrationBin]:
    """Bins of as many texts each, in the order of what was foretold."""
    import numpy as np

    order = np.argsort(foretold, kind="stable")
    return [
        CalibrationBin(texts=len(part), foretold=float(foretold[part].mean()), given=float(given[part].mean()))
        for part in np.array_split(order, CALIBRATION_BINS)
        if len(part)
    ]

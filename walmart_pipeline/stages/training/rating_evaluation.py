"""Compares the rating model with the mean and the score, on unseen texts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from walmart_pipeline.core import markdown
from walmart_pipeline.core.records import Record
from walmart_pipeline.core.statistics import MeanDifference, mean_difference
from walmart_pipeline.stages.training import rating_model
from walmart_pipeline.stages.training.rating_model import Array, Features, RatingModel

CALIBRATION_BINS = 5
EFFECTS_SHOWN = 10
LEARNED = "learned"


class PredictionError(Record):
    """The errors of a predictor, in stars."""

    predictor: str
    mae: float
    rmse: float


class ErrorDifference(Record):
    """The model's errors minus another predictor's; negative if the model is better. Whole groups are resampled."""

    predictor: str
    absolute: MeanDifference = Field(description="In stars.")
    squared: MeanDifference = Field(description="In square stars.")

    @property
    def worst(self) -> float:
        """The higher upper end of the two intervals: the model is better if it is negative."""
        ends = (self.absolute.high, self.squared.high)
        return max(math.inf if end is None else end for end in ends)


class CalibrationBin(Record):
    """Texts with similar predictions: mean predicted and mean given stars."""

    texts: int
    predicted: float
    given: float


class RatingEvaluation(Record):
    """Result of a cross-validation by groups."""

    texts: int
    groups: int
    errors: list[PredictionError] = Field(description="The model's first.")
    differences: list[ErrorDifference]
    calibration: list[CalibrationBin]
    calibration_error: float = Field(description="Expected calibration error, in stars.")

    @property
    def is_kept(self) -> bool:
        """Whether the model beats every baseline."""
        return all(difference.worst < 0 for difference in self.differences)

    @property
    def verdict(self) -> str:
        """Why the model is used or not."""
        closest = max(self.differences, key=lambda difference: difference.worst)
        figures = (
            f"off by {self.errors[0].mae:.2f} stars on unseen texts, {closest.absolute.mean:+.2f} compared with "
            f"{closest.predictor} (95 % interval {interval(closest.absolute)})"
        )
        return (
            f"kept: {figures}" if self.is_kept else f"not kept, not surely better than {closest.predictor}: {figures}"
        )


def interval(difference: MeanDifference) -> str:
    """Format the interval with two decimals; a dash if there is none."""
    if difference.low is None or difference.high is None:
        return "–"
    return f"{difference.low:+.2f} to {difference.high:+.2f}"


def evaluate(
    texts: Sequence[Features], stars: Sequence[float], scores: Sequence[float], groups: Sequence[str]
) -> RatingEvaluation:
    """Cross-validate the model, with its selection of form and penalty, and baselines, on the same folds.

    scores: the judge's, 0 to 100.
    """
    from sklearn.dummy import DummyRegressor
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LinearRegression

    plain = {
        "the mean": DummyRegressor(),
        "the score (line)": LinearRegression(),
        "the score (curve)": IsotonicRegression(out_of_bounds="clip"),
    }
    given = np.asarray(stars, dtype=np.float64)
    judged = np.asarray(scores, dtype=np.float64).reshape(-1, 1)
    predicted = {name: np.empty(len(texts)) for name in (LEARNED, *plain)}
    for train, test in rating_model.folds(groups):
        model = rating_model.fit(
            [texts[place] for place in train], given[train].tolist(), [groups[place] for place in train]
        )
        predicted[LEARNED][test] = model.predict([texts[place] for place in test])
        for name, predictor in plain.items():
            found = predictor.fit(judged[train], given[train]).predict(judged[test])
            predicted[name][test] = found.clip(rating_model.LOWEST, rating_model.HIGHEST)
    off = {name: values - given for name, values in predicted.items()}
    bins = _calibration(predicted[LEARNED], given)
    return RatingEvaluation(
        texts=len(texts),
        groups=len(set(groups)),
        errors=[
            PredictionError(predictor=name, mae=float(abs(each).mean()), rmse=math.sqrt(float((each**2).mean())))
            for name, each in off.items()
        ],
        differences=[_difference(name, off[LEARNED], off[name], groups) for name in plain],
        calibration=bins,
        calibration_error=sum(one.texts * abs(one.predicted - one.given) for one in bins) / len(texts),
    )


def _difference(name: str, learned: Array, plain: Array, groups: Sequence[str]) -> ErrorDifference:
    absolute = mean_difference((abs(learned) - abs(plain)).tolist(), groups=groups)
    squared = mean_difference((learned**2 - plain**2).tolist(), groups=groups)
    if absolute is None or squared is None:
        raise ValueError("there is no text to compare predictors on")
    return ErrorDifference(predictor=name, absolute=absolute, squared=squared)


def _calibration(predicted: Array, given: Array) -> list[CalibrationBin]:
    """Split the texts into bins of equal size by prediction."""
    order = np.argsort(predicted, kind="stable")
    return [
        CalibrationBin(texts=len(part), predicted=float(predicted[part].mean()), given=float(given[part].mean()))
        for part in np.array_split(order, CALIBRATION_BINS)
        if len(part)
    ]


def tables(evaluation: RatingEvaluation, model: RatingModel) -> dict[str, str]:
    """Return Markdown tables by title: comparison, calibration, and the strongest effects."""
    errors = [
        {"predictor": error.predictor, "mean error": f"{error.mae:.2f}", "root mean square": f"{error.rmse:.2f}"}
        for error in evaluation.errors
    ]
    differences = [{"learned less it": "", "95 % interval": ""}] + [
        {"learned less it": f"{one.absolute.mean:+.2f}", "95 % interval": interval(one.absolute)}
        for one in evaluation.differences
    ]
    bins = [
        {"texts": one.texts, "predicted": f"{one.predicted:.2f}", "given": f"{one.given:.2f}"}
        for one in evaluation.calibration
    ]
    effects = [(curve.name, max(curve.stars) - min(curve.stars)) for curve in model.curves]
    effects += [(f"the word “{word}”", abs(stars)) for word, stars in model.words.items()]
    effects.sort(key=lambda item: (-item[1], item[0]))
    return {
        "compared with the mean and the score": markdown.table(
            [error | difference for error, difference in zip(errors, differences, strict=True)]
        ),
        "calibration": f"mean distance {evaluation.calibration_error:.2f} stars\n\n{markdown.table(bins)}",
        "strongest effects": markdown.table(
            [{"feature": name, "stars at most": f"{stars:.2f}"} for name, stars in effects[:EFFECTS_SHOWN]]
        ),
    }

"""Predicts reviewers' stars from the judge's scores, lengths, and words of a text.

A sum of curves and word effects, calibrated by isotonic regression and stored as JSON without pickles. On 1,000 real
texts with simulated reviewers, gradient boosting reduced the error of 0.65 stars by at most 0.03.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

from walmart_pipeline.core.records import Dimension, Listing, QualityReport, Record
from walmart_pipeline.judge.judge import Judge

Array: TypeAlias = npt.NDArray[np.float64]

# Bumped when the same text would give other features: models are then retrained.
VERSION = "3"

# Without uniqueness, which is measured against the current catalog instead of that at the time of the rating.
DIMENSIONS: tuple[Dimension, ...] = ("compliance", "grounding", "writing", "coverage", "readability", "search")
_WORD = re.compile(r"[^\W\d_]{2,}")

# From almost no penalty to one that reduces a model of 100 texts to the mean.
PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 1000.0)
# Knots of a curve, at which slopes change: a description can be too short and too long.
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
# Model forms, from the score alone to all features: names of numbers (None: all), and the number of frequent words.
FORMS: tuple[tuple[tuple[str, ...] | None, int], ...] = ((("score",), 0), (None, 0), (None, 100))
TEXTS_WITH_WORD = 5
FOLDS = 5
LOWEST, HIGHEST = 1.0, 5.0


@dataclass(frozen=True)
class Features:
    """Numbers of a text by name, and its words. A dimension that was not measured is None."""

    numbers: dict[str, float | None]
    words: frozenset[str]


class Curve(Record):
    """The effect of a number in stars: piecewise linear, constant beyond the ends, 0 if not measured."""

    name: str
    values: list[float]
    stars: list[float]


class RatingModel(Record):
    """Stars from features: a sum of effects, calibrated by the curve `raw` → `stars`."""

    penalty: float
    intercept: float
    curves: list[Curve]
    words: dict[str, float] = Field(description="Effect of a word, in stars.")
    raw: list[float] = Field(description="Ascending.")
    stars: list[float]

    def predict(self, texts: Sequence[Features]) -> list[float]:
        """Predict the stars of each text, 1 to 5."""
        sums = np.full(len(texts), self.intercept)
        for curve in self.curves:
            sums += np.nan_to_num(np.interp(_column(texts, curve.name), curve.values, curve.stars))
        sums += [sum(self.words.get(word, 0.0) for word in sorted(text.words)) for text in texts]
        return [float(stars) for stars in np.interp(sums, self.raw, self.stars)]


def score_alone(report: QualityReport, judge: Judge) -> float:
    """Return a text's score without its uniqueness, which depends on the current catalog."""
    if not report.score:
        return 0.0
    blocked = any(violation.severity == "blocking" for violation in report.violations)
    return judge.grade({**report.dimensions, "uniqueness": None}, blocked=blocked).score


def features(report: QualityReport, listing: Listing, judge: Judge) -> Features:
    """Return the features of a text; the same names for every text."""
    severities = [violation.severity for violation in report.violations]
    lengths = [len(feature) for feature in listing.key_features]
    text = " ".join((listing.title, *listing.key_features, listing.description))
    return Features(
        numbers={
            "score": score_alone(report, judge),
            **{name: report.dimensions.get(name) for name in DIMENSIONS},
            "blocking violations": float(severities.count("blocking")),
            "major violations": float(severities.count("major")),
            "minor violations": float(severities.count("minor")),
            "characters of the title": float(len(listing.title)),
            "features": float(len(lengths)),
            "characters of a feature": sum(lengths) / len(lengths) if lengths else 0.0,
            "words of the description": float(len(listing.description.split())),
            "search keywords": float(len(listing.seo_keywords)),
        },
        words=frozenset(_WORD.findall(text.casefold())),
    )


def fit(texts: Sequence[Features], stars: Sequence[float], groups: Sequence[str]) -> RatingModel:
    """Fit a ridge regression, with form, penalty and calibration by cross-validation over at least FOLDS groups."""
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import Ridge
    from sklearn.metrics import mean_squared_error

    target = np.asarray(stars, dtype=np.float64)
    splits = list(folds(groups))
    best: tuple[float, Any] = (np.inf, None)
    for names, number_of_words in FORMS:
        knots, words = _knots(texts, names), _frequent(texts, number_of_words)
        matrix = _matrix(texts, knots, words)
        for penalty in PENALTIES:
            predicted = np.empty(len(texts))
            for train, test in splits:
                ridge = Ridge(alpha=penalty, solver="cholesky").fit(matrix[train], target[train])
                predicted[test] = ridge.predict(matrix[test])
            error = mean_squared_error(target, predicted)
            if error < best[0]:
                best = error, (knots, words, matrix, penalty, predicted)
    knots, words, matrix, penalty, predicted = best[1]
    ridge = Ridge(alpha=penalty, solver="cholesky").fit(matrix, target)
    scale = IsotonicRegression(y_min=LOWEST, y_max=HIGHEST, out_of_bounds="clip").fit(predicted, target)
    effects = iter(ridge.coef_.tolist()[1:])
    return RatingModel(
        penalty=penalty,
        intercept=float(ridge.intercept_),
        curves=[
            Curve(name=name, values=values, stars=[next(effects) for _ in values]) for name, values in knots.items()
        ],
        words=dict(zip(words, effects, strict=True)),
        raw=scale.X_thresholds_.tolist(),
        stars=scale.y_thresholds_.tolist(),
    )


def folds(groups: Sequence[str]) -> Iterator[tuple[Any, Any]]:
    """Yield the indices of training and test texts, FOLDS times; groups are not split."""
    from sklearn.model_selection import GroupKFold

    yield from GroupKFold(FOLDS).split(groups, groups=groups)


def _matrix(texts: Sequence[Features], knots: dict[str, list[float]], words: Sequence[str]) -> Array:
    """Build the design matrix: linear interpolation weights of each knot, then indicators of words."""
    # The first column is zero, for texts without any variation.
    columns = [np.zeros(len(texts))]
    columns += [
        np.nan_to_num(np.interp(_column(texts, name), values, at_knot))
        for name, values in knots.items()
        for at_knot in np.eye(len(values))
    ]
    columns += [np.array([float(word in text.words) for text in texts]) for word in words]
    return np.column_stack(columns)


def _knots(texts: Sequence[Features], names: Sequence[str] | None) -> dict[str, list[float]]:
    found = {}
    for name in names or texts[0].numbers:
        values = [value for text in texts if (value := text.numbers[name]) is not None]
        knots = sorted(set(np.quantile(values, QUANTILES).tolist())) if values else []
        if len(knots) > 1:
            found[name] = knots
    return found


def _column(texts: Sequence[Features], name: str) -> Array:
    return np.array([text.numbers[name] for text in texts], dtype=np.float64)


def _frequent(texts: Sequence[Features], most: int) -> list[str]:
    """Return the words of most texts; ties in alphabetical order."""
    counts = Counter(word for text in texts for word in text.words)
    frequent = sorted((-times, word) for word, times in counts.items() if times >= TEXTS_WITH_WORD)
    return [word for _, word in frequent[:most]]

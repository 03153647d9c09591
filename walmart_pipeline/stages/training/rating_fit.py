"""A model that foretells a reviewer's stars, and how it is fitted.

Belongs here: the model as readable coefficients, choosing its penalty, calibrating it.
Does not: whether it is any good (rating_evaluation.py), or where it is kept (learned_rating.py).

Linear on purpose: its coefficients are JSON that a person can read, and nothing has to be unpickled. On 1,000 real
texts under simulated reviewers, gradient boosting was 0.03 of 0.65 stars nearer where taste has many bends, and 0.02
farther where it follows the score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pydantic import Field

from walmart_pipeline.core.records import Record
from walmart_pipeline.stages.training.rating_features import Features

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[np.float64]

# From hardly any penalty to one under which the mean is all that is left of 100 texts.
PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
# Quantiles at which the effect of a number may bend: a description can be too short and too long.
KNOTS = (0.25, 0.5, 0.75)
TEXTS_WITH_WORD = 5
FOLDS = 5
# Far above the last digits of a mean, far below any difference between texts.
ROUNDING = 1e-9
LOWEST, HIGHEST = 1.0, 5.0


class Form(NamedTuple):
    """How much of a text is looked at. words: so many of the most frequent ones; `bends`: effects of numbers may."""

    numbers: tuple[str, ...] | None
    bends: bool
    words: int


# From the plain score, all that 100 ratings can carry, to everything. 300 words foretold no better than 100, with 300
# and with 1,000 real texts under simulated reviewers.
FORMS = (
    Form(numbers=("score",), bends=True, words=0),
    Form(numbers=None, bends=False, words=0),
    Form(numbers=None, bends=True, words=0),
    Form(numbers=None, bends=True, words=100),
)


class Number(Record):
    """What a number adds: coefficient stars for each `scale` above `mean`. Where it is not measured, nothing.

    With a knot it is what the number lies above the knot, 0 below it: so a sum can bend there.
    """

    name: str
    knot: float | None
    mean: float
    scale: float
    coefficient: float


class RatingModel(Record):
    """Stars from features: a sum, brought onto the reviewers' scale by the curve `raw` → `stars`."""

    penalty: float
    intercept: float
    numbers: list[Number]
    words: dict[str, float] = Field(description="What a word adds where it is used.")
    raw: list[float] = Field(description="Ascending.")
    stars: list[float]

    def predict(self, texts: Sequence[Features]) -> list[float]:
        """Stars of each text, 1 to 5."""
        import numpy as np

        if not texts:
            return []
        sums = np.array([self._sum(text) for text in texts])
        return [float(value) for value in np.interp(sums, self.raw, self.stars)]

    def _sum(self, text: Features) -> float:
        total = self.intercept
        for number in self.numbers:
            value = text.numbers[number.name]
            if value is not None:
                value = value if number.knot is None else max(0.0, value - number.knot)
                total += number.coefficient * (value - number.mean) / number.scale
        return total + sum(self.words.get(word, 0.0) for word in text.words)


def fit(texts: Sequence[Features], stars: Sequence[float], groups: Sequence[str]) -> RatingModel:
    """The model of these texts; form and penalty are chosen by cross-validation over groups, and so is the curve.

    groups: texts of one group never stand on both sides. At least FOLDS groups.
    Ridge regression, then isotonic regression of the stars on its predictions for texts it was not fitted on.
    """
    import numpy as np
    from sklearn.isotonic import IsotonicRegression

    target = np.asarray(stars, dtype=np.float64)
    foretold = {choice: np.empty(len(texts)) for choice in product(FORMS, PENALTIES)}
    for train, test in folds(groups):
        fitted_on = [texts[place] for place in train]
        for form in FORMS:
            design = _Design(fitted_on, form)
            inside, outside = design.matrix(fitted_on), design.matrix([texts[place] for place in test])
            for penalty in PENALTIES:
                foretold[form, penalty][test] = _ridge(penalty, inside, target[train]).predict(outside)
    form, penalty = min(foretold, key=lambda choice: float(np.mean((foretold[choice] - target) ** 2)))
    curve = IsotonicRegression(y_min=LOWEST, y_max=HIGHEST, out_of_bounds="clip")
    curve.fit(foretold[form, penalty], target)
    design = _Design(texts, form)
    ridge = _ridge(penalty, design.matrix(texts), target)
    return design.model(ridge, penalty, curve)


def folds(groups: Sequence[str]) -> Iterator[tuple[Any, Any]]:
    """Places of the texts to fit on and of those to test on, FOLDS times; a group is never divided."""
    from sklearn.model_selection import GroupKFold

    yield from GroupKFold(FOLDS).split(groups, groups=groups)


def _ridge(penalty: float, matrix: Array, target: Array) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge(alpha=penalty, solver="cholesky").fit(matrix, target)


class _Design:
    """Which columns a matrix of texts has, and how its numbers are scaled: learned from the texts to fit on."""

    def __init__(self, texts: Sequence[Features], form: Form) -> None:
        import numpy as np

        self._columns = _columns(texts, form)
        numbers = self._numbers(texts)
        measured = ~np.isnan(numbers)
        count = np.maximum(measured.sum(axis=0), 1)
        self._means = np.where(measured, numbers, 0.0).sum(axis=0) / count
        squares = np.where(measured, (numbers - self._means) ** 2, 0.0).sum(axis=0) / count
        spread = np.sqrt(squares)
        # A number that never varied says nothing; divided by its rounding error, it would say everything elsewhere.
        self._scales = np.where(spread > ROUNDING * np.maximum(abs(self._means), 1.0), spread, 1.0)
        self._words = _frequent(texts, form.words)

    def matrix(self, texts: Sequence[Features]) -> Array:
        """A row a text; what was not measured stands at its mean."""
        import numpy as np

        numbers = np.nan_to_num((self._numbers(texts) - self._means) / self._scales, nan=0.0)
        used = np.array([[word in text.words for word in self._words] for text in texts], dtype=np.float64)
        return np.hstack([numbers, used.reshape(len(texts), len(self._words))])

    def model(self, ridge: Any, penalty: float, curve: Any) -> RatingModel:
        """The fitted parts as a record."""
        split = len(self._columns)
        columns = zip(self._columns, self._means, self._scales, ridge.coef_[:split], strict=True)
        return RatingModel(
            penalty=penalty,
            intercept=float(ridge.intercept_),
            numbers=[
                Number(name=name, knot=knot, mean=float(mean), scale=float(scale), coefficient=float(coefficient))
                for (name, knot), mean, scale, coefficient in columns
            ],
            words={
                word: float(coefficient) for word, coefficient in zip(self._words, ridge.coef_[split:], strict=True)
            },
            raw=[float(value) for value in curve.X_thresholds_],
            stars=[float(value) for value in curve.y_thresholds_],
        )

    def _numbers(self, texts: Sequence[Features]) -> Array:
        import numpy as np

        names = {name: place for place, name in enumerate(texts[0].numbers)}
        rows = [[np.nan if value is None else value for value in text.numbers.values()] for text in texts]
        numbers = np.array(rows, dtype=np.float64)
        return np.column_stack(
            [
                numbers[:, names[name]] if knot is None else np.maximum(numbers[:, names[name]] - knot, 0.0)
                for name, knot in self._columns
            ]
        )


def _columns(texts: Sequence[Features], form: Form) -> list[tuple[str, float | None]]:
    """Each number, and once more from each of its knots on; knots at the least and the most of it would say nothing."""
    import numpy as np

    columns: list[tuple[str, float | None]] = []
    for name in form.numbers or texts[0].numbers:
        columns.append((name, None))
        values = [value for text in texts if (value := text.numbers[name]) is not None]
        if values and form.bends:
            knots = sorted({float(knot) for knot in np.quantile(values, KNOTS)})
            columns += [(name, knot) for knot in knots if min(values) < knot < max(values)]
    return columns


def _frequent(texts: Sequence[Features], most: int) -> list[str]:
    """The words that most texts use; of equally frequent ones the first by the alphabet."""
    counts = Counter(word for text in texts for word in text.words)
    frequent = sorted((-times, word) for word, times in counts.items() if times >= TEXTS_WITH_WORD)
    return [word for _, word in frequent[:most]]

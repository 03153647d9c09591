"""A learned rating in tables, for a page of metadata.

Belongs here: which of its figures a person sees, and their form. Does not: the figures (rating_evaluation.py).
"""

from __future__ import annotations

from walmart_pipeline.core import markdown
from walmart_pipeline.stages.training.learned_rating import Version
from walmart_pipeline.stages.training.rating_evaluation import Evaluation, interval
from walmart_pipeline.stages.training.rating_fit import Number, RatingModel

STRONGEST = 10


def tables(version: Version) -> dict[str, str]:
    """Markdown by title; empty where too little was rated for a model."""
    if version.metrics is None or version.model is None:
        return {}
    return {
        "beside the mean and the score": comparison(version.metrics),
        "calibration": calibration(version.metrics),
        "what moves the stars": effects(version.model),
    }


def comparison(metrics: Evaluation) -> str:
    """The learned rating beside the mean and the plain score: errors in stars, differences with 95 % intervals."""
    rows = [
        {"predictor": error.predictor, "mean error": f"{error.mae:.2f}", "root mean square": f"{error.rmse:.2f}"}
        for error in metrics.errors
    ]
    beside = [{"learned less it": "", "interval": ""}] + [
        {"learned less it": f"{one.absolute.mean:+.2f}", "interval": interval(one.absolute)}
        for one in metrics.differences
    ]
    return markdown.table([row | more for row, more in zip(rows, beside, strict=True)])


def calibration(metrics: Evaluation) -> str:
    """What was foretold and what reviewers gave, in five groups of as many texts, and how far they lie apart."""
    rows = [
        {"texts": one.texts, "foretold": f"{one.foretold:.2f}", "given": f"{one.given:.2f}"}
        for one in metrics.calibration
    ]
    return f"{metrics.calibration_error:.2f} stars apart in the mean\n\n{markdown.table(rows)}"


def effects(model: RatingModel) -> str:
    """What moves the stars most: for a number by its usual spread, for a word where it is used."""
    found = [(_named(number), number.coefficient) for number in model.numbers]
    found += [(f"the word “{word}”", coefficient) for word, coefficient in model.words.items()]
    found.sort(key=lambda item: (-abs(item[1]), item[0]))
    return markdown.table([{"what": what, "stars": f"{stars:+.2f}"} for what, stars in found[:STRONGEST]])


def _named(number: Number) -> str:
    return number.name if number.knot is None else f"{number.name} above {number.knot:.4g}"

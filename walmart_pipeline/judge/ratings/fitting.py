"""Fits the model of writing, and the weights of the score, to rated listings.

Readers' stars for a text with a false fact say nothing of its writing: mutated listings whose fault is a fact are left
out of the writing's fit, and not of the score's.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from walmart_pipeline.core.records import Dimension, Listing, Product, Record
from walmart_pipeline.core.statistics import spearman
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.judge.ratings.rated_listings import RatedListing, texts
from walmart_pipeline.judge.writing import features, stars
from walmart_pipeline.judge.writing.stars import Effect, StarsModel, WritingModel
from walmart_pipeline.judge.writing.word_sequences import FEATURE, SENTENCE, TITLE, WordSequences, count
from walmart_pipeline.text import sentences

Array: TypeAlias = npt.NDArray[np.float64]

FALSE_FACT_WRITERS = frozenset({"fault", "extra"})
# Ridge penalty, in listings: the best of 3, 10 and 30 by the rank correlation of 352 listings whose record was not
# trained on; among them it changes by less than 0.01.
PENALTY = 30.0
FOLDS = 8
# Without these anchors shuffled words under a good title kept three quarters of the points.
SHUFFLED_FROM = 4.0
DECIMALS = 4
# Left alone, the fit gives all weight to writing: readers do not see what a text leaves out, or how shoppers find it.
LEAST_WEIGHTS: dict[Dimension, float] = {
    "compliance": 8.0,
    "grounding": 10.0,
    "writing": 0.0,
    "coverage": 4.0,
    "readability": 3.0,
    "search": 5.0,
}
CARD = (
    "Stars of {listings} listings by two raters each; a language model of word classes, learned from {good} listings. "
    "Writers and raters were language models with the published briefs, no people yet."
)


class Figures(Record):
    """How well the model predicts listings that it was not fitted to, and the weights of the score."""

    listings: int
    good_listings: int
    spearman_by_record: float | None
    spearman_by_writer: float | None
    within_kinds_by_record: dict[str, float | None]
    within_kinds_by_writer: dict[str, float | None]
    error_by_record: float
    error_by_writer: float
    weights: dict[Dimension, float]


class Fitted(NamedTuple):
    """The model and its figures."""

    model: WritingModel
    figures: Figures


class _Measured(NamedTuple):
    rated: RatedListing
    product: Product
    listing: Listing
    numbers: dict[str, float]


def fit(rated: Sequence[RatedListing], good: Sequence[Listing], judge: Judge) -> Fitted:
    """Fit the language model to good listings, and the effects to the stars of rated ones."""
    measured = _measured(rated, good, judge)
    about_writing = [each for each in measured if _is_about_writing(each.rated)]
    numbers = [each.numbers for each in about_writing]
    given = np.array([each.rated.stars for each in about_writing])
    anchors = _anchors(about_writing, good, judge)
    by_record = _cross_validated(numbers, given, [each.product.product_name for each in about_writing], anchors)
    by_writer = _cross_validated(numbers, given, [_writer(each.rated, each.product) for each in about_writing], anchors)
    effects = _effects([*numbers, *anchors], np.append(given, [stars.LOWEST] * len(anchors)))
    card = CARD.format(listings=len(about_writing), good=len(good))
    model = WritingModel(card=card, sequences=count(_texts(good)), stars=effects)
    unseen = dict(zip(map(id, about_writing), by_record, strict=True))
    predicted = [unseen.get(id(each), effects.predict(each.numbers)) for each in measured]
    kinds = [each.rated.kind for each in about_writing]
    figures = Figures(
        listings=len(about_writing),
        good_listings=len(good),
        spearman_by_record=_rank(by_record, given),
        spearman_by_writer=_rank(by_writer, given),
        within_kinds_by_record=_within(kinds, by_record, given),
        within_kinds_by_writer=_within(kinds, by_writer, given),
        error_by_record=round(float(np.abs(np.array(by_record) - given).mean()), 3),
        error_by_writer=round(float(np.abs(np.array(by_writer) - given).mean()), 3),
        weights=_weights(measured, predicted, Judge(judge.policy, stars.ready(model))),
    )
    return Fitted(model, figures)


def _measured(rated: Sequence[RatedListing], good: Sequence[Listing], judge: Judge) -> list[_Measured]:
    """The numbers of each rated listing, by a language model that has not read it."""
    known = texts(rated)
    numbers: list[dict[str, float]] = [{}] * len(known)
    for fold in range(FOLDS):
        sequences = WordSequences(count(_texts(each for each in good if _fold(each.title) != fold)))
        for place, (_, product, listing) in enumerate(known):
            if _fold(listing.title) == fold:
                numbers[place] = features.measure(judge.case(product, listing), sequences)
    return [_Measured(*each, found) for each, found in zip(known, numbers, strict=True)]


def _anchors(measured: Sequence[_Measured], good: Sequence[Listing], judge: Judge) -> list[dict[str, float]]:
    """The numbers of well-rated descriptions with their words shuffled: one star, though no rater was shown any."""
    sequences = WordSequences(count(_texts(good)))
    found = []
    for each in [each for each in measured if each.rated.stars >= SHUFFLED_FROM]:
        words = each.listing.description.split()
        random.Random(each.listing.title).shuffle(words)  # noqa: S311  (no secret)
        shuffled = each.listing.model_copy(update={"description": " ".join(words)})
        found.append(features.measure(judge.case(each.product, shuffled), sequences))
    return found


def _is_about_writing(rated: RatedListing) -> bool:
    return not (rated.kind == "mutated" and rated.writer in FALSE_FACT_WRITERS)


def _writer(rated: RatedListing, product: Product) -> str:
    """Who is left out together: a writer with a voice; texts of other kinds by their record."""
    return rated.writer if rated.kind == "independent" else product.product_name


def _fold(name: str) -> int:
    return zlib.crc32(name.encode()) % FOLDS


def _texts(good: Iterable[Listing]) -> list[tuple[str, str]]:
    return [
        each
        for listing in good
        for each in (
            (TITLE, listing.title),
            *((FEATURE, feature) for feature in listing.key_features),
            *((SENTENCE, sentence) for sentence in sentences.split(listing.description)),
        )
    ]


def _cross_validated(
    numbers: Sequence[dict[str, float]], given: Array, groups: Sequence[str], anchors: Sequence[dict[str, float]]
) -> list[float]:
    """The stars of each listing by a model that has not seen its group (record or writer), nor an anchor made of it."""
    folds = list(map(_fold, groups))
    high = [fold for fold, stars_given in zip(folds, given, strict=True) if stars_given >= SHUFFLED_FROM]
    predicted = [0.0] * len(numbers)
    for fold in sorted(set(folds)):
        others = [place for place, other in enumerate(folds) if other != fold]
        shuffled = [each for each, other in zip(anchors, high, strict=True) if other != fold]
        model = _effects(
            [numbers[place] for place in others] + shuffled,
            np.append(given[np.array(others)], [stars.LOWEST] * len(shuffled)),
        )
        for place in (place for place, other in enumerate(folds) if other == fold):
            predicted[place] = model.predict(numbers[place])
    return predicted


def _effects(numbers: Sequence[Mapping[str, float]], given: Array) -> StarsModel:
    """Least squares with a ridge penalty; each coefficient has the sign that SIGNS allows."""
    from scipy.optimize import lsq_linear

    values = np.array([[each[name] for name in features.SIGNS] for each in numbers])
    means, deviations = values.mean(axis=0), values.std(axis=0) + 1e-9
    scaled = np.clip((values - means) / deviations, -stars.FARTHEST, stars.FARTHEST)
    columns, low, high = [], [], []
    for column, sign in zip(scaled.T, features.SIGNS.values(), strict=True):
        parts = [column] if sign else [np.minimum(column, 0), np.maximum(column, 0)]
        columns += parts
        low += [0.0 if sign > 0 else -np.inf] * len(parts)
        high += [0.0 if sign < 0 else np.inf] * len(parts)
    design = np.array(columns).T
    centre = design.mean(axis=0)
    penalty = np.sqrt(PENALTY) * np.eye(len(centre))
    found = lsq_linear(
        np.vstack([design - centre, penalty]),
        np.concatenate([given - given.mean(), np.zeros(len(centre))]),
        (low, high),
    ).x
    effects, place = [], 0
    for name, mean, deviation, sign in zip(features.SIGNS, means, deviations, features.SIGNS.values(), strict=True):
        below, above = found[place], found[place if sign else place + 1]
        place += 1 if sign else 2
        if max(abs(below), abs(above)) > 10**-DECIMALS:
            numbers_of = (round(float(each), DECIMALS) for each in (mean, deviation, below, above))
            effects.append(
                Effect(name=name, **dict(zip(("mean", "deviation", "below", "above"), numbers_of, strict=True)))
            )
    return StarsModel(intercept=round(float(given.mean() - centre @ found), DECIMALS), effects=effects)


def _weights(measured: Sequence[_Measured], predicted: Sequence[float], judge: Judge) -> dict[Dimension, float]:
    """Weights by which the mean of the dimensions comes nearest to the points of the stars, at least LEAST_WEIGHTS.

    A dimension that was not measured takes no part, as in the score itself. Blocked listings are left out: their score
    has a ceiling.
    """
    from scipy.optimize import minimize

    names = list(LEAST_WEIGHTS)
    rows, wanted = [], []
    for each, found in zip(measured, predicted, strict=True):
        report = judge.report(each.product, each.listing)
        if not any(violation.severity == "blocking" for violation in report.violations):
            values = {**report.dimensions, "writing": stars.points(found)}
            rows.append([np.nan if values[name] is None else values[name] for name in names])
            wanted.append(stars.points(each.rated.stars))
    values_of, points = np.array(rows), np.array(wanted)
    present, filled = ~np.isnan(values_of), np.nan_to_num(values_of)

    def loss(parts: Array) -> float:
        scores = (filled * parts).sum(axis=1) / (present * parts).sum(axis=1)
        return float(((scores - points) ** 2).mean())

    least = np.array(list(LEAST_WEIGHTS.values()))
    start = least + (100 - least.sum()) / len(least)
    whole = {"type": "eq", "fun": lambda parts: parts.sum() - 100}
    found_parts = minimize(loss, start, bounds=[(low, 100) for low in least], constraints=[whole], method="SLSQP").x
    return {name: round(float(part), 1) for name, part in zip(names, found_parts, strict=True)}


def _rank(first: Sequence[float], second: Iterable[float]) -> float | None:
    found = spearman(list(first), list(second))
    return None if found is None else round(found, 3)


def _within(kinds: Sequence[str], predicted: Sequence[float], given: Array) -> dict[str, float | None]:
    places = {kind: [place for place, other in enumerate(kinds) if other == kind] for kind in sorted(set(kinds))}
    return {
        kind: _rank([predicted[place] for place in chosen], [float(given[place]) for place in chosen])
        for kind, chosen in places.items()
    }

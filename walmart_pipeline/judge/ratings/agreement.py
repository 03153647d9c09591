"""How well the judge's score agrees with careful readers: over all listings, and within each kind of text."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from walmart_pipeline.core.records import QualityReport, Record
from walmart_pipeline.core.statistics import spearman
from walmart_pipeline.judge.judge import EXCELLENT_FROM, Judge
from walmart_pipeline.judge.ratings.rated_listings import RatedListing, texts

# Readers of 2 stars or less would not publish a text, and a score of the best band says that it is excellent.
LOW_STARS, HIGH_STARS = 2.0, 4.0
ALL = "all"


class ScoreAgreement(Record):
    """Figures of a kind of text. A rank correlation without two different values is None."""

    kind: str
    listings: int
    stars: float
    score: float
    score_and_stars: float | None
    writing_and_stars: float | None
    between_raters: float | None
    low_stars: int
    low_stars_called_excellent: int
    high_stars: int
    high_stars_blocked: int
    publishable: int


class _Judged(NamedTuple):
    rated: RatedListing
    report: QualityReport


def measure(rated: Sequence[RatedListing], judge: Judge) -> list[ScoreAgreement]:
    """The figures of each kind, in alphabetical order, and of all listings last. Listings without text are left out."""
    judged = [_Judged(each, judge.report(product, listing)) for each, product, listing in texts(rated)]
    kinds = sorted({each.rated.kind for each in judged})
    return [*(_agreement(kind, [each for each in judged if each.rated.kind == kind]) for kind in kinds)] + (
        [_agreement(ALL, judged)] if judged else []
    )


def _agreement(kind: str, judged: Sequence[_Judged]) -> ScoreAgreement:
    stars = [each.rated.stars for each in judged]
    scores = [each.report.score for each in judged]
    writing = [each.report.dimensions["writing"] or 0.0 for each in judged]
    pairs = [tuple(rating.stars for rating in each.rated.ratings[:2]) for each in judged]
    both = [pair for pair in pairs if len(pair) == 2]
    low = [each for each in judged if each.rated.stars <= LOW_STARS]
    high = [each for each in judged if each.rated.stars >= HIGH_STARS]
    return ScoreAgreement(
        kind=kind,
        listings=len(judged),
        stars=round(fmean(stars), 2),
        score=round(fmean(scores), 1),
        score_and_stars=_rounded(spearman(scores, stars)),
        writing_and_stars=_rounded(spearman(writing, stars)),
        between_raters=_rounded(spearman([first for first, _ in both], [second for _, second in both])),
        low_stars=len(low),
        low_stars_called_excellent=sum(each.report.score >= EXCELLENT_FROM for each in low),
        high_stars=len(high),
        high_stars_blocked=sum(any(found.severity == "blocking" for found in each.report.violations) for each in high),
        publishable=sum(each.report.publishable for each in judged),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)

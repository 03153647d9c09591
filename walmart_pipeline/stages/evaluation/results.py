"""Results of contenders on the same held-out products: means, differences, and breakdowns."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from math import ceil
from statistics import fmean
from typing import get_args

from pydantic import Field

from walmart_pipeline.core.records import Band, Dimension, QualityReport, Record
from walmart_pipeline.core.statistics import MeanDifference, mean_difference
from walmart_pipeline.generation.recipe_trials import AnswerStatus
from walmart_pipeline.stages.evaluation.evaluation_store import ContenderKind, JudgedText, ModelEvaluation

BIN_WIDTH = 5
LOWEST = 10
FREQUENT_RULES = 10

# Below it, the coverage of the bootstrap's 95 % interval is 91 % or less (statistics.py).
MIN_FAMILIES = 20

# Divided by the number of candidates (Bonferroni). Of 1,000 evaluations of equal models over 40 products (scores
# 75 ± 12), 40 led to a promotion with one candidate and 28 with three; 81 without the correction.
ERROR = 0.05


class DimensionMean(Record):
    """The mean of a dimension over the texts in which it was measured."""

    mean: float | None = Field(description="0 to 100; None if it was not measured.")
    measured: int


class ContenderResult(Record):
    """The results of one contender. A missing text counts as score 0."""

    name: str
    kind: ContenderKind
    score: MeanDifference = Field(description="Mean score with its interval.")
    difference: MeanDifference | None = Field(description="From the reference; None for the reference.")
    wins: int = Field(description="Products with a higher score than the reference, rounded to one decimal.")
    losses: int
    ties: int
    publishable: int
    bands: dict[Band, int]
    dimensions: dict[Dimension, DimensionMean]
    histogram: list[int] = Field(description="Texts by score in bins of 5; the last one includes 100.")
    rules: dict[str, int] = Field(description="Texts by broken rule, the ten most frequent.")
    blocking: dict[str, int] = Field(description="Texts by broken blocking rule.")
    without_text: dict[AnswerStatus, int] = Field(description="Products without a text, by status.")
    reasons: dict[AnswerStatus, str] = Field(description="The most frequent reason of each status.")
    seconds_p50: float | None = Field(description="Of texts with a model call; None without any.")
    seconds_p95: float | None
    tokens: float = Field(description="Mean of prompt and answer together.")
    cost_usd: float = Field(description="Of all texts, including cached answers.")

    @property
    def missing(self) -> int:
        """Products without a text."""
        return sum(self.without_text.values())

    @property
    def lost(self) -> int:
        """Products without an answer through no fault of the contender."""
        return self.without_text.get("lost", 0)


class GroupResult(Record):
    """A contender compared with the reference within a group of products."""

    group: str
    products: int
    score: float
    reference_score: float
    difference: MeanDifference
    publishable: int
    reference_publishable: int
    wins: int
    losses: int
    ties: int


class SideBySide(Record):
    """The texts about one product; source: None if the source text is the reference."""

    subject: JudgedText
    reference: JudgedText
    source: JudgedText | None


class Results(Record):
    """The results of all contenders."""

    products: int
    families: int
    reference: str
    contenders: list[ContenderResult] = Field(description="Best mean first.")

    def of(self, name: str) -> ContenderResult:
        """Return the results of a contender. Raises KeyError."""
        return {contender.name: contender for contender in self.contenders}[name]

    @property
    def candidates(self) -> list[ContenderResult]:
        """Candidates, best mean first."""
        return [contender for contender in self.contenders if contender.kind == "candidate"]


def of_evaluation(evaluation: ModelEvaluation) -> Results:
    """Summarize a model evaluation against the champion, or the base model if there is none."""
    kinds = {text.kind: text.contender for text in evaluation.texts}
    return summarize(evaluation.texts, reference=kinds.get("champion") or kinds["base"])


def summarize(texts: Sequence[JudgedText], *, reference: str) -> Results:
    """Summarize all contenders against the reference.

    Intervals are by families; those of several candidates are corrected (ERROR). Raises ValueError if contenders do not
    have the same products, each once.
    """
    by_contender = _by_contender(texts)
    candidates = sum(own[0].kind == "candidate" for own in by_contender.values())
    found = [
        _result(own, by_contender[reference], level=1 - ERROR / (candidates if own[0].kind == "candidate" else 1))
        for own in by_contender.values()
    ]
    return Results(
        products=len(by_contender.get(reference, ())),
        families=len({text.family for text in by_contender.get(reference, ())}),
        reference=reference,
        contenders=sorted(found, key=lambda one: (-one.score.mean, one.name)),
    )


def grouped(
    texts: Sequence[JudgedText], subject: str, reference: str, key: Callable[[JudgedText], str]
) -> list[GroupResult]:
    """Compare a contender with the reference within groups of products, the largest first.

    key: group of a text of the subject. Intervals are not corrected for multiple comparisons.
    """
    by_contender = _by_contender(texts)
    groups: dict[str, list[tuple[JudgedText, JudgedText]]] = defaultdict(list)
    for pair in zip(by_contender.get(subject, ()), by_contender.get(reference, ()), strict=True):
        groups[key(pair[0])].append(pair)
    rows = [_group(name, pairs) for name, pairs in groups.items()]
    return sorted(rows, key=lambda row: (-row.products, row.group))


def lowest(texts: Sequence[JudgedText], subject: str, reference: str) -> list[SideBySide]:
    """Return the ten lowest scores of a contender beside the other texts; ties by the reference's score."""
    by_contender = _by_contender(texts)
    own, others = by_contender.get(subject, []), by_contender.get(reference, [])
    source = [None] * len(own) if reference == "source" else by_contender["source"]
    rows = [
        SideBySide(subject=one, reference=other, source=third)
        for one, other, third in zip(own, others, source, strict=True)
    ]
    return heapq.nsmallest(
        LOWEST, rows, key=lambda row: (row.subject.report.score, -row.reference.report.score, row.subject.product_id)
    )


def _by_contender(texts: Sequence[JudgedText]) -> dict[str, list[JudgedText]]:
    """Group texts by contender, all in the same order of products."""
    found: dict[str, list[JudgedText]] = defaultdict(list)
    for text in sorted(texts, key=lambda text: text.product_id):
        found[text.contender].append(text)
    products = [text.product_id for text in next(iter(found.values()), [])]
    for name, own in found.items():
        if [text.product_id for text in own] != products or len(set(products)) != len(products):
            raise ValueError(f"{name} does not have the same products as the other contenders, each once")
    return found


def _result(texts: Sequence[JudgedText], reference: Sequence[JudgedText], *, level: float) -> ContenderResult:
    reports = [text.report for text in texts]
    differences = _differences(texts, reference)
    wins, losses, ties = _outcomes(differences)
    histogram = [0] * (100 // BIN_WIDTH)
    for report in reports:
        histogram[min(int(report.score // BIN_WIDTH), len(histogram) - 1)] += 1
    seconds = sorted(text.seconds for text in texts if text.seconds)
    rules = _rules(reports, blocking_only=False)
    return ContenderResult(
        name=texts[0].contender,
        kind=texts[0].kind,
        score=_mean([report.score for report in reports], texts),
        difference=None if texts is reference else _mean(differences, texts, level),
        wins=wins,
        losses=losses,
        ties=ties,
        publishable=sum(report.publishable for report in reports),
        bands={band: sum(report.band == band for report in reports) for band in get_args(Band)},
        dimensions={dimension: _dimension(reports, dimension) for dimension in get_args(Dimension)},
        histogram=histogram,
        rules=dict(sorted(rules.items(), key=lambda item: (-item[1], item[0]))[:FREQUENT_RULES]),
        blocking=dict(sorted(_rules(reports, blocking_only=True).items())),
        without_text=dict(Counter(text.status for text in texts if text.status != "complete")),
        reasons=_reasons(texts),
        seconds_p50=_quantile(seconds, 0.5),
        seconds_p95=_quantile(seconds, 0.95),
        tokens=fmean(text.prompt_tokens + text.completion_tokens for text in texts),
        cost_usd=sum(text.cost_usd for text in texts),
    )


def _group(name: str, pairs: Sequence[tuple[JudgedText, JudgedText]]) -> GroupResult:
    own, others = [one for one, _ in pairs], [other for _, other in pairs]
    differences = _differences(own, others)
    wins, losses, ties = _outcomes(differences)
    return GroupResult(
        group=name,
        products=len(pairs),
        score=fmean(text.report.score for text in own),
        reference_score=fmean(text.report.score for text in others),
        difference=_mean(differences, own),
        publishable=sum(text.report.publishable for text in own),
        reference_publishable=sum(text.report.publishable for text in others),
        wins=wins,
        losses=losses,
        ties=ties,
    )


def _differences(texts: Sequence[JudgedText], reference: Sequence[JudgedText]) -> list[float]:
    return [one.report.score - other.report.score for one, other in zip(texts, reference, strict=True)]


def _outcomes(differences: Sequence[float]) -> tuple[int, int, int]:
    """Count wins, losses and ties, of scores rounded to one decimal."""
    shown = [round(difference, 1) for difference in differences]
    wins = sum(difference > 0 for difference in shown)
    losses = sum(difference < 0 for difference in shown)
    return wins, losses, len(shown) - wins - losses


def _rules(reports: Sequence[QualityReport], *, blocking_only: bool) -> Counter[str]:
    return Counter(
        rule
        for report in reports
        for rule in {
            violation.rule for violation in report.violations if violation.severity == "blocking" or not blocking_only
        }
    )


def _dimension(reports: Sequence[QualityReport], dimension: Dimension) -> DimensionMean:
    measured = [value for report in reports if (value := report.dimensions.get(dimension)) is not None]
    return DimensionMean(mean=fmean(measured) if measured else None, measured=len(measured))


def _reasons(texts: Sequence[JudgedText]) -> dict[AnswerStatus, str]:
    given: dict[AnswerStatus, Counter[str]] = defaultdict(Counter)
    for text in texts:
        if text.reason:
            given[text.status][text.reason] += 1
    return {status: reasons.most_common(1)[0][0] for status, reasons in given.items()}


def _mean(values: Sequence[float], texts: Sequence[JudgedText], level: float = 0.95) -> MeanDifference:
    found = mean_difference(values, groups=[text.family for text in texts], level=level)
    if found is None:
        raise ValueError("without a product there are no results")
    return found


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return a quantile by nearest rank."""
    return ordered[ceil(share * len(ordered)) - 1] if ordered else None

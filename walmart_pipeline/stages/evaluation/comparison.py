"""The generated text against the source's own, product by product.

Belongs here: the figures of a comparison. Does not: how a text is judged (quality), how certain a mean is
(statistics.py), or how the figures are shown (comparison_report.py, comparison_plots.py).
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import get_args

from pydantic import Field

from walmart_pipeline.core.records import Band, Dimension, Listing, Product, QualityReport, Record
from walmart_pipeline.core.statistics import MeanDifference, mean_difference

BIN_WIDTH = 5
WORST = 10
MOST_BROKEN = 10

# Below 20 pairs the bootstrap's 95 % interval held the true mean in 91 % of samples or fewer (statistics.py).
FEW_PAIRS = 20


class Judged(Record):
    """A text and what the judge says of it."""

    listing: Listing
    report: QualityReport


class Pair(Record):
    """Both texts of one held-out product."""

    product: Product
    generated: Judged
    source: Judged
    family: str | None = Field(default=None, description="Texts of one family are no independent evidence.")

    @property
    def difference(self) -> float:
        """Points by which the generated text is better."""
        return self.generated.report.score - self.source.report.score


class DimensionMean(Record):
    """The mean of a dimension over the texts in which it was measured."""

    mean: float | None = Field(description="0 to 100; None where it was measured in no text.")
    measured: int


class RuleCount(Record):
    """How many texts break a rule, however often each does."""

    rule: str
    texts: int


class Texts(Record):
    """One side of a comparison: all generated texts, or all source texts."""

    mean_score: float | None
    publishable: int
    bands: dict[Band, int]
    dimensions: dict[Dimension, DimensionMean]
    histogram: list[int] = Field(description="Texts by score in steps of 5; the last step holds 100 too.")
    rules: list[RuleCount] = Field(description="Most frequent first, at most ten.")


class CategoryRow(Record):
    """A comparison within the broadest category."""

    category: str
    n: int
    generated_score: float
    source_score: float
    generated_publishable: int
    source_publishable: int
    wins: int
    losses: int
    ties: int


class Comparison(Record):
    """What the held-out products say. Without products every mean is None, never 0."""

    n: int
    generated: Texts
    source: Texts
    wins: int = Field(description="Products whose generated text scores higher, by what one decimal shows.")
    losses: int
    ties: int
    difference: MeanDifference | None = Field(description="Generated less source, in points.")
    categories: list[CategoryRow] = Field(description="Most products first.")
    worst: list[Pair] = Field(description="The ten generated texts that score lowest, lowest first.")


def compare(pairs: Iterable[Pair], *, seed: int = 0) -> Comparison:
    """Compare the two texts of each held-out product; the order of the pairs does not matter.

    Raises ValueError for a product that comes twice, or for a report about another product: its pairs would not be
    independent, and the interval too narrow.
    """
    ordered = sorted(pairs, key=lambda pair: pair.product.product_id)
    _check(ordered)
    wins, losses, ties = outcomes([pair.difference for pair in ordered])
    return Comparison(
        n=len(ordered),
        generated=texts_of([pair.generated.report for pair in ordered]),
        source=texts_of([pair.source.report for pair in ordered]),
        wins=wins,
        losses=losses,
        ties=ties,
        difference=mean_difference(
            [pair.difference for pair in ordered],
            groups=[pair.family or pair.product.product_id for pair in ordered],
            seed=seed,
        ),
        categories=_categories(ordered),
        # Of equal scores, first the one whose source was better: there the model did most harm.
        worst=heapq.nsmallest(WORST, ordered, key=lambda pair: (pair.generated.report.score, pair.difference)),
    )


def _check(ordered: Sequence[Pair]) -> None:
    for number, pair in enumerate(ordered):
        product_id = pair.product.product_id
        if number and ordered[number - 1].product.product_id == product_id:
            raise ValueError(f"product {product_id} comes twice: give one pair for each held-out product")
        if {pair.generated.report.product_id, pair.source.report.product_id} != {product_id}:
            raise ValueError(f"product {product_id} is paired with a report about another product")


def texts_of(reports: Sequence[QualityReport]) -> Texts:
    """The figures of one side, from the reports of its texts."""
    histogram = [0] * (100 // BIN_WIDTH)
    for report in reports:
        histogram[min(int(report.score // BIN_WIDTH), len(histogram) - 1)] += 1
    broken = Counter(rule for report in reports for rule in sorted({violation.rule for violation in report.violations}))
    return Texts(
        mean_score=_mean([report.score for report in reports]),
        publishable=sum(report.publishable for report in reports),
        bands={band: sum(report.band == band for report in reports) for band in get_args(Band)},
        dimensions={dimension: _dimension(reports, dimension) for dimension in get_args(Dimension)},
        histogram=histogram,
        rules=[
            RuleCount(rule=rule, texts=texts)
            for rule, texts in sorted(broken.items(), key=lambda item: (-item[1], item[0]))[:MOST_BROKEN]
        ],
    )


def _dimension(reports: Sequence[QualityReport], dimension: Dimension) -> DimensionMean:
    measured = [value for report in reports if (value := report.dimensions.get(dimension)) is not None]
    return DimensionMean(mean=_mean(measured), measured=len(measured))


def _categories(ordered: Sequence[Pair]) -> list[CategoryRow]:
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in ordered:
        groups[pair.product.category[0] if pair.product.category else "no category"].append(pair)
    rows = []
    for category, pairs in groups.items():
        wins, losses, ties = outcomes([pair.difference for pair in pairs])
        rows.append(
            CategoryRow(
                category=category,
                n=len(pairs),
                generated_score=fmean(pair.generated.report.score for pair in pairs),
                source_score=fmean(pair.source.report.score for pair in pairs),
                generated_publishable=sum(pair.generated.report.publishable for pair in pairs),
                source_publishable=sum(pair.source.report.publishable for pair in pairs),
                wins=wins,
                losses=losses,
                ties=ties,
            )
        )
    return sorted(rows, key=lambda row: (-row.n, row.category))


def outcomes(differences: Sequence[float]) -> tuple[int, int, int]:
    """Wins, losses and ties; scores that look equal with one decimal tie."""
    shown = [round(difference, 1) for difference in differences]
    wins = sum(difference > 0 for difference in shown)
    losses = sum(difference < 0 for difference in shown)
    return wins, losses, len(shown) - wins - losses


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None

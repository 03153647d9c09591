"""Distribution of the scores, and the most frequent violations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from walmart_pipeline.core.records import Dimension
from walmart_pipeline.core.warehouse import Database, Row

BIN_WIDTH = 5
BINS = 100 // BIN_WIDTH
MOST_FREQUENT = 10
# Characters of evidence in an example.
EVIDENCE_CHARACTERS = 40

SUMMARY = """
select count(*) as texts, avg(score) as mean, count(*) filter (publishable) as publishable
from quality.scores
"""

BANDS = """
select band, count(*) as texts
from quality.scores
group by band
order by min(score) desc
"""

# The last bin includes 100. `floor`, because DuckDB's // and its cast to an integer would round.
HISTOGRAM = f"""
select least(floor({{column}} / {BIN_WIDTH}), {BINS - 1})::integer as bin, count(*) as texts
from quality.scores
where {{column}} is not null
group by bin
"""

# The example is the first by product, for a reproducible table.
FREQUENT = f"""
select
    v.rule,
    v.severity,
    count(*) as findings,
    100.0 * count(distinct product_id) / (select count(*) from quality.scores) as "% of texts",
    arg_min(
        product_id || ', ' || v.field || ': ' || left(v.evidence, {EVIDENCE_CHARACTERS}),
        (product_id, v.field, v.evidence)
    ) as example
from quality.scores, unnest(violations) as found(v)
group by v.rule, v.severity
order by findings desc, v.rule
limit $most
"""


@dataclass(frozen=True)
class Overview:
    """Statistics of the scores. Histograms count texts in bins of five points."""

    texts: int
    mean: float | None
    publishable: int
    bands: list[Row]
    scores: list[int]
    dimensions: dict[Dimension, list[int]]
    frequent: list[Row]


def overview(db: Database) -> Overview:
    """Compute the statistics of all scores."""
    summary = db.query(SUMMARY)[0]
    return Overview(
        texts=summary["texts"],
        mean=summary["mean"],
        publishable=summary["publishable"],
        bands=db.query(BANDS),
        scores=_histogram(db, "score"),
        dimensions={name: _histogram(db, name) for name in get_args(Dimension)},
        frequent=db.query(FREQUENT, {"most": MOST_FREQUENT}),
    )


def _histogram(db: Database, column: str) -> list[int]:
    counts = [0] * BINS
    for row in db.query(HISTOGRAM.format(column=column)):
        counts[row["bin"]] = row["texts"]
    return counts

"""A version of the dataset in figures, from its Parquet file.

Belongs here: what is counted. Does not: how it is drawn (dataset_plots.py) or told (data_card.py).
"""

from __future__ import annotations

from pathlib import Path

from walmart_pipeline.core.records import Record
from walmart_pipeline.core.warehouse import Database, Row

QUALITY_BIN, WORDS_BIN = 2, 25
CATEGORIES_SHOWN = 12

HISTOGRAM = """
select (floor({column} / {width}) * {width})::bigint as start, count(*) as examples
from read_parquet($path)
group by start
order by start
"""

COUNTED = """
select coalesce({column}, '') as name, count(*) as examples, avg(quality_score) as mean_quality
from read_parquet($path)
group by name
order by examples desc, name
"""

WHOLE = """
select
    count(*) as examples,
    count(distinct family) as families,
    count(distinct component) as components,
    count(user_rating) as rated,
    min(quality_score) as least_quality,
    median(quality_score) as median_quality,
    median(description_words) as median_words,
    min(description_words) as least_words,
    max(description_words) as most_words
from read_parquet($path)
"""


class Figures(Record):
    """What the data card tells. Histograms: {start of the bin, examples}; tables: {name, examples, mean_quality}."""

    whole: Row
    quality: list[Row]
    words: list[Row]
    categories: list[Row]
    sources: list[Row]
    splits: list[Row]
    models: list[Row]


def figures(path: Path) -> Figures:
    """The figures of a dataset.parquet. DuckDB reads it; memory does not grow with the examples."""
    import duckdb

    parameters = {"path": str(path)}
    with duckdb.connect() as connection:
        db = Database(connection)

        def counted(column: str) -> list[Row]:
            return db.query(COUNTED.format(column=column), parameters)

        def histogram(column: str, width: int) -> list[Row]:
            return db.query(HISTOGRAM.format(column=column, width=width), parameters)

        return Figures(
            whole=db.query(WHOLE, parameters)[0],
            quality=histogram("least(quality_score, 99.99)", QUALITY_BIN),
            words=histogram("description_words", WORDS_BIN),
            categories=_first(counted("category")),
            sources=counted("source"),
            splits=counted("split"),
            models=counted("model_used"),
        )


def _first(rows: list[Row]) -> list[Row]:
    """The largest ones, and all others as one."""
    shown, others = rows[:CATEGORIES_SHOWN], rows[CATEGORIES_SHOWN:]
    if not others:
        return shown
    examples = sum(row["examples"] for row in others)
    mean = sum(row["examples"] * row["mean_quality"] for row in others) / examples
    return [*shown, {"name": f"{len(others)} others", "examples": examples, "mean_quality": mean}]

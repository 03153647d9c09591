"""Writes the data card of a dataset version, DATACARD.md, with its figures.

Sections after Gebru et al., "Datasheets for Datasets" (2021): purpose, contents, collection, limits.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from walmart_pipeline.core import markdown, plotting
from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.core.records import Record
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.training.dataset_versions import PARQUET, DatasetManifest
from walmart_pipeline.stages.training.example_files import EXAMPLE_TOKENS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CARD = "DATACARD.md"
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

FILES = """\
| file | holds |
|---|---|
| `training_data.json` | every example in the published schema |
| `chat_train.jsonl`, `chat_validation.jsonl`, `chat_test.jsonl` | one split each, in OpenAI's fine-tuning format |
| `preferences.jsonl` | reviewers' texts with what they replaced (prompt, chosen, rejected); only where there are any |
| `dataset.parquet` | one row for each example, in typed columns, with source, family, component and split |
| `version.json` | this version for programs |
"""

LIMITS = """\
- Quality is what rules measure: the policy, and whether the record supports a text. Few examples were seen by a
  person; the number of rated ones is given above.
- Most outputs are written by a model or assembled from the record's own sentences, and have the habits of both.
- Near-copies below the threshold, and copies in other words, may be in different splits. Products too short to compare
  are kept together by brand and name alone.
- Shares of categories are the catalog's own, cut at the top; rare categories stay rare.
- English only. Prices, stock and reviews are in no text.
- The licence of the sources is unknown to this program: feeds and imported files are the retailer's, and whether they
  may be trained on or passed on has to be settled before anyone does so.
"""


class DatasetStatistics(Record):
    """Statistics of the card. Histogram rows: {start, examples}; table rows: {name, examples, mean_quality}."""

    whole: Row
    quality: list[Row]
    words: list[Row]
    tables: dict[str, list[Row]]
    models: list[Row]


def write(folder: Path, manifest: DatasetManifest) -> Path:
    """Write the card and its figures into a version's folder, from the Parquet file there."""
    found = _statistics(folder / PARQUET)
    drawn = {
        "quality": _histogram(found.quality, QUALITY_BIN, "Quality score"),
        "description words": _histogram(found.words, WORDS_BIN, "Words of the description"),
        **{name: _counts(rows) for name, rows in found.tables.items()},
    }
    pictures = plotting.write(drawn, folder / "figures")
    return write_atomically(folder / CARD, _card(manifest, found, {name: path.name for name, path in pictures.items()}))


def _statistics(path: Path) -> DatasetStatistics:
    """Aggregate in DuckDB to bound memory."""
    import duckdb

    parameters = {"path": str(path)}
    with duckdb.connect() as connection:
        db = Database(connection)

        def counted(column: str) -> list[Row]:
            return db.query(COUNTED.format(column=column), parameters)

        def histogram(column: str, width: int) -> list[Row]:
            return db.query(HISTOGRAM.format(column=column, width=width), parameters)

        return DatasetStatistics(
            whole=db.query(WHOLE, parameters)[0],
            quality=histogram("least(quality_score, 99.99)", QUALITY_BIN),
            words=histogram("description_words", WORDS_BIN),
            tables={
                "categories": _largest(counted("category")),
                "sources": counted("source"),
                "splits": counted("split"),
            },
            models=counted("model_used"),
        )


def _largest(rows: list[Row]) -> list[Row]:
    shown, others = rows[:CATEGORIES_SHOWN], rows[CATEGORIES_SHOWN:]
    if not others:
        return shown
    examples = sum(row["examples"] for row in others)
    mean = sum(row["examples"] * row["mean_quality"] for row in others) / examples
    return [*shown, {"name": f"{len(others)} others", "examples": examples, "mean_quality": mean}]


def _histogram(rows: list[Row], width: int, label: str) -> Figure:
    figure = plotting.figure(height=2.6)
    ax = figure.subplots()
    plotting.histogram(ax, [row["start"] for row in rows], [row["examples"] for row in rows], width=width)
    ax.set_xlabel(label if rows else f"{label}; there is no example", color=plotting.INK)
    ax.set_ylabel("Examples", color=plotting.INK)
    return figure


def _counts(rows: list[Row]) -> Figure:
    figure = plotting.figure(height=0.9 + 0.3 * max(1, len(rows)))
    ax = figure.subplots()
    plotting.labelled_bars(ax, [row["name"] for row in rows], [row["examples"] for row in rows])
    ax.set_xlabel("Examples" if rows else "There is no example", color=plotting.INK)
    return figure


def _card(manifest: DatasetManifest, found: DatasetStatistics, pictures: dict[str, str]) -> str:
    whole = found.whole
    parent = f"It follows v{manifest.parent}." if manifest.parent else "It is the first version."
    sections = [
        f"# Dataset {manifest.name}",
        f"{whole['examples']:,} examples of product listings for Walmart.com: what a retailer's record says of a "
        f"product, and an accepted text about it. Made {manifest.created_at:%Y-%m-%d %H:%M} UTC, fingerprint "
        f"`{manifest.fingerprint}`. {parent} A version never changes.",
        "## What it is for",
        "Few-shot examples and fine-tuning of the Walmart-GPT models (`train`), tuning of their parameters "
        "(`validation`), and comparing a candidate with the champion (`test`). Not for training on `validation` or "
        "`test`, and not as a source of facts about products.",
        "## What is in it",
        FILES,
        f"{whole['families']:,} product families in {whole['components']:,} components; {whole['rated']:,} examples "
        "with a reviewer's stars.",
        *(_picture(name, pictures) + markdown.table(rows) for name, rows in found.tables.items()),
        f"Writers of the texts: {', '.join(row['name'] for row in found.models) or 'nobody'}.",
        *(_picture(name, pictures) for name in ("quality", "description words")),
        f"Quality {_number(whole['least_quality'])} to 100, median {_number(whole['median_quality'])}; descriptions of "
        f"{_number(whole['least_words'])} to {_number(whole['most_words'])} words, median "
        f"{_number(whole['median_words'])}.",
        "## How it was made",
        f"Judged under the policy `{manifest.policy}`. Sources: texts that the judge accepted, texts that a reviewer "
        "wrote, and imported files, each row judged against its own input. Thresholds:",
        markdown.table([{"threshold": name, "value": str(value)} for name, value in manifest.thresholds.items()]),
        "Of near-copies (Jaccard index of three-word shingles, without names and figures) the best stays: a "
        "reviewer's text before a well rated one before a well scored one. Excluded:",
        markdown.table([{"reason": name, "examples": count} for name, count in manifest.excluded.items()]),
        "Families and near-copies of inputs form components, and a component is in one split. Where two merge, all "
        "goes to the held-out split; nothing ever comes back to training.",
        "## Training from it",
        f"Tokens are estimates (4 characters each); the limit of an example is {EXAMPLE_TOKENS:,}. Epochs are OpenAI's "
        "default. The cost is not given: no price of training is known.",
        markdown.table([{"split": split} | cost.model_dump() for split, cost in manifest.fine_tuning.items()]),
        f"{manifest.preference_pairs:,} preference pairs, of the training split only.",
        "## Known limits",
        LIMITS,
    ]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def _picture(name: str, pictures: dict[str, str]) -> str:
    return f"![{name.capitalize()}](figures/{pictures[name]})\n\n"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"

"""Scores a collection of listings and compares them with each other, without the pipeline's warehouse."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, NamedTuple

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.files import atomic_writer
from walmart_pipeline.core.records import Listing, Product, QualityReport
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.judge import profiles, workers
from walmart_pipeline.judge.duplicates import nearest, uniqueness
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.judge.pairs import Pair

TABLES = (
    "create table answers (line bigint, report varchar, error varchar, similarity double)",
    """
    create table answer_copies as
    select null::bigint as line, null::bigint as nearest_line, copies.* exclude (nearest_product_id)
    from quality.copies
    """,
)

KEEP = (
    """
    create or replace temp table answered as
    select unnest($lines) as line, unnest($answers)::json as answer
    """,
    """
    insert into answers by name
    select line, (answer -> '$.report')::varchar as report, answer ->> '$.error' as error
    from answered
    """,
    """
    insert into answer_copies by name
    select
        line,
        answer ->> '$.report.product_id' as product_id,
        '' as content_hash,
        unnest(from_json(
            answer -> '$.signature',
            '{"family": "VARCHAR", "text_key": "UBIGINT", "bands": ["UBIGINT"], "bits": ["UBIGINT"]}'
        ))
    from answered
    where answer ->> '$.signature.family' is not null
    """,
)

KEEP_SIMILARITY = """
update answers
set similarity = answer_copies.similarity
from answer_copies
where answer_copies.line = answers.line and answer_copies.similarity > 0
"""

PAGE = """
select line, report, error, similarity
from answers
where line > $after and line <= $last
order by line
"""


class Scored(NamedTuple):
    """Result of one line, numbered from 1: a QualityReport as JSON, or an error."""

    line: int
    report: str | None
    error: str | None


def score(pairs: Iterable[tuple[Product, Listing]], policy: str | Path = "walmart-2025") -> Iterator[QualityReport]:
    """The quality report of each product's listing, in order, including uniqueness among these listings.

    policy: name of a shipped profile, or path of a YAML file. The first report is returned after the last pair was
    read, since any listing may be a copy of any other; pairs and reports are on disk, so there may be a million. Large
    collections are judged on every core. Raises PolicyError before anything is read.
    """
    judge = Judge(profiles.load(policy))
    lines = (Pair(product=product, listing=listing).model_dump_json() for product, listing in pairs)
    return _reports(score_lines(lines, judge))


def _reports(scored: Iterator[Scored]) -> Iterator[QualityReport]:
    for line in scored:
        if line.report is None:
            raise ValueError(f"pair {line.line} can't be judged: {line.error}")
        yield QualityReport.model_validate_json(line.report)


def score_lines(lines: Iterable[str], judge: Judge, *, processes: int | None = None) -> Generator[Scored, None, None]:
    """Score each line {"product": …, "listing": …}, in order; blank lines are skipped.

    processes: see workers.reports. Raises WorkerError.
    """
    with (
        tempfile.TemporaryDirectory(prefix="walmart-score-") as folder,
        FileWarehouse(Path(folder) / "answers.duckdb").writing() as db,
    ):
        for statement in TABLES:
            db.execute(statement)
        last = 0
        with closing(workers.reports(_batches(lines), judge, processes=processes)) as answered:
            for batch, answers in answered:
                parameters = {"lines": batch.numbers, "answers": answers}
                db.execute(KEEP[0], parameters)
                for statement in KEEP[1:]:
                    db.execute(statement)
                db.checkpoint()
                last = batch.numbers[-1]
        nearest.update(db, table="answer_copies", key="line")
        db.execute(KEEP_SIMILARITY)
        yield from _scored(db, judge, last)


class _LineBatch(NamedTuple):
    lines: list[str]
    numbers: list[int]


def _batches(lines: Iterable[str]) -> Iterator[_LineBatch]:
    batch = _LineBatch([], [])
    for number, line in zip(count(1), lines):
        text = line.strip()
        if text:
            batch.lines.append(text)
            batch.numbers.append(number)
        if len(batch.lines) == workers.BATCH_LINES:
            yield batch
            batch = _LineBatch([], [])
    if batch.lines:
        yield batch


def _scored(db: Database, judge: Judge, last: int) -> Iterator[Scored]:
    for after in range(0, last, workers.BATCH_LINES):
        for row in db.query(PAGE, {"after": after, "last": after + workers.BATCH_LINES}):
            report = row["report"]
            if row["similarity"] is not None:
                alone = QualityReport.model_validate_json(report)
                report = judge.with_uniqueness(alone, uniqueness.measure(row["similarity"])).model_dump_json()
            yield Scored(row["line"], report, row["error"])


@dataclass
class LineCounts:
    """Lines of a scored file."""

    reports: int = 0
    publishable: int = 0
    errors: int = 0


def score_file(source: Path | None, output: Path | None, judge: Judge) -> LineCounts:
    """Write a report for each line of `source`, or {"line": n, "error": …}, in order; None is stdin and stdout.

    Uniqueness is measured within the file, so the first report is written after the last line was read. Memory does not
    grow with the file. Raises OSError and UnicodeDecodeError of the source, and WorkerError.
    """
    counts = LineCounts()
    with _reading(source) as lines, _writing(output) as file, closing(score_lines(lines, judge)) as scored:
        for line in scored:
            if line.report is None:
                counts.errors += 1
                file.write(json.dumps({"line": line.line, "error": line.error}, ensure_ascii=False) + "\n")
            else:
                counts.reports += 1
                counts.publishable += json.loads(line.report)["publishable"]
                file.write(line.report + "\n")
    return counts


@contextmanager
def _reading(source: Path | None) -> Iterator[IO[str]]:
    if source is None:
        yield sys.stdin
        return
    with source.open(encoding="utf-8-sig") as file:
        yield file


@contextmanager
def _writing(output: Path | None) -> Iterator[IO[str]]:
    if output is None:
        yield sys.stdout
        return
    with atomic_writer(output) as file:
        yield file

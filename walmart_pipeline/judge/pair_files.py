"""Scores files of pairs from any source."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from walmart_pipeline.core.files import atomic_writer
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.judge.scoring import score_lines


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

"""Read rows from CSV and JSON lines files; each unusable row is reported with its line and reason."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Record

SUFFIXES = (".csv", ".jsonl", ".ndjson")
# Spreadsheets use the one of their language setting.
DELIMITERS = ",;\t"

Model = TypeVar("Model", bound=BaseModel)

# Line number, and the row's fields or the reason why it can't be read.
Line: TypeAlias = tuple[int, Mapping[str, Any] | str]


class RowFileError(UserError, ValueError):
    """The file as a whole can't be read; the message has the remedy."""


class RowProblem(Record):
    """A row that was not imported."""

    line: int
    reason: str


class RowImport(Record):
    """Result of importing a file of rows."""

    rows: int
    problems: list[RowProblem]


class RowsRead(NamedTuple, Generic[Model]):
    """The rows of a file. total: number of all rows; rows: the valid ones, each with its line."""

    total: int
    rows: list[tuple[int, Model]]
    problems: list[RowProblem]


def read(
    path: Path,
    model: type[Model],
    *,
    required: Sequence[str] = (),
    refusal: Callable[[Model], str | None] = lambda _: None,
) -> RowsRead[Model]:
    """Read every row as a `model`, from CSV with a header line (.csv) or JSON lines.

    required: columns that a CSV file must have. refusal: why a row is not wanted, or None. Raises RowFileError if the
    file as a whole can't be read.
    """
    total = 0
    rows: list[tuple[int, Model]] = []
    problems: list[RowProblem] = []
    for line, row in _lines(path, required):
        total += 1
        if isinstance(row, str):
            problems.append(RowProblem(line=line, reason=row))
            continue
        try:
            valid = model.model_validate(row)
        except ValidationError as error:
            problems.append(RowProblem(line=line, reason="; ".join(map(_explained, error.errors()))))
            continue
        if reason := refusal(valid):
            problems.append(RowProblem(line=line, reason=reason))
        else:
            rows.append((line, valid))
    return RowsRead(total, rows, problems)


def _lines(path: Path, required: Sequence[str]) -> Iterator[Line]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _csv_rows(file, path, required) if path.suffix.lower() == ".csv" else _json_rows(file)
    except UnicodeDecodeError as error:
        raise RowFileError(f"{path}: not UTF-8 ({error.reason}): save it as UTF-8") from error


def _csv_rows(file: Iterator[str], path: Path, required: Sequence[str]) -> Iterator[Line]:
    header = next(file, "")
    delimiter = max(DELIMITERS, key=header.count)
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
    if missing := [name for name in required if name not in names]:
        raise RowFileError(f"{path}: no column {', '.join(missing)}: its first line must name {', '.join(required)}")
    if repeated := [name for name, times in Counter(names).items() if name and times > 1]:
        raise RowFileError(f"{path}: two columns are named {', '.join(repeated)}: leave one")
    # strict: an unclosed quote would otherwise silently swallow the rest of the file.
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 2
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, f"not CSV: {error}"
            continue
        if len(cells) > len(names):
            yield line, f"{len(cells)} cells for {len(names)} columns: put texts that hold the delimiter in quotes"
        elif any(cells):
            yield line, dict(zip(names, cells, strict=False))


def _json_rows(file: Iterator[str]) -> Iterator[Line]:
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            yield line, f"not JSON: {error}"
            continue
        yield line, row if isinstance(row, dict) else "not a JSON object"


def _explained(error: Any) -> str:
    return f"{'.'.join(map(str, error['loc']))}: {str(error['msg']).removeprefix('Value error, ')}"

"""Ratings from a file: CSV or JSON lines, as reviewers or another tool wrote them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Rating, Record
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.quality import ratings

SUFFIXES = (".csv", ".jsonl", ".ndjson")
REQUIRED = ("product_id", "stars", "reviewer")
# What spreadsheets write as CSV, by the language they are set to.
DELIMITERS = ",;\t"

# A clock that is ahead by a time zone is forgiven; a rating from 2099 would hold against every later one.
AHEAD_AT_MOST = timedelta(days=1)
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)

CURRENT = """
select product_id, content_hash, generated_at
from content.generated_content
where status = 'complete' and product_id in (select unnest($product_ids))
"""

IN_CATALOG = "select product_id from catalog.products where product_id in (select unnest($product_ids))"

# A row's line and what stands in it, or why nothing can be read there.
Line: TypeAlias = tuple[int, Mapping[str, Any] | str]


class RatingsFileError(UserError, ValueError):
    """The file as a whole can't be read; the message says what to change."""


class Problem(Record):
    """A row that was left out."""

    line: int
    reason: str


class Imported(Record):
    """What became of the rows of a file; those of one reviewer and text count once."""

    rows: int
    added: int
    replaced: int
    unchanged: int = Field(description="Kept already.")
    older: int = Field(description="A newer rating of the same reviewer is kept.")
    problems: list[Problem]


class GivenRating(BaseModel):
    """A row as it came; other columns are passed over."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, str_strip_whitespace=True)

    product_id: str = Field(min_length=1)
    stars: int = Field(ge=1, le=5)
    reviewer: str = Field(min_length=1)
    comment: str = ""
    rated_at: datetime | None = None
    content_hash: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")

    @field_validator("*", mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise PydanticCustomError("bool", "a number or a text is needed, not true or false")
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise ValueError("it holds half a character (a lone surrogate): write the text anew") from error
        return value

    @field_validator("rated_at", "content_hash", mode="before")
    @classmethod
    def _blank_is_absent(cls, value: Any) -> Any:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("comment", mode="before")
    @classmethod
    def _null_is_empty(cls, value: Any) -> Any:
        return "" if value is None else value

    @field_validator("rated_at", mode="before")
    @classmethod
    def _iso(cls, value: Any) -> datetime | None:
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value.strip())
        except (AttributeError, ValueError) as error:
            raise ValueError("write it as 2025-03-01T14:30:00+00:00; without an offset it is UTC") from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def import_file(db: Database, path: Path, *, now: datetime) -> Imported:
    """Keep the ratings of a file; a bad row is told and the others are kept. The same file again changes nothing.

    path: CSV with a header line, or JSON lines. Columns: product_id, stars, reviewer, and optionally comment, rated_at
    (default: `now`) and content_hash (default: of the product's current text).
    Raises RatingsFileError if the file as a whole can't be read.
    """
    rows, problems = 0, []
    given: list[tuple[int, GivenRating]] = []
    for line, row in _lines(path):
        rows += 1
        if isinstance(row, str):
            problems.append(Problem(line=line, reason=row))
            continue
        try:
            given.append((line, _checked(GivenRating.model_validate(row), now)))
        except ValidationError as error:
            problems.append(Problem(line=line, reason="; ".join(_explained(item) for item in error.errors())))
        except ValueError as error:
            problems.append(Problem(line=line, reason=str(error)))
    found = _resolved(db, given, problems, now)
    undated = frozenset(place for place, (_, is_undated) in enumerate(found) if is_undated)
    kept = ratings.keep(db, [rating for rating, _ in found], undated=undated)
    problems.sort(key=lambda problem: problem.line)
    return Imported(
        rows=rows, problems=problems, **{name: kept[name] for name in ("added", "replaced", "unchanged", "older")}
    )


def _checked(given: GivenRating, now: datetime) -> GivenRating:
    if given.rated_at and given.rated_at > now + AHEAD_AT_MOST:
        raise ValueError(f"rated_at: {given.rated_at.isoformat()} is yet to come: correct it")
    if given.rated_at and given.rated_at < EARLIEST:
        raise ValueError(f"rated_at: {given.rated_at.isoformat()} is from a clock that was not set: correct it")
    return given


def _resolved(
    db: Database, given: list[tuple[int, GivenRating]], problems: list[Problem], now: datetime
) -> list[tuple[Rating, bool]]:
    """The newest rating of each reviewer and text, and whether its time is only that of the import."""
    product_ids = {"product_ids": list({row.product_id for _, row in given})}
    current = {row["product_id"]: row for row in db.query(CURRENT, product_ids)}
    known = {row["product_id"] for row in db.query(IN_CATALOG, product_ids)} | current.keys()
    newest: dict[ratings.Key, tuple[Rating, bool]] = {}
    for line, row in given:
        if reason := _untraceable(row, current.get(row.product_id), is_known=row.product_id in known):
            problems.append(Problem(line=line, reason=reason))
            continue
        rating = Rating(
            product_id=row.product_id,
            content_hash=row.content_hash or current[row.product_id]["content_hash"],
            stars=row.stars,
            reviewer=row.reviewer,
            rated_at=row.rated_at or now,
            comment=row.comment,
        )
        before = newest.get(ratings.key(rating))
        if before is None or before[0].rated_at <= rating.rated_at:
            newest[ratings.key(rating)] = rating, row.rated_at is None
    return list(newest.values())


def _untraceable(row: GivenRating, current: Row | None, *, is_known: bool) -> str | None:
    """Why nobody can say which text a row is about; None where that is clear."""
    if not is_known:
        return f"product_id: there is no product {row.product_id}: correct it"
    if row.content_hash:
        return None
    if current is None:
        return f"product_id: {row.product_id} has no text now: give the content_hash of the one that was rated"
    if row.rated_at and row.rated_at < current["generated_at"]:
        written = f"{current['generated_at']:%Y-%m-%d %H:%M} UTC"
        return f"rated_at: the current text was written later, at {written}: give the content_hash of the rated one"
    return None


def _lines(path: Path) -> Iterator[Line]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _csv_rows(file, path) if path.suffix.lower() == ".csv" else _json_rows(file)
    except UnicodeDecodeError as error:
        raise RatingsFileError(f"{path}: not UTF-8 ({error.reason}): save it as UTF-8") from error


def _csv_rows(file: Iterator[str], path: Path) -> Iterator[Line]:
    header = next(file, "")
    delimiter = max(DELIMITERS, key=header.count)
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
    if missing := [name for name in REQUIRED if name not in names]:
        raise RatingsFileError(
            f"{path}: no column {', '.join(missing)}: its first line has to name product_id, stars and reviewer"
        )
    if repeated := [name for name, times in Counter(names).items() if name and times > 1]:
        raise RatingsFileError(f"{path}: two columns are named {', '.join(repeated)}: leave one")
    # strict: a quote that is never closed would otherwise swallow the rest of the file in silence.
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
    return f"{error['loc'][0]}: {str(error['msg']).removeprefix('Value error, ')}"

"""Reviewers' ratings: `quality.ratings`, and a copy of each rated text in `quality.rated_texts`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from walmart_pipeline.core import row_files
from walmart_pipeline.core.records import Listing, Product, Rating
from walmart_pipeline.core.row_files import RowImport, RowProblem
from walmart_pipeline.core.warehouse import Database, Row, struct

Kept: TypeAlias = Literal["added", "replaced", "unchanged", "older"]
Key: TypeAlias = tuple[str, str, str]

REQUIRED = ("product_id", "stars", "reviewer")

# A clock that is ahead by a time zone is forgiven; a rating from 2099 would hold against every later one.
AHEAD_AT_MOST = timedelta(days=1)
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)

CURRENT_TEXTS = """
select product_id, content_hash, generated_at
from content.generated_content
where status = 'complete' and product_id in (select unnest($product_ids))
"""

IN_CATALOG = "select product_id from catalog.products where product_id in (select unnest($product_ids))"

KNOWN = f"""
select {", ".join(Rating.model_fields)}
from quality.ratings
where product_id in (select unnest($product_ids))
"""

KEEP_TEXTS = f"""
insert into quality.rated_texts by name
select
    product_id,
    content_hash,
    to_json({struct("products", Product)}) as product,
    to_json({struct("content", Listing)}) as listing,
    now() as kept_at
from content.generated_content as content
join catalog.products using (product_id)
semi join quality.ratings using (product_id, content_hash)
anti join quality.rated_texts using (product_id, content_hash)
where content.status = 'complete'
"""


def rate(db: Database, rating: Rating) -> Kept:
    """Keep one rating, and a copy of its text if that is the product's current one. Returns what became of it."""
    (kept,) = keep(db, [rating])
    return kept


def keep(db: Database, ratings: Sequence[Rating], *, undated: frozenset[int] = frozenset()) -> Counter[Kept]:
    """Keep ratings, at most one a reviewer and text. Returns how many were added, replaced, unchanged or older.

    undated: places in `ratings` whose time is only that of the import: such a rating changes nothing where the
    reviewer's stars and comment are those already kept.
    """
    known = _known(db, ratings)
    found: Counter[Kept] = Counter()
    wanted = []
    for place, rating in enumerate(ratings):
        kept = _compared(known.get(key(rating)), rating, is_undated=place in undated)
        found[kept] += 1
        if kept in ("added", "replaced"):
            wanted.append(rating.model_dump())
    db.upsert("quality.ratings", wanted, ["product_id", "content_hash", "reviewer"])
    db.execute(KEEP_TEXTS)
    return found


def key(rating: Rating) -> Key:
    """What there is one rating of."""
    return rating.product_id, rating.content_hash, rating.reviewer


def _known(db: Database, ratings: Sequence[Rating]) -> dict[Key, Rating]:
    product_ids = list({rating.product_id for rating in ratings})
    known = (Rating(**row) for row in db.query(KNOWN, {"product_ids": product_ids}))
    return {key(rating): rating for rating in known}


def _compared(known: Rating | None, given: Rating, *, is_undated: bool) -> Kept:
    if known is None:
        return "added"
    says_the_same = (known.stars, known.comment) == (given.stars, given.comment)
    if says_the_same and (is_undated or known.rated_at == given.rated_at):
        return "unchanged"
    return "older" if given.rated_at < known.rated_at else "replaced"


class RatingImport(RowImport):
    """What became of the rows of a file; those of one reviewer and text count once."""

    added: int
    replaced: int
    unchanged: int = Field(description="Kept already.")
    older: int = Field(description="A newer rating of the same reviewer is kept.")


class GivenRating(BaseModel):
    """A row as it came; other columns are passed over."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, str_strip_whitespace=True)

    product_id: str = Field(min_length=1)
    stars: int = Field(ge=1, le=5)
    reviewer: str = Field(min_length=1)
    comment: str = ""
    rated_at: datetime | None = None
    content_hash: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")

    @field_validator("stars", mode="before")
    @classmethod
    def _no_boolean(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise PydanticCustomError("bool", "a number is needed, not true or false")
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


def import_file(db: Database, path: Path, *, now: datetime) -> RatingImport:
    """Keep the ratings of a file, except rows that can't be used. The same file again changes nothing.

    path: CSV with a header line, or JSON lines. Columns: product_id, stars, reviewer, and optionally comment, rated_at
    (default: `now`) and content_hash (default: of the product's current text).
    Raises RowFileError if the file as a whole can't be read.
    """
    read = row_files.read(path, GivenRating, required=REQUIRED)
    given, problems = [], read.problems
    for line, row in read.rows:
        if reason := _impossible_time(row, now):
            problems.append(RowProblem(line=line, reason=reason))
        else:
            given.append((line, row))
    found = _resolved(db, given, problems, now)
    undated = frozenset(place for place, (_, is_undated) in enumerate(found) if is_undated)
    kept = keep(db, [rating for rating, _ in found], undated=undated)
    problems.sort(key=lambda problem: problem.line)
    counts = {name: kept[name] for name in ("added", "replaced", "unchanged", "older")}
    return RatingImport(rows=read.total, problems=problems, **counts)


def _impossible_time(given: GivenRating, now: datetime) -> str | None:
    if given.rated_at and given.rated_at > now + AHEAD_AT_MOST:
        return f"rated_at: {given.rated_at.isoformat()} is in the future: correct it"
    if given.rated_at and given.rated_at < EARLIEST:
        return f"rated_at: {given.rated_at.isoformat()} is from a clock that was not set: correct it"
    return None


def _resolved(
    db: Database, given: list[tuple[int, GivenRating]], problems: list[RowProblem], now: datetime
) -> list[tuple[Rating, bool]]:
    """The newest rating of each reviewer and text, and whether its time is only that of the import."""
    product_ids = {"product_ids": list({row.product_id for _, row in given})}
    current = {row["product_id"]: row for row in db.query(CURRENT_TEXTS, product_ids)}
    known = {row["product_id"] for row in db.query(IN_CATALOG, product_ids)} | current.keys()
    newest: dict[Key, tuple[Rating, bool]] = {}
    for line, row in given:
        if reason := _untraceable(row, current.get(row.product_id), is_known=row.product_id in known):
            problems.append(RowProblem(line=line, reason=reason))
            continue
        rating = Rating(
            product_id=row.product_id,
            content_hash=row.content_hash or current[row.product_id]["content_hash"],
            stars=row.stars,
            reviewer=row.reviewer,
            rated_at=row.rated_at or now,
            comment=row.comment,
        )
        before = newest.get(key(rating))
        if before is None or before[0].rated_at <= rating.rated_at:
            newest[key(rating)] = rating, row.rated_at is None
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

"""Reviewers' ratings (`quality.ratings`) and copies of rated texts (`quality.rated_texts`), and imports from files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from walmart_pipeline.core import row_files
from walmart_pipeline.core.records import Listing, Product, Rating
from walmart_pipeline.core.row_files import RowImport, RowProblem
from walmart_pipeline.core.warehouse import Database, Row, struct

StoreOutcome: TypeAlias = Literal["added", "replaced", "unchanged", "older"]
Key: TypeAlias = tuple[str, str, str]

REQUIRED = ("product_id", "stars", "reviewer")

# Tolerates clocks of another time zone; a rating from 2099 would override every later one.
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

STORE_TEXTS = f"""
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


def store(db: Database, ratings: Sequence[Rating], *, undated: frozenset[int] = frozenset()) -> Counter[StoreOutcome]:
    """Store ratings, at most one per reviewer and text, and copies of current texts. Returns counts by outcome.

    undated: indices of ratings with the time of the import, which don't replace a rating with the same stars and
    comment.
    """
    known = _known(db, ratings)
    outcomes: Counter[StoreOutcome] = Counter()
    rows = []
    for index, rating in enumerate(ratings):
        outcome = _compared(known.get(key(rating)), rating, is_undated=index in undated)
        outcomes[outcome] += 1
        if outcome in ("added", "replaced"):
            rows.append(rating.model_dump())
    db.upsert("quality.ratings", rows, ["product_id", "content_hash", "reviewer"])
    db.execute(STORE_TEXTS)
    return outcomes


def key(rating: Rating) -> Key:
    """The key of a rating: product, text and reviewer."""
    return rating.product_id, rating.content_hash, rating.reviewer


def _known(db: Database, ratings: Sequence[Rating]) -> dict[Key, Rating]:
    product_ids = list({rating.product_id for rating in ratings})
    known = (Rating(**row) for row in db.query(KNOWN, {"product_ids": product_ids}))
    return {key(rating): rating for rating in known}


def _compared(known: Rating | None, given: Rating, *, is_undated: bool) -> StoreOutcome:
    if known is None:
        return "added"
    is_same = (known.stars, known.comment) == (given.stars, given.comment)
    if is_same and (is_undated or known.rated_at == given.rated_at):
        return "unchanged"
    return "older" if given.rated_at < known.rated_at else "replaced"


class RatingImport(RowImport):
    """Result of importing ratings; those of one reviewer and text count once."""

    added: int
    replaced: int
    unchanged: int = Field(description="Already stored.")
    older: int = Field(description="A newer rating of the same reviewer is stored.")


class GivenRating(BaseModel):
    """A row of a file; other columns are ignored."""

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


def import_file(
    db: Database, path: Path, *, now: datetime, refusal: Callable[[GivenRating], str | None] = lambda _: None
) -> RatingImport:
    """Store the ratings of a file, except unusable rows. Idempotent.

    path: CSV with a header line, or JSON lines. Columns: product_id, stars, reviewer, and optionally comment, rated_at
    (default: `now`) and content_hash (default: of the product's current text). refusal: why a row is not wanted.
    Raises RowFileError if the file as a whole can't be read.
    """
    read = row_files.read(
        path, GivenRating, required=REQUIRED, refusal=lambda row: refusal(row) or _impossible_time(row, now)
    )
    problems = read.problems
    found = _resolved(db, read.rows, problems, now)
    undated = frozenset(index for index, (_, is_undated) in enumerate(found) if is_undated)
    outcomes = store(db, [rating for rating, _ in found], undated=undated)
    problems.sort(key=lambda problem: problem.line)
    counts = {name: outcomes[name] for name in ("added", "replaced", "unchanged", "older")}
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
    """Return the newest rating of each reviewer and text, and whether it is undated."""
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
    """Return why a row's text can't be identified; None if it can."""
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

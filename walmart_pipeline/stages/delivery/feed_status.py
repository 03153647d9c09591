"""Reads Walmart's answers to feeds: what became of each item, and what to do about its errors.

A feed that is PROCESSED says nothing of its items: each has a status of its own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.files import read_yaml
from walmart_pipeline.core.records import Record
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.stages.delivery.feed_files import update_cases

# What Walmart says of an item when it is done with it. Others, such as INPROGRESS, leave its status open.
FINAL = ("SUCCESS", "DATA_ERROR", "SYSTEM_ERROR", "TIMEOUT_ERROR")

# Of all items of a feed that failed as a whole.
FEED_ERROR = "FEED_ERROR"

ENTRIES = """
select product_id
from delivery.feed_entries
where sent_at is not null and feed_id is not distinct from $feed_id and status is distinct from 'RETIRED'
"""

APPLY = """
update delivery.feed_entries
set
    feed_id = $feed_id,
    status = answers.status,
    errors = answers.errors,
    read_at = $read_at
from (select unnest($answers, recursive := true)) as answers
where feed_entries.product_id = answers.product_id
    and feed_entries.sent_at is not null
    and feed_entries.feed_id is not distinct from $known_as
    and feed_entries.status is distinct from 'RETIRED'
"""


class FeedReading(Record):
    """What was read from a feed's status."""

    feed_id: str
    feed_status: str = Field(description="RECEIVED, INPROGRESS, PROCESSED or ERROR: of the feed, not of its items.")
    items: dict[str, int] = Field(description="Number of items by status.")
    unknown: list[str] = Field(description="SKUs that were not sent from here in this feed.")
    errors: dict[str, int] = Field(description="Number of errors by code.")
    message: str = Field(default="", description="Why the feed failed as a whole.")


def read_file(path: Path) -> list[Mapping[str, Any]]:
    """Read saved answers of `GET /v3/feeds/{feedId}?includeDetails=true`: one page, or a list of pages."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is no JSON: {error}") from error
    pages = content if isinstance(content, list) else [content]
    if not pages or not all(isinstance(page, dict) and page.get("feedId") for page in pages):
        raise UserError(f"{path} is no feed status: each page needs a feedId and, for its items, includeDetails=true")
    return pages


def apply(db: Database, pages: Sequence[Mapping[str, Any]]) -> list[FeedReading]:
    """Note the status of each item in the pages, and update the review cases. Applying a page twice is harmless."""
    by_feed: dict[str, list[Mapping[str, Any]]] = {}
    for page in pages:
        by_feed.setdefault(str(page["feedId"]), []).append(page)
    readings = [_apply_feed(db, feed_id, found) for feed_id, found in by_feed.items()]
    update_cases(db)
    return readings


def open_feeds(db: Database) -> dict[str, datetime]:
    """Feeds with items that have no final status yet: their ids and times of upload, the earliest first."""
    sql = (
        "select feed_id, min(sent_at) as sent_at from delivery.feed_entries "
        "where feed_id is not null and status is null group by feed_id order by all"
    )
    return {row["feed_id"]: row["sent_at"] for row in db.query(sql)}


def _apply_feed(db: Database, feed_id: str, pages: Sequence[Mapping[str, Any]]) -> FeedReading:
    sent = {row["product_id"] for row in db.query(ENTRIES, {"feed_id": feed_id})}
    # A file that was uploaded by hand is sent without an id.
    known_as = feed_id if sent else None
    if not sent:
        sent = {row["product_id"] for row in db.query(ENTRIES, {"feed_id": None})}
    feed_status = str(pages[-1].get("feedStatus", ""))
    whole = [error for page in pages for error in _errors(page)]
    answers = [answer for page in pages for answer in _items(page)]
    if feed_status == "ERROR" and known_as:
        answers = [{"product_id": sku, "status": FEED_ERROR, "errors": whole} for sku in sorted(sent)]
    final = [answer for answer in answers if answer["status"] in (*FINAL, FEED_ERROR) and answer["product_id"] in sent]
    if final:
        parameters = {"answers": final, "feed_id": feed_id, "known_as": known_as, "read_at": datetime.now(UTC)}
        db.execute(APPLY, parameters)
    return FeedReading(
        feed_id=feed_id,
        feed_status=feed_status,
        items=dict(Counter(answer["status"] for answer in answers)),
        unknown=sorted(answer["product_id"] for answer in answers if answer["product_id"] not in sent),
        errors=dict(Counter(error["code"] for answer in answers for error in answer["errors"])),
        message="; ".join(f"{error['code']}: {error['message']}" for error in whole),
    )


def _items(page: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in (page.get("itemDetails") or {}).get("itemIngestionStatus") or ():
        yield {
            "product_id": str(item.get("sku", "")),
            "status": str(item.get("ingestionStatus", "")),
            "errors": _errors(item),
        }


def _errors(holder: Mapping[str, Any]) -> list[dict[str, str | None]]:
    return [
        {
            "code": str(error.get("code", "")),
            "field": error.get("field"),
            "message": str(error.get("description", "")),
            "fix": fix(str(error.get("code", ""))),
        }
        for error in (holder.get("ingestionErrors") or {}).get("ingestionError") or ()
    ]


def fix(code: str) -> str | None:
    """What to do about an error code; None for one that is not in the table."""
    known = _fixes().get(code)
    return f"{known['meaning']}: {known['fix']}" if known else None


@cache
def _fixes() -> dict[str, dict[str, str]]:
    fixes: dict[str, dict[str, str]] = read_yaml(Path(__file__).parent / "feed_errors.yaml")
    return fixes

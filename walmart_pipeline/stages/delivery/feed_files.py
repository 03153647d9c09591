"""Writes the items that Walmart does not have yet to feed files, and remembers what was sent.

A file that was written but not sent is replaced by the next export. What was sent, and what came of it, stays in
`delivery.feed_entries`; so an item is in the next feed only if it is new, has changed, or Walmart failed on it.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Record
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.delivery import item_specs
from walmart_pipeline.stages.delivery.exporter import ExportSummary, export, export_csv, harmless
from walmart_pipeline.stages.delivery.item_feed import Compiler, compiler_for, refresh
from walmart_pipeline.stages.delivery.packing import FileLimits, PackedItem, pack

# Walmart's limits of a file. 25 MB, by the smaller of the two readings.
MAX_ITEMS = 10_000
MAX_BYTES = 25_000_000

# In the folder of exports.
FOLDER = "item_feed"

SENT_FOLDER = "sent"

CLOSING = "\n]}\n"

# What was last sent of each product.
LAST_SENT = """
select product_id, unnest(arg_max(sent, sent_at), recursive := false)
from (
    select product_id, sent_at, {'item_hash': item_hash, 'status': status, 'last_sent_at': sent_at} as sent
    from delivery.feed_entries
    where sent_at is not null
)
group by product_id
"""

# `retry`: Walmart failed, not the item.
STATE = f"""
select
    feed.*,
    case
        when feed.item is null then 'left_out'
        when last.last_sent_at is null or last.status = 'RETIRED' then 'new'
        when last.item_hash <> feed.item_hash then 'changed'
        when last.status = 'DATA_ERROR' then 'refused'
        when last.status in ('SYSTEM_ERROR', 'TIMEOUT_ERROR', 'FEED_ERROR') then 'retry'
        else 'sent'
    end as state
from delivery.item_feed as feed
left join ({LAST_SENT}) as last using (product_id)
"""

# A variant goes with its siblings: Walmart takes a group whole.
SELECTED_ITEMS = """
and (
    product_id in (select product_id from selected_listings)
    or variant_group in (
        select variant_group
        from delivery.item_feed
        join selected_listings using (product_id)
        where variant_group is not null
    )
)
"""

DUE = f"""
select product_id, variant_group, bytes
from ({STATE})
where state in ('new', 'changed', 'retry')
"""

ITEMS = """
select item
from delivery.item_feed
where product_id in (select unnest($ids)) and item is not null
order by product_id
"""

ENTRIES = """
select product_id, item_hash
from delivery.item_feed
where product_id in (select unnest($ids)) and item is not null
"""

SENT = "select count(*) from delivery.feed_entries where sent_at is not null"

LEFT_OUT = """
select product_id, product_type, unnest(problems) as problem
from delivery.item_feed
where item is null
order by product_id, problem
"""

# At Walmart, and no longer among the publishable listings: only a person decides to take an item off the shop.
WITHDRAWN = f"""
select
    product_id,
    last_sent_at as sent_at,
    coalesce(
        array_to_string(queue.reasons, '; '),
        if(products.product_id is null, 'no longer in the catalog', 'no publishable listing')
    ) as reason
from ({LAST_SENT}) as last
left join quality.review_queue as queue using (product_id)
left join catalog.products as products using (product_id)
where product_id not in (select product_id from delivery.item_feed)
    and last.status is distinct from 'RETIRED'
order by product_id
"""


# An item leaves the cases when it changes, as its text or record does when somebody mends it.
CASES = f"""
select
    feed.product_id,
    'needs_review' as status,
    [
        error.code || coalesce(' (' || error.field || ')', '') || ': ' || error.message
        || coalesce(' — ' || error.fix, '')
        for error in entry.errors
    ] as reasons,
    listings.score,
    listings.content_hash,
    now() as queued_at
from delivery.item_feed as feed
join ({LAST_SENT}) as last using (product_id)
join delivery.feed_entries as entry on entry.product_id = feed.product_id and entry.sent_at = last.last_sent_at
join quality.listings on listings.product_id = feed.product_id
where last.status = 'DATA_ERROR' and last.item_hash = feed.item_hash
"""


# Rows of the review queue that are cases of this stage; the judge's are not touched.
FORGET_CASES = """
delete from quality.review_queue as queue
using delivery.refused_items as refused
where queue.product_id = refused.product_id and queue.reasons = refused.reasons
"""

QUEUE_CASES = """
insert into quality.review_queue by name
from delivery.refused_items
where product_id not in (select product_id from quality.review_queue)
"""


class FeedSummary(Record):
    """What an export of the item feed wrote, and what it did not."""

    version: str
    files: list[ExportSummary]
    items: int = Field(description="In the files: new, changed, or to be tried again.")
    unchanged: int = Field(description="Sent before as they are now.")
    refused: int = Field(description="Refused by Walmart as they are now: not sent again until they change.")
    left_out: int = Field(description="Listings that are no valid item; the reasons are in left_out.csv.")
    withdrawn: int = Field(description="At Walmart, but no longer publishable; named in withdrawn.csv.")
    compiled: int = Field(description="Listings that changed since the last export.")


@dataclass(frozen=True)
class PlannedFeed:
    """The items of each file of a feed that is to be written. opening: how each file begins.

    sent: number of entries that were sent when it was planned.
    """

    version: str
    opening: str
    files: Sequence[Sequence[str]]
    compiled: int
    sent: int


@dataclass(frozen=True)
class WrittenFile:
    """A file that is not in its place yet, and the rows of `delivery.feed_entries` about it."""

    path: Path
    summary: ExportSummary
    entries: Sequence[Row]


class FeedSentError(UserError):
    """Another feed was sent while this one was written."""


def write_for(db: Database, settings: Settings, folder: Path, *, selected: bool = False) -> FeedSummary:
    """Write the feed in one transaction, for the spec, mapping and header of the settings; see plan_for and write."""
    return _write(db, plan_for(db, settings, selected=selected), folder)


def plan_for(db: Database, settings: Settings, *, selected: bool = False) -> PlannedFeed:
    """Plan the feed for the spec, mapping and header of the settings. Raises SpecError without a usable spec.

    selected: only items of the listings of exporter.select, and those of the same groups of variants.
    """
    spec = item_specs.in_force(settings)
    header = {
        "businessUnit": settings.feed_business_unit,
        "locale": settings.feed_locale,
        "version": item_specs.dated_version(spec, settings.item_spec_version),
    }
    return plan(db, compiler_for(settings, spec), header=header, selected=selected)


def write(
    db: Database,
    compiler: Compiler,
    folder: Path,
    *,
    header: dict[str, str],
    max_items: int = MAX_ITEMS,
    max_bytes: int = MAX_BYTES,
) -> FeedSummary:
    """Write the items that are due to `feed-001.json` and so on, replacing unsent files, in one transaction."""
    return _write(db, plan(db, compiler, header=header, max_items=max_items, max_bytes=max_bytes), folder)


def _write(db: Database, planned: PlannedFeed, folder: Path) -> FeedSummary:
    with beside(folder) as place:
        return put_in_place(db, planned, write_files(db, planned, place), folder)


def plan(
    db: Database,
    compiler: Compiler,
    *,
    header: dict[str, str],
    selected: bool = False,
    max_items: int = MAX_ITEMS,
    max_bytes: int = MAX_BYTES,
) -> PlannedFeed:
    """Compile what changed, and plan the files of the items that are due."""
    count = refresh(db, compiler)
    opening = f'{{"MPItemFeedHeader": {json.dumps(header)}, "MPItem": [\n'
    limits = FileLimits(max_items, max_bytes - len(opening) - len(CLOSING))
    due = [
        # With the comma and the line break.
        PackedItem(row["product_id"], row["variant_group"], row["bytes"] + 2)
        for rows in db.stream(f"{DUE} {SELECTED_ITEMS if selected else ''} order by product_id")
        for row in rows
    ]
    packed = pack(due, limits)
    for members in packed.too_large:
        _leave_out(db, members)
    return PlannedFeed(
        version=header["version"],
        opening=opening,
        files=[[item.product_id for item in items] for items in packed.files],
        compiled=count,
        sent=int(db.value(SENT)),
    )


@contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """Make a place in a folder for files that are not whole yet; what is left in it is gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as place:
        yield Path(place)


def write_files(db: Database, planned: PlannedFeed, place: Path) -> list[WrittenFile]:
    """Write the planned files to a place of `beside`. db: is only read."""
    return [
        _write_file(db, place / f"feed-{number:03}.json", list(ids), planned.opening)
        for number, ids in enumerate(planned.files, start=1)
    ]


def put_in_place(db: Database, planned: PlannedFeed, written: Sequence[WrittenFile], folder: Path) -> FeedSummary:
    """Let written files take the place of unsent ones. Raises FeedSentError if one of those was sent meanwhile."""
    if db.value(SENT) != planned.sent:
        raise FeedSentError("a feed was sent while this one was written: export again")
    db.execute("delete from delivery.feed_entries where sent_at is null")
    db.append("delivery.feed_entries", (row for file in written for row in file.entries))
    update_cases(db)
    left_out, withdrawn = db.query(LEFT_OUT), db.query(WITHDRAWN)
    states = {
        row["state"]: row["items"] for row in db.query(f"select state, count(*) as items from ({STATE}) group by 1")
    }
    for old in folder.glob("feed-*.json"):
        old.unlink()
    for file in written:
        file.path.rename(file.summary.path)
    _write_csv(folder / "left_out.csv", ("product_id", "product_type", "problem"), left_out)
    _write_csv(folder / "withdrawn.csv", ("product_id", "sent_at", "reason"), withdrawn)
    files = [file.summary for file in written]
    return FeedSummary(
        version=planned.version,
        files=files,
        items=sum(file.rows for file in files),
        unchanged=states.get("sent", 0),
        refused=states.get("refused", 0),
        left_out=states.get("left_out", 0),
        withdrawn=len(withdrawn),
        compiled=planned.compiled,
    )


def _leave_out(db: Database, members: Sequence[PackedItem]) -> None:
    size = sum(member.bytes for member in members)
    reason = f"{len(members):,} items of {size:,} bytes must be in one file, and are too many for it"
    db.execute(
        "update delivery.item_feed set item = null, problems = [$reason], inputs_hash = null "
        "where product_id in (select unnest($ids))",
        {"reason": reason, "ids": [member.product_id for member in members]},
    )


def _write_file(db: Database, path: Path, ids: list[str], opening: str) -> WrittenFile:
    summary = export(path, _lines(db, ids), format="feed", header=opening)
    about = {"file": path.name, "file_sha256": summary.sha256}
    entries = [about | row for row in db.query(ENTRIES, {"ids": ids})]
    return WrittenFile(path, summary.model_copy(update={"path": str(path.parent.parent / path.name)}), entries)


def _lines(db: Database, ids: list[str]) -> Iterator[str]:
    """One text an item, with what separates it from the next or closes the file."""
    items = (row["item"] for rows in db.stream(ITEMS, {"ids": ids}) for row in rows)
    latest = next(items, "")
    for item in items:
        yield latest + ",\n"
        latest = item
    yield latest + CLOSING


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[dict[str, object]]) -> None:
    cells = ([harmless("" if row[name] is None else str(row[name])) for name in columns] for row in rows)
    export_csv(path, columns, cells)


def update_cases(db: Database) -> None:
    """Update `delivery.refused_items`, the items that Walmart refused as they are now, and with it the review queue."""
    db.execute(FORGET_CASES)
    db.sync("delivery.refused_items", CASES, key="product_id", stamp="queued_at")
    db.execute(QUEUE_CASES)


def waiting_items(db: Database, file: Path) -> int:
    """Number of items of a file that waits to be sent. Raises UserError if it is not as it was exported last."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None
    sql = "select count(*) from delivery.feed_entries where file = ? and file_sha256 = ? and sent_at is null"
    items = int(db.value(sql, [file.name, digest]))
    if not items:
        raise UserError(f"{file} is no feed that waits to be sent: `walmart-pipeline export --format feed` writes one")
    return items


def mark_sent(db: Database, file: Path, *, by: str, feed_id: str | None = None) -> int:
    """Note that a file was uploaded, and move it to the folder of sent files. Returns its number of items.

    Raises UserError if it is not as it was exported last.
    """
    items = waiting_items(db, file)
    now = datetime.now(UTC)
    name = f"{now:%Y%m%d-%H%M%S}-{file.name}"
    db.execute(
        "update delivery.feed_entries set file = ?, sent_at = ?, sent_by = ?, feed_id = ? "
        "where file = ? and sent_at is null",
        [name, now, by, feed_id, file.name],
    )
    target = file.parent / SENT_FOLDER / name
    target.parent.mkdir(parents=True, exist_ok=True)
    file.rename(target)
    return items


def waiting(db: Database, folder: Path) -> list[Path]:
    """Files that were written and not sent yet."""
    rows = db.query("select distinct file from delivery.feed_entries where sent_at is null order by file")
    return [folder / row["file"] for row in rows]


def retire(db: Database, product_ids: Sequence[str]) -> list[str]:
    """Note that items were taken off the shop: they are named no more. Returns those that were never sent."""
    known = {row["product_id"] for row in db.query(LAST_SENT)}
    db.append(
        "delivery.feed_entries",
        [
            {"product_id": product_id, "sent_at": datetime.now(UTC), "status": "RETIRED"}
            for product_id in product_ids
            if product_id in known
        ],
    )
    return [product_id for product_id in product_ids if product_id not in known]

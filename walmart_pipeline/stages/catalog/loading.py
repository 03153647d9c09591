"""Feeds into `catalog.feeds` and `catalog.raw_products`: each file whole or not at all, unchanged ones not again.

Belongs here: which rows of which file the warehouse holds. Does not: parsing (readers), or what a row means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.catalog import columns, feeds, readers
from walmart_pipeline.stages.catalog.feeds import Feed

# Bumped when the same file would give other rows: the asset's code_version, and part of what "unchanged" means.
VERSION = "1"


def load(db: Database, offered: Sequence[Feed], *, advance: Callable[[int], None]) -> list[Row]:
    """Read the offered feeds that are new or changed. Returns their rows of `catalog.feeds`.

    advance: told the number of rows read since the last call.
    A feed that can't be read leaves the rows that an earlier version of it gave as they were.
    """
    namesakes = feeds.namesakes(offered)
    ordinal = int(db.value("select coalesce(max(ordinal), 0) from catalog.feeds"))
    entries = []
    for feed in offered:
        if feed.path in namesakes:
            entries.append(_unreadable(feed, "", f"{namesakes[feed.path]} has the same name: rename one of them"))
            continue
        digest = _digest(feed)
        if digest and db.value(
            "select count(*) from catalog.feeds where source_file = ? and digest = ? and status <> 'unreadable'",
            [feed.name, digest],
        ):
            continue
        ordinal += 1
        entries.append(_load_one(db, feed, digest, ordinal, advance))
    return entries


def _digest(feed: Feed) -> str:
    try:
        return f"{VERSION}:{feed.digest()}"
    except OSError:
        # The reader says what is wrong with it, in the words that a user sees.
        return ""


def _load_one(db: Database, feed: Feed, digest: str, ordinal: int, advance: Callable[[int], None]) -> Row:
    db.execute("create or replace temp table incoming_rows as from catalog.raw_products limit 0")
    try:
        mapping = columns.read_mapping(feed.mapping_path)
        with readers.read(feed) as reading:
            count = db.append("incoming_rows", _numbered(feed, reading.rows, advance))
            detail = reading.detail
    except (readers.UnreadableFeedError, columns.MappingError) as error:
        entry = _unreadable(feed, digest, str(error))
    else:
        db.execute("delete from catalog.raw_products where source_file = ?", [feed.name])
        db.execute("insert into catalog.raw_products from incoming_rows")
        entry = {
            "source_file": feed.name,
            "path": str(feed.path),
            "digest": digest,
            "mapping": mapping.model_dump_json(),
            "status": "read" if count else "empty",
            "detail": detail if count else f"{detail}: it has no rows",
            "row_count": count,
            "unmapped": [],
            "ordinal": ordinal,
            "read_at": datetime.now(UTC),
        }
    kept = db.query("select * from catalog.feeds where source_file = ? and row_count > 0", [feed.name])
    if entry["status"] == "unreadable" and kept:
        # The rows of its last good version stay in force, under that version's mapping and place in the order.
        entry = kept[0] | {"status": "unreadable", "digest": digest, "detail": entry["detail"]}
    db.upsert("catalog.feeds", [entry], ["source_file"])
    return entry


def _numbered(feed: Feed, rows: Iterable[readers.FeedRow], advance: Callable[[int], None]) -> Iterator[Row]:
    for number, row in enumerate(rows, start=1):
        advance(1)
        yield {"source_file": feed.name, "source_row": number, "raw": row.raw, "problem": row.problem}


def _unreadable(feed: Feed, digest: str, reason: str) -> Row:
    return {
        "source_file": feed.name,
        "path": str(feed.path),
        "digest": digest,
        "mapping": columns.ColumnMapping().model_dump_json(),
        "status": "unreadable",
        "detail": reason,
        "row_count": 0,
        "unmapped": [],
        "ordinal": 0,
        "read_at": datetime.now(UTC),
    }


def offered(paths: Sequence[str], inbox: Path) -> list[Feed]:
    """The feeds at these paths; those of the inbox if none is given."""
    return feeds.find([Path(path) for path in paths] or [inbox])

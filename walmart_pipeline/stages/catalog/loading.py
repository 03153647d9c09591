"""Loads new and changed feeds into `catalog.feeds` and `catalog.raw_products`, each file atomically."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.catalog import columns, feeds, readers
from walmart_pipeline.stages.catalog.columns import ColumnMapping, Columns
from walmart_pipeline.stages.catalog.feeds import Feed
from walmart_pipeline.stages.catalog.products import RejectedRowError, clean_row

# Bumped when the same file would give other rows: the asset's code_version, and part of the digest.
VERSION = "1"

# Estimates a share within a few per cent.
SAMPLE_ROWS = 1_000

IN_FORCE = """
select
    source_file,
    case
        when cleaned is null then row_count
        else (select count(*) from catalog.clean_rows where source_file = feeds.source_file and reasons is null)
    end as usable
from catalog.feeds
where (source = $source or source_file = $feed) and row_count > 0
order by usable desc
"""

SUPERSEDED = """
update catalog.feeds
set status = 'superseded', row_count = 0, loaded_digest = null, cleaned = null, detail = 'replaced by ' || ?
where source = ? and source_file <> ? and row_count > 0
"""

NOT_IN_FORCE = """
delete from catalog.raw_products
where source_file not in (select source_file from catalog.feeds where row_count > 0)
"""

REMOVED = """
update catalog.feeds
set
    status = 'removed',
    row_count = 0,
    loaded_digest = null,
    cleaned = null,
    unmapped = [],
    detail = 'removed: name the file itself, or change it, to read it again'
where list_contains($feeds, source_file)
"""


@dataclass(frozen=True)
class ShrinkageLimit:
    """How many usable rows a source may lose at once: a share of them, or `rows` if that is more."""

    share: float
    rows: int

    def exceeded(self, before: int, after: int) -> bool:
        """Whether `after` rows are too few to replace `before`; 0 rows never replace any."""
        return before > 0 and (after == 0 or before - after > max(self.share * before, self.rows))


def load(
    db: Database,
    offered: Sequence[Feed],
    *,
    limit: ShrinkageLimit | None,
    advance: Callable[[int], None],
    again: bool = False,
    max_bytes: int = readers.MAX_BYTES,
) -> list[Row]:
    """Read new and changed feeds. Returns their rows of `catalog.feeds`.

    All feeds of one call get the same `ordinal`: none is newer than another. A feed replaces the rows of its source,
    unless it is unreadable, incomplete or too small.
    limit: what a source may lose; None accepts any loss. advance: called with the number of rows since the last call.
    again: read unchanged feeds as well. max_bytes: what a compressed one may unpack to.
    """
    # Missing or incomplete files of earlier runs without an active version.
    db.execute("delete from catalog.feeds where digest = '' and row_count = 0")
    same_names = feeds.same_names(offered)
    ordinal = int(db.value("select coalesce(max(ordinal), 0) + 1 from catalog.feeds"))
    entries = []
    for feed in offered:
        known = next(iter(db.query("select * from catalog.feeds where source_file = ?", [feed.name])), None)
        if other := same_names.get(feed.path):
            # Listed under its path, because the name is taken.
            entry = _entry(
                replace(feed, name=str(feed.path)), "", "unreadable", f"{other} has the same name: rename one"
            )
        elif feed.growing:
            entry = _not_loaded(feed, known, "", "incomplete", "it is still being written: the next run reads it")
        else:
            loaded = _load_changed(db, feed, known, ordinal, limit, advance, again, max_bytes)
            if loaded is None:
                continue
            entry = loaded
        db.upsert("catalog.feeds", [entry], ["source_file"])
        entries.append(entry)
    db.execute(NOT_IN_FORCE)
    return entries


def _load_changed(
    db: Database,
    feed: Feed,
    known: Row | None,
    ordinal: int,
    limit: ShrinkageLimit | None,
    advance: Callable[[int], None],
    again: bool,
    max_bytes: int,
) -> Row | None:
    """Load a feed. Returns its new entry; None if it is unchanged, and not to be read again."""
    digest = _digest(feed)
    if known and not again and digest and digest == known["digest"] and _is_settled(feed, known):
        return None
    is_active = known is not None and digest == known["loaded_digest"]
    try:
        mapping = columns.read_mapping(feed.mapping_path)
        source = mapping.source or feed.source
        with readers.read(feed, max_bytes=max_bytes) as reading:
            if known and is_active and not again:
                # The active version is back, with its ordinal.
                return known | {"status": "read", "digest": digest, "path": str(feed.path), "detail": reading.detail}
            if newer := _newer(db, feed, source):
                return _entry(feed, digest, "superseded", f"replaced by {newer}") | {"source": source}
            db.execute("create or replace temp table incoming_rows as from catalog.raw_products limit 0")
            count = db.append("incoming_rows", _numbered(feed, reading.rows, advance))
            detail = reading.detail
    except (readers.UnreadableFeedError, columns.MappingError) as error:
        return _not_loaded(feed, known, digest, "unreadable", str(error))
    if reason := _shrinkage(db, feed, source, count, mapping, limit):
        return _not_loaded(feed, known, digest, "refused", reason) | {"source": source}
    db.execute(SUPERSEDED, [feed.name, source, feed.name])
    db.execute("delete from catalog.raw_products where source_file = ?", [feed.name])
    db.execute("insert into catalog.raw_products from incoming_rows")
    return _entry(feed, digest, "read" if count else "empty", detail if count else f"{detail}: it has no rows") | {
        "source": source,
        "loaded_digest": digest if count else None,
        "mapping": mapping.model_dump_json(exclude={"source"}),
        "row_count": count,
        # Read again, the active version is no newer than before.
        "ordinal": known["ordinal"] if known and is_active else ordinal,
    }


def _shrinkage(
    db: Database, feed: Feed, source: str, count: int, mapping: ColumnMapping, limit: ShrinkageLimit | None
) -> str | None:
    """Return why `incoming_rows` are too few to replace the active version; None if they are not.

    Counts usable rows, because a renamed name column would withdraw the products as well.
    """
    in_force = db.query(IN_FORCE, {"source": source, "feed": feed.name})
    if not in_force or limit is None:
        return None
    usable = count and count * _usable_share(db, mapping)
    if not limit.exceeded(in_force[0]["usable"], int(usable)):
        return None
    has = f"it has {count:,} rows" if usable == count else f"{int(usable):,} of its {count:,} rows are usable"
    return (
        f"{has}, but {in_force[0]['source_file']} had {in_force[0]['usable']:,}, which stay active: "
        "replace the file, or run with --accept-shrinkage"
    )


def _usable_share(db: Database, mapping: ColumnMapping) -> float:
    """Estimate the share of `incoming_rows` that cleaning accepts, from a sample."""
    by_field = Columns(mapping)
    sample = db.query(
        f"select raw, problem from incoming_rows using sample reservoir({SAMPLE_ROWS} rows) repeatable (1)"
    )
    rejected = 0
    for row in sample:
        try:
            clean_row("{}" if row["problem"] else row["raw"], by_field, source_file="", source_row=0)
        except RejectedRowError:
            rejected += 1
    return 1 - rejected / len(sample)


def _numbered(feed: Feed, rows: Iterable[readers.FeedRow], advance: Callable[[int], None]) -> Iterator[Row]:
    for number, row in enumerate(rows, start=1):
        advance(1)
        yield {"source_file": feed.name, "source_row": number, "raw": row.raw, "problem": row.problem}


def _digest(feed: Feed) -> str:
    try:
        return f"{VERSION}:{feed.digest()}"
    except OSError:
        # The reader reports the same problem to the user.
        return ""


def _is_settled(feed: Feed, known: Row) -> bool:
    """Whether the latest known version needs no further action."""
    if known["status"] == "superseded":
        return not feed.named
    if known["status"] == "removed":
        return not feed.named and known["path"] == str(feed.path)
    return known["status"] in ("read", "empty")


def _newer(db: Database, feed: Feed, source: str) -> str | None:
    rows = db.query(
        "select source_file from catalog.feeds where source = ? and source_file <> ? and row_count > 0",
        [source, feed.name],
    )
    newer = (row["source_file"] for row in rows if feed.date and feeds.date_of(row["source_file"]) > feed.date)
    return next(newer, None)


def _not_loaded(feed: Feed, known: Row | None, digest: str, status: str, detail: str) -> Row:
    """The entry of a feed that was not loaded; the active version keeps its mapping and ordinal."""
    if known and known["row_count"]:
        return known | {"status": status, "digest": digest, "detail": detail}
    return _entry(feed, digest, status, detail)


def _entry(feed: Feed, digest: str, status: str, detail: str) -> Row:
    return {
        "source_file": feed.name,
        "source": feed.source,
        "path": str(feed.path),
        "digest": digest,
        "loaded_digest": None,
        "mapping": ColumnMapping().model_dump_json(exclude={"source"}),
        "status": status,
        "detail": detail,
        "row_count": 0,
        "unmapped": [],
        "ordinal": 0,
        "cleaned": None,
        "read_at": datetime.now(UTC),
    }


def offered(paths: Sequence[str], inbox: Path, quiet_seconds: float) -> list[Feed]:
    """Find the feeds at these paths, by default the inbox, and wait for recently written ones."""
    # A later process looks for the files too, from a working directory of its own.
    found = feeds.find([Path(path).absolute() for path in paths] or [inbox])
    growing = {feed.path for feed in feeds.wait_until_written(found, quiet_seconds)}
    return [replace(feed, growing=feed.path in growing) for feed in found]


def refused(db: Database) -> dict[str, Row]:
    """Return the feeds that were refused as too small, by name, with the file's digest and the reason."""
    rows = db.query(
        "select source_file, split_part(digest, ':', 2) as digest, detail from catalog.feeds "
        "where status = 'refused' order by source_file"
    )
    return {row["source_file"]: row for row in rows}


def nothing_read(db: Database, offered: Sequence[Feed], *, in_inbox: bool) -> str:
    """Return why no offered feed is usable; empty if one is, or if the inbox is empty but the catalog is not."""
    entries = db.query(
        "select source_file, status, detail from catalog.feeds where list_contains($names, source_file) "
        "order by source_file",
        {"names": [feed.name for feed in offered]},
    )
    if any(entry["status"] in ("read", "superseded", "refused") for entry in entries):
        return ""
    bad = [entry for entry in entries if entry["status"] in ("unreadable", "empty")]
    if in_inbox and not bad and db.count("catalog.raw_products"):
        return ""
    reasons = "; ".join(f"{entry['source_file']}: {entry['detail']}" for entry in entries)
    return reasons or f"there is no file whose name ends in {', '.join(feeds.SUFFIXES)}"


def matching(db: Database, names: Sequence[str]) -> list[Row]:
    """Return the entries of feeds with these names, or of these sources."""
    return db.query(
        "select source_file, path, status from catalog.feeds "
        "where list_contains($names, source_file) or list_contains($names, source) order by source_file",
        {"names": list(names)},
    )


def named(db: Database, names: Sequence[str]) -> list[Feed]:
    """Return the feeds with these names, and those in force of these sources, where they were read last."""
    return [
        Feed(row["source_file"], Path(row["path"]), named=True)
        for row in matching(db, names)
        if row["source_file"] in names or row["status"] != "superseded"
    ]


def unknown(db: Database, names: Sequence[str]) -> list[str]:
    """Return the names that are neither a feed nor a source."""
    known = {name for row in db.query("select source_file, source from catalog.feeds") for name in row.values()}
    return [name for name in names if name not in known]


def remove(db: Database, names: Sequence[str]) -> list[str]:
    """Remove feeds from the catalog, by file name or source. Returns the names of the feeds.

    A removed feed is not read again from the same path until it changes or is named explicitly.
    """
    removed = [row["source_file"] for row in matching(db, names)]
    db.execute(REMOVED, {"feeds": removed})
    db.execute(NOT_IN_FORCE)
    return removed

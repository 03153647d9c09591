"""Exports of chosen listings, their history, and imports of files that come back."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from walmart_pipeline.core import warehouses
from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Record
from walmart_pipeline.core.row_files import RowImport
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Row, Warehouse
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.reviews import edit_files, ratings, takeover
from walmart_pipeline.reviews.edits import GivenEdit
from walmart_pipeline.reviews.ratings import GivenRating
from walmart_pipeline.reviews.store import ReviewStore
from walmart_pipeline.stages.delivery import export_history, exporter, feed_files
from walmart_pipeline.stages.delivery.exporter import ExportSummary, ListingSelection
from walmart_pipeline.stages.delivery.feed_files import FeedSummary
from walmart_pipeline.stages.training import example_imports
from walmart_pipeline.studio import review_queue, snapshot
from walmart_pipeline.studio.access import User

FEED = "feed"
FORMATS = (*exporter.FORMATS, FEED)

# A person waits no longer for a run that holds the warehouse.
WAIT_SECONDS = 60.0
# Shown of a selection, and of the history.
PREVIEW_ROWS, HISTORY_ROWS = 20, 200

PREVIEW = f"""
select product_id, listings.title, category[1] as category, listings.score, split_part(model, '@', 1) as "written by"
from selected_listings
join quality.listings using (product_id)
join catalog.products using (product_id)
order by product_id
limit {PREVIEW_ROWS}
"""

CHOICES = {
    "categories": "select distinct category[1] from catalog.products where len(category) > 0 order by 1",
    "feeds": "select distinct source_file from catalog.products order by 1",
    "models": "select distinct split_part(model, '@', 1) from quality.listings where model is not null order by 1",
}

HISTORY = f"""
select exported_at, exported_by, format, row_count, bytes, sha256, path
from delivery.exports
order by exported_at desc, path
limit {HISTORY_ROWS}
"""


class Exported(Record):
    """What an export wrote."""

    files: list[ExportSummary]
    notes: list[str] = Field(default_factory=list)


class ImportedFile(Record):
    """What became of an uploaded file: counts by outcome, and every row that was refused or has a flaw."""

    name: str
    rows: int
    counts: dict[str, int]
    problems: list[dict[str, str | int]]
    note: str = ""


def choices(db: Database) -> dict[str, list[str]]:
    """Return what a selection can be made of: categories, feeds and models."""
    return {name: [next(iter(row.values())) for row in db.query(query)] for name, query in CHOICES.items()}


def preview(db: Database, selection: ListingSelection) -> tuple[int, list[Row]]:
    """Return the number of chosen listings, and the first of them."""
    return exporter.select(db, selection), db.query(PREVIEW)


def parsed_ids(text: str) -> list[str]:
    """Return the product ids of a pasted list, separated by white space, commas or semicolons."""
    return list(dict.fromkeys(each for each in re.split(r"[\s,;]+", text) if each))


def export(settings: Settings, user: User, selection: ListingSelection, formats: Sequence[str]) -> Exported:
    """Write the chosen listings in these formats, with their origin, checksums and a row in the history.

    What reviewers decided up to now counts. Raises NotAllowedError, UserError if nothing is chosen, WarehouseError
    while a run holds the warehouse, and SpecError for a feed without a usable spec.
    """
    user.require("writer")
    folder = settings.studio_exports / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    notes: list[str] = []
    with _warehouse(settings).writing() as db:
        takeover.from_store(db, settings)
        decisions = db.count("quality.reviews")
    with _reading(settings, decisions) as db:
        if not exporter.select(db, selection):
            raise UserError("no publishable listing meets all conditions: nothing was exported")
        names = [name for name in formats if name != FEED]
        files = exporter.deliver(db, folder, names, selected=True)
        origins = [export_history.write_provenance(db, folder, selected=True)] if files else []
    if files:
        with _warehouse(settings).writing() as db:
            export_history.record(db, [*files, *origins], "", by=user.name)
    if FEED in formats:
        # By itself: a bad spec must not take the other exports from the history.
        feed = _export_feed(settings, user, selection)
        files = [*files, *feed.files]
        notes.append(
            f"Item feed {feed.version}: {feed.items:,} of the chosen items are new or changed since they were sent; "
            f"of all listings, {feed.left_out:,} are left out and {feed.refused:,} were refused by Walmart."
        )
    return Exported(files=files, notes=notes)


def _export_feed(settings: Settings, user: User, selection: ListingSelection) -> FeedSummary:
    folder = settings.exports / feed_files.FOLDER
    with _warehouse(settings).writing() as db:
        exporter.select(db, selection)
        planned = feed_files.plan_for(db, settings, selected=True)
    with feed_files.beside(folder) as place:
        with _reading(settings) as db:
            written = feed_files.write_files(db, planned, place)
        with _warehouse(settings).writing() as db:
            feed = feed_files.put_in_place(db, planned, written, folder)
            export_history.record(db, feed.files, "", by=user.name)
    return feed


@contextmanager
def _reading(settings: Settings, decisions: int | None = None) -> Iterator[Database]:
    """Open the Studio's copy, for as long as files take to be written; the warehouse if the copy is older.

    decisions: a copy that has so many will do.
    """
    reader = snapshot.reader(settings)
    with reader.reading() as db:
        if reader.outdated is None or (decisions is not None and db.count("quality.reviews") >= decisions):
            yield db
            return
    with _warehouse(settings).reading() as db:
        yield db


def history(db: Database, settings: Settings) -> list[Row]:
    """Return the latest exports; `available`: the file is still there to be downloaded."""
    folder = settings.exports.resolve()
    rows = db.query(HISTORY)
    for row in rows:
        path = Path(row["path"])
        row["available"] = path.is_file() and path.resolve().is_relative_to(folder)
    return rows


def import_examples(settings: Settings, user: User, name: str, content: bytes, judge: Judge) -> ImportedFile:
    """Import a training_data.json; each example is judged against its own input."""
    user.require("reviewer")
    with _upload(name, content) as path:
        now = _now()
        # Outside the transaction: the judge takes minutes for a large file.
        rows = list(example_imports.judged(path, judge, now=now))
        # Everybody's file has the same name; a user's newer one replaces the user's own.
        stored_as = f"{user.name}/{path.name}"
        with _warehouse(settings).writing() as db:
            found = example_imports.import_file(db, path, judge, now=now, name=stored_as, rows=rows)
    return ImportedFile(
        name=name,
        rows=found.rows,
        counts={"accepted": found.accepted, "refused": found.refused},
        problems=[
            {
                "row": row.row,
                "outcome": row.verdict,
                "why": "; ".join(dict.fromkeys([*row.reasons, *(f"{one.kind}: {one.detail}" for one in row.flaws)])),
            }
            for row in found.problems
        ],
        note="" if found.is_new else "This file was imported before: nothing changed.",
    )


def import_edits(settings: Settings, user: User, name: str, content: bytes) -> ImportedFile:
    """Record the edits of a file as decisions; the next run takes them over and judges them."""
    user.require("reviewer")
    with (
        _upload(name, content) as path,
        ReviewStore(settings.reviews_url) as store,
        snapshot.reader(settings).reading() as db,
    ):
        found = edit_files.decide(
            db,
            store,
            path,
            waiting=lambda: review_queue.standing(takeover.waiting(db, store)),
            refusal=_of_another(user),
        )
    return _row_import(name, found)


def import_ratings(settings: Settings, user: User, name: str, content: bytes) -> ImportedFile:
    """Import the ratings of a file."""
    user.require("reviewer")
    with _upload(name, content) as path, _warehouse(settings).writing() as db:
        return _row_import(name, ratings.import_file(db, path, now=_now(), refusal=_of_another(user)))


def _of_another(user: User) -> Callable[[GivenEdit | GivenRating], str | None]:
    """Return why a row is refused that names another reviewer than the user."""

    def refusal(row: GivenEdit | GivenRating) -> str | None:
        if row.reviewer == user.name or user.has("admin"):
            return None
        return f"reviewer: it is of {row.reviewer}: only an admin imports what others reviewed"

    return refusal


@contextmanager
def _upload(name: str, content: bytes) -> Iterator[Path]:
    """Keep an uploaded file for as long as it is imported; errors name it as its owner does."""
    with tempfile.TemporaryDirectory(prefix="walmart-studio-") as folder:
        # A path in its name is not followed.
        path = Path(folder) / (Path(name.replace("\\", "/")).name or "upload")
        path.write_bytes(content)
        try:
            yield path
        except UserError as error:
            raise UserError(str(error).replace(f"{folder}/", "")) from error


def _row_import(name: str, found: RowImport) -> ImportedFile:
    return ImportedFile(
        name=name,
        rows=found.rows,
        counts=found.model_dump(exclude={"rows", "problems"}) | {"not imported": len(found.problems)},
        problems=[{"row": one.line, "outcome": "not imported", "why": one.reason} for one in found.problems],
    )


def _warehouse(settings: Settings) -> Warehouse:
    return warehouses.of(settings, WAIT_SECONDS)


def _now() -> datetime:
    return datetime.now(UTC)

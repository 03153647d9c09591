"""Exports the accepted listings to files, and keeps a history of them in `delivery.exports`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.core.warehouse import Database, struct
from walmart_pipeline.stages.delivery.formats import Accepted, ExportSummary, write_csv, write_jsonl, write_txt

# Bumped when the same listings would give other files: the asset's code_version.
VERSION = "1"

FORMATS: dict[str, Callable[[Path, Iterable[Accepted]], ExportSummary]] = {
    "jsonl": write_jsonl,
    "csv": write_csv,
    "txt": write_txt,
}

ACCEPTED = f"""
select
    {struct("products", Product)} as product,
    {struct("listings", Listing)} as listing,
    listings.score
from quality.listings
join catalog.products using (product_id)
order by product_id
"""


def deliver(db: Database, folder: Path, formats: Sequence[str]) -> list[ExportSummary]:
    """Write `listings.<format>` in each of these formats, whole or not at all."""
    return [FORMATS[name](folder / f"listings.{name}", accepted(db)) for name in formats]


def record(db: Database, exports: Sequence[ExportSummary], run_id: str) -> int:
    """Add to the history what differs from the last export of the same file. Returns how many rows were added."""
    last = "select arg_max(sha256, exported_at) from delivery.exports where path = ?"
    new = [export for export in exports if db.value(last, [export.path]) != export.sha256]
    return db.append(
        "delivery.exports",
        [
            {
                "exported_at": datetime.now(UTC),
                "format": export.format,
                "path": export.path,
                "row_count": export.rows,
                "bytes": export.bytes,
                "sha256": export.sha256,
                "run_id": run_id,
            }
            for export in new
        ],
    )


def accepted(db: Database) -> Iterator[Accepted]:
    """Accepted listings in the order of product ids, one batch in memory."""
    for rows in db.stream(ACCEPTED):
        for row in rows:
            yield Product(**row["product"]), Listing(**row["listing"]), row["score"]

"""Products from a pasted table or an uploaded feed, read as the pipeline reads feeds; bad rows keep their reasons."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Product, Record
from walmart_pipeline.stages.catalog import products, readers
from walmart_pipeline.stages.catalog.columns import ColumnMapping, Columns
from walmart_pipeline.stages.catalog.feeds import SUFFIXES, Feed
from walmart_pipeline.stages.catalog.products import RejectedRowError

# A small run is watched by a person: a model that takes 10 s a text writes 100 in a quarter of an hour, and any server
# of several slots sooner. Larger feeds are for the pipeline.
MOST_PRODUCTS = 100
# Rows behind these are not even counted: a small compressed file may hold any number.
MOST_ROWS = 10_000
# Of a compressed feed, unpacked: an upload has 20 MB, and text that is worth writing about packs to a tenth.
MOST_BYTES = 200_000_000


class BadRow(Record):
    """A row that is no product."""

    row: int
    reason: str


class SmallFeed(NamedTuple):
    """What a feed gives to a small run. left_out: rows after the first MOST_PRODUCTS products, which are not read."""

    products: list[Product]
    bad: list[BadRow]
    left_out: int


def pasted(text: str) -> SmallFeed:
    """Read a pasted table with a header line, JSON, or JSON lines. Raises UserError."""
    start = text.lstrip()[:1]
    suffix = ".json" if start == "[" else ".jsonl" if start == "{" else ".csv"
    return uploaded(f"pasted{suffix}", text.strip().encode("utf-8", "replace"))


def uploaded(name: str, content: bytes) -> SmallFeed:
    """Read an uploaded feed; its name tells the format. Raises UserError if the file as a whole can't be read."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes[-2:]]
    kept = "".join(suffixes) if suffixes[-1:] == [".gz"] else "".join(suffixes[-1:])
    if kept.removesuffix(".gz") not in SUFFIXES:
        raise UserError(f"its name ends in none of {', '.join(SUFFIXES)}, each also .gz")
    with tempfile.TemporaryDirectory(prefix="walmart-studio-") as folder:
        # Under a name of our own: the given one may be a path.
        path = Path(folder) / f"feed{kept}"
        path.write_bytes(content)
        try:
            with readers.read(Feed(name, path), max_bytes=MOST_BYTES) as reading:
                return _sorted(name, reading.rows)
        except readers.UnreadableFeedError as error:
            raise UserError(f"{Path(name).name}: {error}") from error


def _sorted(name: str, rows: Iterator[readers.FeedRow]) -> SmallFeed:
    columns = Columns(ColumnMapping())
    found: dict[str, Product] = {}
    bad: list[BadRow] = []
    left_out = 0
    for number, row in enumerate(islice(rows, MOST_ROWS), start=1):
        if len(found) == MOST_PRODUCTS:
            left_out += 1
            continue
        if row.problem:
            bad.append(BadRow(row=number, reason=row.problem))
            continue
        try:
            product = products.clean_row(row.raw, columns, source_file=Path(name).name, source_row=number).product
        except RejectedRowError as error:
            bad.append(BadRow(row=number, reason=str(error)))
            continue
        product_id = product.product_id or f"row-{number}"
        if product_id in found:
            reason = f"row {found[product_id].source_row} has the same product id, {product_id}"
            bad.append(BadRow(row=number, reason=reason))
        else:
            found[product_id] = product.model_copy(update={"product_id": product_id})
    return SmallFeed(list(found.values()), bad, left_out)

"""One delivered file: written whole, counted and hashed on its way.

Belongs here: what every format needs. Does not: what a format looks like (jsonl.py, spreadsheet.py, plain_text.py).
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from pydantic import Field

from walmart_pipeline.core.files import whole_file
from walmart_pipeline.core.records import Listing, Product, Record

# A product, its accepted listing, and the listing's quality score from 0 to 100.
Accepted: TypeAlias = tuple[Product, Listing, float]


class ExportSummary(Record):
    """A file that was delivered."""

    path: str
    format: str = Field(description="As the command line names it: jsonl, csv, txt.")
    rows: int = Field(description="Listings; a header is not counted.")
    bytes: int
    sha256: str = Field(description="Of the file's bytes, 64 hex digits.")


def export(path: Path, rows: Iterable[str], *, format: str, header: str = "") -> ExportSummary:
    """Write the header and one text for each listing, as they are, in UTF-8; one row is in memory at a time.

    The file takes its name after the last row: an error while the rows are made leaves the old file as it was.
    """
    # The header counts as the row before the first.
    written, size = -1, 0
    digest = hashlib.sha256()
    with whole_file(path) as file:
        for text in itertools.chain([header], rows):
            data = text.encode()
            digest.update(data)
            size += len(data)
            file.write(text)
            written += 1
    return ExportSummary(path=str(path), format=format, rows=written, bytes=size, sha256=digest.hexdigest())

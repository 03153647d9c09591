"""Writes an Excel workbook of one sheet, with a frozen header, filters, and columns as wide as their texts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from walmart_pipeline.core.files import atomic_path

# In characters. Longer texts wrap.
WIDEST = 60
NARROWEST = 10

# In the file's properties, so that the same listings give the same file.
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def write_rows(
    path: Path, columns: Sequence[str], widths: Sequence[int], rows: Iterable[Sequence[str | float | None]]
) -> tuple[int, int, str]:
    """Write a sheet row by row, without formulas and links. Returns rows, bytes and SHA-256.

    widths: of the columns in characters; WIDEST at most.
    """
    import xlsxwriter

    # One row in memory. No text becomes a formula, number or link.
    as_text = dict.fromkeys(("strings_to_formulas", "strings_to_numbers", "strings_to_urls"), False)
    written = 0
    with atomic_path(path) as unfinished:
        book = xlsxwriter.Workbook(str(unfinished), {"constant_memory": True, **as_text})
        book.set_properties({"created": EPOCH})
        sheet = book.add_worksheet("listings")
        header = book.add_format({"bold": True, "bottom": 1})
        body = book.add_format({"text_wrap": True, "valign": "top"})
        sheet.freeze_panes(1, 1)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, min(max(width, NARROWEST), WIDEST))
        sheet.write_row(0, 0, columns, header)
        for cells in rows:
            written += 1
            for column, cell in enumerate(cells):
                sheet.write(written, column, cell, body)
        sheet.autofilter(0, 0, written, len(columns) - 1)
        book.close()
        with unfinished.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = unfinished.stat().st_size
    return written, size, digest

"""Tables as CSV, to be downloaded."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.stages.delivery.exporter import BYTE_ORDER_MARK, harmless


def as_csv(rows: Sequence[Row]) -> bytes:
    """Return rows as CSV with a header, for a spreadsheet; no text of theirs runs as a formula."""
    buffer = io.StringIO()
    if rows:
        writer = csv.writer(buffer)
        writer.writerow(rows[0])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return (BYTE_ORDER_MARK + buffer.getvalue()).encode()


def _cell(value: object) -> object:
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return harmless(value) if isinstance(value, str) else value

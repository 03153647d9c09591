"""Parquet files and workbooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from walmart_pipeline.stages.catalog.readers.rows import FeedRow, UnreadableFeedError, column_names, good

BATCH_ROWS = 2_000


def read_parquet(file: IO[bytes]) -> Iterator[FeedRow]:
    """Read the rows of a Parquet file in batches. Raises UnreadableFeedError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS):
            for record in batch.to_pylist(maps_as_pydicts="lossy"):
                yield good(record)
    # ValueError and OverflowError: invalid UTF-8, and dates outside Python's range.
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise UnreadableFeedError(f"it is not a whole Parquet file: {error}") from error


def read_workbook(file: IO[bytes]) -> Iterator[FeedRow]:
    """Read the first non-empty sheet, whose first non-empty row names the columns. The sheet is held in memory.

    Raises UnreadableFeedError if the file is not a workbook, or all sheets are empty.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_filelike(file)
        for name in workbook.sheet_names:
            rows = (row for row in workbook.get_sheet_by_name(name).iter_rows() if any(cell != "" for cell in row))
            if header := next(rows, None):
                names = column_names(str(_cell(cell)) for cell in header)
                for row in rows:
                    yield good({name: _cell(value) for name, value in zip(names, row, strict=True)})
                return
    except (CalamineError, OSError) as error:
        raise UnreadableFeedError(f"it is not a workbook: {error}") from error
    raise UnreadableFeedError("no sheet has a row")


def _cell(value: Any) -> Any:
    """Convert whole numbers to int: workbooks store every number as a float."""
    return int(value) if isinstance(value, float) and value.is_integer() else value

"""Readers of feed files, one for each family of formats."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from walmart_pipeline.stages.catalog.feeds import SUFFIXES, Feed
from walmart_pipeline.stages.catalog.readers import columnar, delimited, json_rows, unpacking
from walmart_pipeline.stages.catalog.readers.rows import FeedRow, UnreadableFeedError
from walmart_pipeline.stages.catalog.readers.unpacking import MAX_BYTES, BoundedGzipFile

__all__ = ["MAX_BYTES", "FeedContent", "FeedRow", "UnreadableFeedError", "read"]


class FeedContent:
    """The rows of a feed, and its detected format."""

    def __init__(self, rows: Iterator[FeedRow], detail: str) -> None:
        self.rows = rows
        self.detail = detail


@contextmanager
def read(feed: Feed, *, max_bytes: int = MAX_BYTES) -> Iterator[FeedContent]:
    """Open a feed; its rows are read lazily.

    max_bytes: what a compressed one may unpack to. Raises UnreadableFeedError, also between rows: missing, a folder,
    empty, binary, damaged, too large, unknown format.
    """
    try:
        with _binary(feed, max_bytes) as file:
            yield _reading(feed, file, max_bytes)
    except FileNotFoundError as error:
        raise UnreadableFeedError("there is no such file") from error
    except IsADirectoryError as error:
        raise UnreadableFeedError("it is a folder, not a file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFeedError(f"it can't be read to its end: {error}") from error


def _reading(feed: Feed, file: IO[bytes], max_bytes: int) -> FeedContent:
    match feed.format:
        case "csv" | "tsv" | "txt":
            return FeedContent(*delimited.read(file))
        case "jsonl" | "ndjson":
            return FeedContent(json_rows.read_lines(file), "JSON lines")
        case "json":
            return FeedContent(*json_rows.read_document(file))
        case "parquet":
            return FeedContent(columnar.read_parquet(file), "Parquet")
        case "xlsx" | "xls":
            unpacking.check_workbook(file, max_bytes)
            return FeedContent(columnar.read_workbook(file), "workbook")
        case other:
            known = ", ".join(SUFFIXES)
            raise UnreadableFeedError(
                f"its name ends in `{other}`, not in a format that is read: {known}, each also .gz"
            )


def _binary(feed: Feed, max_bytes: int) -> IO[bytes]:
    if feed.path.name.lower().endswith(".gz"):
        return cast(IO[bytes], BoundedGzipFile(feed.path, max_bytes))
    return feed.path.open("rb")

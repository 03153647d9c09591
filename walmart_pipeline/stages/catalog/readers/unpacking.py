"""Compressed feeds, with a limit of what they unpack to: a file of a megabyte can hold a gigabyte of zeros."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import IO

from walmart_pipeline.stages.catalog.readers.rows import UnreadableFeedError

# Six million products as CSV.
MAX_BYTES = 4_000_000_000
BLOCK_BYTES = 1 << 20


class BoundedGzipFile(gzip.GzipFile):
    """A gzip file that raises UnreadableFeedError once it is read beyond a limit."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        super().__init__(path, "rb")
        self._max_bytes = max_bytes

    def read(self, size: int | None = -1) -> bytes:
        """Read, of a file without end no more than the limit."""
        left = max(0, self._max_bytes + 1 - self.tell())
        return self._checked(super().read(left if size is None or size < 0 else min(size, left)))

    def read1(self, size: int = -1) -> bytes:
        """Read what one read of the compressed file gives."""
        return self._checked(super().read1(size))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place; to find the end, all is read."""
        if whence == io.SEEK_END:
            while self.read(BLOCK_BYTES):
                pass
            offset, whence = self.tell() + offset, io.SEEK_SET
        return super().seek(offset, whence)

    def _checked(self, data: bytes) -> bytes:
        if self.tell() > self._max_bytes:
            raise _too_large(self._max_bytes)
        return data


def check_workbook(file: IO[bytes], max_bytes: int) -> None:
    """Raise UnreadableFeedError for a workbook that unpacks to more. Leaves the file at its beginning.

    By its own list of contents: the library refuses an entry that is longer than it says.
    """
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > max_bytes:
                    raise _too_large(max_bytes)
    except zipfile.BadZipFile as error:
        raise UnreadableFeedError(f"it is not a workbook: {error}") from error
    file.seek(0)


def _too_large(max_bytes: int) -> UnreadableFeedError:
    return UnreadableFeedError(
        f"it unpacks to more than {max_bytes / 1e9:g} GB: split it; for feeds of the pipeline WALMART_MAX_FEED_GB can "
        "be raised"
    )

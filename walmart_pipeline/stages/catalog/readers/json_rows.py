"""JSON lines and JSON documents, read as a stream."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from walmart_pipeline.stages.catalog.readers import encoding
from walmart_pipeline.stages.catalog.readers.rows import FeedRow, UnreadableFeedError, broken, good

# Beyond it, a line is a whole document and would fill the memory.
MAX_LINE_CHARACTERS = 16 << 20

# Python rejects integers of more than 4,300 digits; ijson 3.6 crashes with a segmentation fault.
MAX_DIGITS = 4_000
LONG_NUMBER = re.compile(rf"[0-9]{{{MAX_DIGITS}}}")

# Names of arrays of rows; an array of any other name is part of a product.
CONTAINERS = {"products", "items", "data", "rows", "records", "results", "catalog", "listings", "mpitem"}


def read_lines(file: IO[bytes]) -> Iterator[FeedRow]:
    """Read one object per line; other lines are broken rows. Empty lines are skipped."""
    for line in _lines(_text(file)):
        yield _line(line)


def read_document(file: IO[bytes]) -> tuple[Iterator[FeedRow], str]:
    """Read an array of objects, also inside an object (CONTAINERS), a single object, or JSON lines, as a stream.

    Raises UnreadableFeedError, also between rows, if the document is damaged.
    """
    text = _text(file)
    if _is_lines(text):
        text.seek(0)
        return map(_line, _lines(text)), "JSON lines"
    text.seek(0)
    prefix = _prefix_of_rows(text)
    text.seek(0)
    return _objects(text, prefix), f"JSON document, rows at `{prefix or '.'}`"


def _text(file: IO[bytes]) -> io.TextIOWrapper:
    return io.TextIOWrapper(file, encoding=encoding.detect(file), errors="replace", newline="\n")


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(MAX_LINE_CHARACTERS):
        if len(line) == MAX_LINE_CHARACTERS and not line.endswith("\n"):
            raise UnreadableFeedError(f"a line is longer than {MAX_LINE_CHARACTERS >> 20} MB: it is not JSON lines")
        if line.strip():
            yield line.strip()


def _line(line: str) -> FeedRow:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        return broken(line, f"the line is not JSON: {error.msg} at character {error.pos + 1}")
    except (ValueError, RecursionError) as error:
        # Overlong integers, and brackets nested too deeply.
        return broken(line, f"the line is not JSON: {error}")
    return _object(value)


def _object(value: Any) -> FeedRow:
    if isinstance(value, dict):
        return good(value)
    return broken(json.dumps(value, ensure_ascii=False), "the row is not an object with named values")


def _is_lines(text: io.TextIOWrapper) -> bool:
    """Whether the file is JSON lines: the first line is a whole object and another one follows."""
    lines = (line for line in iter(lambda: text.readline(MAX_LINE_CHARACTERS), "") if line.strip())
    first, following = next(lines, ""), next(lines, "")
    try:
        return isinstance(json.loads(first), dict) and following.lstrip().startswith("{")
    except (ValueError, RecursionError):
        return False


def _prefix_of_rows(text: io.TextIOWrapper) -> str:
    """Return the path of the rows in ijson's notation: `item`, `products.item`, or empty for the root object."""
    import ijson

    try:
        for prefix, event, _ in ijson.parse(_Utf8(text)):
            if event != "start_array":
                continue
            names = prefix.split(".")
            if prefix == "" or (names[-1].lower() in CONTAINERS and "item" not in names):
                return f"{prefix}.item".lstrip(".")
    except (ijson.common.JSONError, ValueError) as error:
        raise UnreadableFeedError(f"it is not JSON: {error}") from error
    return ""


def _objects(text: io.TextIOWrapper, prefix: str) -> Iterator[FeedRow]:
    import ijson

    try:
        for value in ijson.items(_Utf8(text), prefix, use_float=True):
            yield _object(value)
    except (ijson.common.JSONError, ValueError) as error:
        raise UnreadableFeedError(f"the JSON is damaged: {error}") from error


class _Utf8:
    """A text file as UTF-8 bytes for ijson."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._end = ""

    def read(self, size: int) -> bytes:
        """Read at most `size` characters as UTF-8. Raises UnreadableFeedError for overlong numbers."""
        read = self._text.read(size)
        if LONG_NUMBER.search(self._end + read):
            raise UnreadableFeedError(f"a number in it has {MAX_DIGITS:,} digits or more")
        self._end = read[-MAX_DIGITS:]
        return read.encode()

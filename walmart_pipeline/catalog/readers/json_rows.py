"""JSON lines and JSON documents, read as a stream.

Belongs here: bytes to one object a row. Does not: flattening or naming of nested values (columns.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import IO, Any

from walmart_pipeline.catalog.readers.encoding import BOMS, find_out
from walmart_pipeline.catalog.readers.rows import FeedRow, UnreadableFeedError, broken, good

# A row of JSON is some kB; a line of this size is a document in disguise and would fill the memory.
LONGEST_LINE = 16 << 20

# Under which name exports keep their rows; an array of any other name is taken for a part of one product.
CONTAINERS = {"products", "items", "data", "rows", "records", "results", "catalog", "listings", "mpitem"}


def read_lines(file: IO[bytes]) -> Iterator[FeedRow]:
    """One object a line; a line that is none is a broken row of its own. Empty lines are not rows."""
    charset = find_out(file)
    if charset.startswith(("utf-16", "utf-32")):
        raise UnreadableFeedError(f"JSON lines are read as UTF-8, this file is {charset}")
    start = len(BOMS[0][0]) if charset == "utf-8-sig" else 0
    file.seek(start)
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            raise UnreadableFeedError(f"a line is longer than {LONGEST_LINE >> 20} MB: it is not JSON lines")
        if line.strip():
            yield _line(line.decode("utf-8" if start else charset, errors="replace"))


def read_document(file: IO[bytes]) -> tuple[Iterator[FeedRow], str]:
    """Objects of an array, of an array inside an object (CONTAINERS), or a lone object; JSON lines under a wrong name.

    Memory holds one object at a time. Raises UnreadableFeedError, also between rows, where the document is damaged.
    """
    if _is_lines(file):
        return read_lines(file), "JSON lines"
    prefix = _prefix_of_rows(file)
    file.seek(_after_mark(file))
    return _objects(file, prefix), f"JSON document, rows at `{prefix or '.'}`"


def _line(text: str) -> FeedRow:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return broken(text.rstrip("\r\n"), f"the line is not JSON: {error}")
    return _object(value)


def _object(value: Any) -> FeedRow:
    if isinstance(value, dict):
        return good(value)
    return broken(json.dumps(value, ensure_ascii=False), "the row is not an object with named values")


def _after_mark(file: IO[bytes]) -> int:
    file.seek(0)
    head = file.read(4)
    return next((len(mark) for mark, _ in BOMS if head.startswith(mark)), 0)


def _is_lines(file: IO[bytes]) -> bool:
    """Whether the first line is a whole object and another one follows."""
    find_out(file)
    file.seek(_after_mark(file))
    first = file.readline(LONGEST_LINE)
    following = file.readline(LONGEST_LINE)
    try:
        return isinstance(json.loads(first), dict) and following.lstrip().startswith(b"{")
    except ValueError:
        return False


def _prefix_of_rows(file: IO[bytes]) -> str:
    """Where the rows are, in ijson's notation: `item`, `products.item`, or the root object itself."""
    import ijson

    file.seek(_after_mark(file))
    try:
        for prefix, event, _ in ijson.parse(file):
            if event == "start_array" and not prefix:
                return "item"
            if event == "start_array" and prefix.rpartition(".")[2].lower() in CONTAINERS and ".item" not in prefix:
                return f"{prefix}.item"
    except ijson.common.JSONError as error:
        raise UnreadableFeedError(f"it is not JSON: {error}") from error
    return ""


def _objects(file: IO[bytes], prefix: str) -> Iterator[FeedRow]:
    import ijson

    values = ijson.items(file, prefix, use_float=True)
    try:
        first = next(values, None)
        if first is None:
            return
        for value in chain([first], values):
            yield _object(value)
    except (ijson.common.JSONError, UnicodeDecodeError) as error:
        raise UnreadableFeedError(f"the JSON is damaged: {error}") from error

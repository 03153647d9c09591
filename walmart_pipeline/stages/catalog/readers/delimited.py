"""Delimited text, with detection of delimiter and encoding; broken rows are reported individually."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter, deque
from collections.abc import Iterator
from typing import IO

from walmart_pipeline.stages.catalog.readers import encoding
from walmart_pipeline.stages.catalog.readers.rows import FeedRow, UnreadableFeedError, broken, column_names, good

DELIMITERS = ",;\t|"
SAMPLE_CHARACTERS = 64 << 10
# Beyond it, an unclosed quote that swallows the file: real cells have up to 12,000 characters.
MAX_CELL_CHARACTERS = 1 << 20


class _Lines:
    """Lines that can be pushed back, so that an unclosed quote costs one row instead of the file."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file = file
        self._pushed_back: deque[str] = deque()
        self.record: list[str] = []
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._pushed_back.popleft() if self._pushed_back else next(self._file, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.record.append(line)
        return line

    def push_back_all_but_first(self) -> str:
        first, *others = self.record
        self._pushed_back.extendleft(reversed(others))
        self.ended = False
        return first


def read(file: IO[bytes]) -> tuple[Iterator[FeedRow], str]:
    """Read a delimited file. Returns its rows, and the detected format: "delimited by `;`, utf-8".

    The first non-empty line names the columns; blank lines are skipped.
    Raises UnreadableFeedError for an empty or binary file, or one without a header.
    """
    charset = encoding.detect(file)
    # `replace`: one invalid byte must not lose the file.
    text = io.TextIOWrapper(file, encoding=charset, errors="replace", newline="")
    delimiter = _delimiter(text.read(SAMPLE_CHARACTERS))
    text.seek(0)
    shown = "tab" if delimiter == "\t" else f"`{delimiter}`"
    return _rows(text, delimiter), f"delimited by {shown}, {codecs.lookup(charset).name}"


def _delimiter(sample: str) -> str:
    """Detect the delimiter: most records have as many cells as the header, and more than one."""

    def agreement(candidate: str) -> tuple[int, int]:
        try:
            widths = [len(cells) for cells in csv.reader(io.StringIO(sample, newline=""), delimiter=candidate) if cells]
        except csv.Error:
            return 0, 0
        if not widths or widths[0] < 2:
            return 0, 0
        return Counter(widths)[widths[0]], widths[0]

    return max(DELIMITERS, key=agreement)


def _rows(text: io.TextIOWrapper, delimiter: str) -> Iterator[FeedRow]:
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    lines = _Lines(text)
    header: list[str] | None = None
    for cells in _records(lines, delimiter):
        if isinstance(cells, FeedRow):
            if header is None:
                raise UnreadableFeedError(f"the line that names the columns: {cells.problem}")
            yield cells
        elif header is None:
            header = column_names(cells) if any(cell.strip() for cell in cells) else None
        elif cells:
            yield _row(header, cells, lines.record)
    if header is None:
        raise UnreadableFeedError("no line names the columns")


def _records(lines: _Lines, delimiter: str) -> Iterator[list[str] | FeedRow]:
    """Yield the cells of each record, or a broken row; its lines are in `lines.record`."""
    while not lines.ended:
        # Strict: an unclosed quote ends at the opening quote of a later cell, which no delimiter follows.
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            while True:
                lines.record = []
                yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if len(lines.record) > 1 or lines.ended:
                problem = "a quote is opened in this row and never closed"
                yield broken(lines.push_back_all_but_first(), problem)
            else:
                yield _lenient(lines.record[0], delimiter, error)


def _lenient(line: str, delimiter: str, error: csv.Error) -> list[str] | FeedRow:
    """Parse a line with a misplaced quote, such as `"5" pipe"`; an overlong cell stays broken."""
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error:
        return broken(line, f"the row can't be parsed: {error}")


def _row(header: list[str], cells: list[str], record: list[str]) -> FeedRow:
    if len(cells) > len(header) and any(cells[len(header) :]):
        return broken("".join(record), f"the row has {len(cells)} cells, the header {len(header)}")
    return good(dict(zip(header, cells, strict=False)))

"""CSV and its kin: delimiter and encoding are found out, quoted newlines kept, broken rows set aside one by one.

Belongs here: text to rows of named cells. Does not: what a cell means (columns.py).
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter, deque
from collections.abc import Iterator
from typing import IO

from walmart_pipeline.catalog.readers import encoding
from walmart_pipeline.catalog.readers.rows import FeedRow, UnreadableFeedError, broken, good

DELIMITERS = ",;\t|"
SAMPLE_CHARACTERS = 64 << 10
# The longest cell of the real catalogs has 12,000 characters. A quote that is never closed swallows all that follows:
# a cell of this size is taken for one.
LONGEST_CELL = 1 << 20


class _Lines:
    """Physical lines that can be given back, so that a quote that is never closed costs one row and not the file."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file = file
        self._given_back: deque[str] = deque()
        self.record: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._given_back.popleft() if self._given_back else next(self._file)
        self.record.append(line)
        return line

    def give_back_all_but_the_first(self) -> str:
        first, *others = self.record
        self._given_back.extendleft(reversed(others))
        return first


def read(file: IO[bytes]) -> tuple[Iterator[FeedRow], str]:
    """Rows of a delimited file, and what was found out: "csv, utf-8, `;`".

    The first line that has anything in it names the columns; lines with nothing at all are not rows.
    Raises UnreadableFeedError for an empty or binary file, or one whose header names nothing.
    """
    charset = encoding.find_out(file)
    # `replace`: one byte out of place must not lose the file; the mark it leaves is seen in the text.
    text = io.TextIOWrapper(file, encoding=charset, errors="replace", newline="")
    delimiter = _delimiter(text.read(SAMPLE_CHARACTERS))
    text.seek(0)
    shown = "tab" if delimiter == "\t" else f"`{delimiter}`"
    return _rows(text, delimiter), f"delimited by {shown}, {codecs.lookup(charset).name}"


def _delimiter(sample: str) -> str:
    """The candidate under which most records have as many cells as the header, and more than one."""

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
    csv.field_size_limit(LONGEST_CELL)
    lines = _Lines(text)
    # Python's reader takes a NUL inside a line for data; the cleaning drops it.
    reader = csv.reader(lines, delimiter=delimiter)
    header: list[str] | None = None
    while True:
        lines.record = []
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield broken(lines.give_back_all_but_the_first(), f"the row can't be parsed: {error}")
            reader = csv.reader(lines, delimiter=delimiter)
            continue
        if _never_closed(lines.record):
            yield broken(lines.give_back_all_but_the_first(), "a quote is opened in this row and never closed")
            reader = csv.reader(lines, delimiter=delimiter)
            continue
        if not cells or (header is None and not any(cells)):
            continue
        if header is None:
            header = _named(cells)
        else:
            yield _row(header, cells, lines.record)
    if header is None:
        raise UnreadableFeedError("no line names the columns")


def _never_closed(record: list[str]) -> bool:
    """Only the file's last record can end inside a quote: then its quotes are odd in number and it has many lines."""
    return len(record) > 1 and sum(line.count('"') for line in record) % 2 == 1


def _named(cells: list[str]) -> list[str]:
    """Column names: an empty one gets its number, a repeated one its count."""
    seen: Counter[str] = Counter()
    names = []
    for number, cell in enumerate(cells, start=1):
        name = cell.strip() or f"column {number}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def _row(header: list[str], cells: list[str], record: list[str]) -> FeedRow:
    if len(cells) > len(header) and any(cells[len(header) :]):
        return broken("".join(record), f"the row has {len(cells)} cells, the header {len(header)}")
    return good(dict(zip(header, cells, strict=False)))

"""The row that every reader yields."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

# Stored part of a broken row, to find it in its file.
BROKEN_ROW_CHARACTERS = 4_000

# JSON can escape lone surrogates, which can't be stored in the warehouse.
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class UnreadableFeedError(Exception):
    """A file that can't be read; the message is the reason."""


@dataclass(frozen=True)
class FeedRow:
    """One row of a feed: its non-empty cells as JSON, or the raw text with its problem."""

    raw: str
    problem: str | None = None


def good(record: Mapping[str, Any]) -> FeedRow:
    """Create a valid row, without its empty cells."""
    filled = {name: value for name, value in record.items() if value is not None and value not in ("", [], {})}
    try:
        raw = json.dumps(filled, ensure_ascii=False, default=_plain)
    except RecursionError:
        return broken(", ".join(filled), "its values are nested too deeply")
    return FeedRow(LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", raw))


def broken(text: str, problem: str) -> FeedRow:
    """Create an unreadable row."""
    return FeedRow(LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text[:BROKEN_ROW_CHARACTERS]), problem)


def column_names(cells: Iterable[str]) -> list[str]:
    """Return unique names for a header: empty ones get their number, repeated ones a count."""
    seen: Counter[str] = Counter()
    names: dict[str, None] = {}
    for number, cell in enumerate(cells, start=1):
        name = unique = cell.strip() or f"column {number}"
        while unique in names:
            seen[name] += 1
            unique = f"{name} ({seen[name] + 1})"
        names[unique] = None
    return list(names)


def _plain(value: object) -> str:
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    # Older Parquet writers store text as bytes.
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

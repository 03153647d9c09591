"""The row that every reader yields."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

# Enough of a broken row to find it in its file.
BROKEN_ROW_CHARACTERS = 4_000

# JSON can escape half of a surrogate pair; no text of the warehouse can hold it.
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class UnreadableFeedError(Exception):
    """A file as a whole can't be read; the message is the reason."""


@dataclass(frozen=True)
class FeedRow:
    """One row of a feed: JSON of its filled cells, or the raw text and the problem with it."""

    raw: str
    problem: str | None = None


def good(record: Mapping[str, Any]) -> FeedRow:
    """A row that could be read, without its empty cells."""
    filled = {name: value for name, value in record.items() if value is not None and value not in ("", [], {})}
    try:
        raw = json.dumps(filled, ensure_ascii=False, default=_plain)
    except RecursionError:
        return broken(", ".join(filled), "its values are nested too deeply")
    return FeedRow(LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", raw))


def broken(text: str, problem: str) -> FeedRow:
    """A row that could not be read."""
    return FeedRow(LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text[:BROKEN_ROW_CHARACTERS]), problem)


def column_names(cells: Iterable[str]) -> list[str]:
    """Unique names for a header: an empty one gets its number, a repeated one its count."""
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
    # Older Parquet writers keep text as bytes.
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

"""What every reader yields.

Belongs here: the row as the warehouse keeps it. Does not: how a format is read.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

# What a broken row shows of itself in the rejects: enough to find it, not a whole runaway file.
BROKEN_ROW_CHARACTERS = 4_000

# JSON can spell half of a character of two; no text of the warehouse can hold it.
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class UnreadableFeedError(Exception):
    """The file as a whole can't be read; the message is its reason."""


@dataclass(frozen=True)
class FeedRow:
    """One row of a feed: JSON of its filled cells, or the text as it stood and the problem with it."""

    raw: str
    problem: str | None = None


def good(record: Mapping[str, Any]) -> FeedRow:
    """A row that could be read. Empty cells are left out: 100,000 columns of nothing weigh nothing."""
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
    """The names in a header: an empty one gets its number, a repeated one its count. None stands twice."""
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
    # Parquet of older programs keeps its text as bytes.
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

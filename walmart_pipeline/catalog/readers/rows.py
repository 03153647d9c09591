"""What every reader yields.

Belongs here: the row as the warehouse keeps it. Does not: how a format is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

# What a broken row shows of itself in the rejects: enough to find it, not a whole runaway file.
BROKEN_ROW_CHARACTERS = 4_000


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
    return FeedRow(json.dumps(filled, ensure_ascii=False, default=_plain))


def broken(text: str, problem: str) -> FeedRow:
    """A row that could not be read."""
    return FeedRow(text[:BROKEN_ROW_CHARACTERS], problem)


def _plain(value: object) -> str:
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return str(value)

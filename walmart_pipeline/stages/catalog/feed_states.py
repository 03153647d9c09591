"""Which feeds of the catalog have a problem that leaves it on old data, or on none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from walmart_pipeline.core.warehouse import Database, Row

FEEDS = """
select source_file, path, status, detail, row_count
from catalog.feeds
order by source_file
"""


@dataclass(frozen=True)
class FeedStates:
    """Feeds by problem, each with its reason."""

    problems: list[Row]
    counts: dict[str, int]
    message: str


def feed_states(db: Database) -> FeedStates:
    """Find feeds that are unreadable, have no rows, or whose file is gone while its rows are in the catalog."""
    feeds = db.query(FEEDS)
    problems = [
        {"feed": feed["source_file"], "problem": problem, "reason": reason, "rows in the catalog": feed["row_count"]}
        for feed in feeds
        for problem, reason in _problem(feed)
    ]
    counts = {
        "feeds in the catalog": sum(feed["row_count"] > 0 for feed in feeds),
        **{kind: sum(each["problem"] == kind for each in problems) for kind in ("unreadable", "empty", "deleted")},
    }
    named = "; ".join(f"{each['feed']}: {each['problem']}: {each['reason']}" for each in problems)
    return FeedStates(problems, counts, named or f"all {counts['feeds in the catalog']} feeds are readable")


def _problem(feed: Row) -> list[tuple[str, str]]:
    if feed["status"] in ("unreadable", "empty"):
        return [(feed["status"], feed["detail"])]
    path = Path(feed["path"])
    # Earlier versions stored paths as they were given: from which folder a relative one leads is unknown.
    if feed["row_count"] and path.is_absolute() and not path.exists():
        name = feed["source_file"]
        return [("deleted", f"its {feed['row_count']:,} rows stay active: `walmart-pipeline feeds remove {name}`")]
    return []

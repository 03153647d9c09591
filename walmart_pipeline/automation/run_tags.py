"""Tags of runs: what a run was requested for. Dagster's UI filters runs by them."""

from collections.abc import Sequence

BATCH = "walmart/inbox_batch"
COLLECTS = "walmart/collects_batch"
FEEDS = "walmart/feeds"
REASON = "walmart/reason"
REQUEST = "walmart/request"


def shortened(names: Sequence[str], most: int = 5) -> str:
    """Join names, the first few of many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")

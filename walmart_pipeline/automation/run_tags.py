"""Tags of runs: what a run was requested for. Dagster's UI filters runs by them."""

BATCH = "walmart/inbox_batch"
COLLECTS = "walmart/collects_batch"
FEEDS = "walmart/feeds"
REASON = "walmart/reason"
REQUEST = "walmart/request"

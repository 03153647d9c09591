"""How old the assets may be that the business relies on. The UI shows what is late."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

# A night and the two hours of a run; a day later a night was missed.
NIGHTLY = dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=26), fail_window=timedelta(hours=36))
WEEKLY = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=8), fail_window=timedelta(days=9))

POLICIES = {
    "catalog/products": NIGHTLY,
    "quality/listings": NIGHTLY,
    "quality/review_queue": NIGHTLY,
    "delivery/exports": NIGHTLY,
    "evaluation/report": WEEKLY,
}


def with_freshness(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Give an asset its freshness policy, if it has one."""
    policy = POLICIES.get(spec.key.to_user_string())
    return spec.replace_attributes(freshness_policy=policy) if policy else spec

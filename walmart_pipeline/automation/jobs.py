"""What can be run as a whole."""

from __future__ import annotations

import dagster as dg

pipeline = dg.define_asset_job(
    "pipeline",
    selection=dg.AssetSelection.all(),
    description="Everything, from the inbox to the exports: the nightly run, and what `walmart-pipeline run` does.",
)

"""The command `insights`."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.markup import escape

from walmart_pipeline.cli.options import AsJson, Home, existing_warehouse, settings_from
from walmart_pipeline.cli.terminal import output

app = typer.Typer()


@app.command()
def insights(
    days: Annotated[int, typer.Option(min=1, help="Days of the figures of models.")] = 30,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print what is worth knowing: findings in sentences, and the figures of models. Brings them up to date first."""
    from datetime import UTC, datetime

    from walmart_pipeline.stages.insights import every_finding, overview, page

    settings = settings_from(workspace=home)
    warehouse = existing_warehouse(settings)
    every_finding.refresh(settings, warehouse)
    with warehouse.reading() as db:
        found = overview.overview(db, datetime.now(UTC), days)
    if as_json:
        shown = {"findings": found.findings, "models": found.by_model, "days": found.days, "usage": found.features}
        print(json.dumps(shown, indent=2, default=str))
        return
    for finding in found.findings:
        colour = "yellow" if finding["severity"] == "warning" else "cyan"
        output.print(f"[{colour}]{finding['severity']:<8}[/]{escape(finding['sentence'])}", soft_wrap=True)
    if not found.findings:
        output.print(page.NOTHING)
    for row in found.by_model:
        name = row["model"] if row["provider"] == row["model"] else f"{row['provider']} {row['model']}"
        output.print(
            f"{escape(name)} ({row['purpose']}): {row['calls']:,} calls, {page.share(row['success_rate'])} answered, "
            f"median {page.seconds(row['response_time'])}, {page.usd(row['cost_usd'])}, "
            f"{row['cache_hits']:,} cache hits, {row['texts']:,} texts",
            soft_wrap=True,
        )

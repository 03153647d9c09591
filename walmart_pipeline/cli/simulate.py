"""The command `simulate`: a week of the pipeline in minutes, by its real daemon."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from walmart_pipeline.cli.options import AsJson, usage_error
from walmart_pipeline.cli.terminal import console, output

if TYPE_CHECKING:
    from walmart_pipeline.simulation.report import SimulationReport

app = typer.Typer()


@app.command()
def simulate(
    days: Annotated[int, typer.Option(min=1, help="Simulated days; each takes a minute or two.")] = 7,
    products: Annotated[int, typer.Option(min=12, max=300, help="Products of the supplier at first.")] = 260,
    seed: Annotated[int, typer.Option(help="Which products, and in which order they change.")] = 7,
    home: Annotated[
        Path | None, typer.Option(help="New folder for the workspace, which stays. Default: temporary.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Live through a week: files, changes, ratings, failing servers, a promotion, a drift, and kill -9 of the daemon.

    Dagster's daemon does the work, by its sensors and schedules, in a workspace of its own. Then every expectation is
    counted in the tables: exit code 1 if one is not met.
    """
    import signal

    from walmart_pipeline.simulation import report, week

    if home is not None and home.exists() and any(home.iterdir()):
        usage_error(f"--home: {home} is not empty: give a new folder")
    folder = (home or Path(tempfile.mkdtemp(prefix="walmart-simulation-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    console.print(f"the workspace of the simulation: {escape(str(folder))}", soft_wrap=True)
    # Both end the daemon, the runs and the servers, too.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    week.run(folder, days=days, products=products, seed=seed, log=lambda event: console.print(escape(event)))
    found = report.of(folder)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        _show(found)
    raise typer.Exit(1 if found.unmet else 0)


def _show(found: SimulationReport) -> None:
    output.print(found.clock)
    lived = Table("day", "what happened", "runs", "failed", "calls", "USD", "seconds")
    for day in found.days:
        calls = "\n".join(f"{count:,} {purpose}" for purpose, count in day.purposes.items()) or "0"
        figures = (str(day.runs), str(day.failed_runs), calls, f"{day.cost_usd:.2f}", f"{day.seconds:.0f}")
        lived.add_row(str(day.number), escape("\n".join(day.events)), *figures)
    output.print(lived)
    table = Table("", "what", "should have happened", "happened")
    for each in found.expectations:
        mark = "[green]yes[/]" if each.is_met else "[red]NO[/]"
        table.add_row(mark, each.subject, escape(each.expected), escape(each.found))
    output.print(table)
    made, cost = sum(day.calls for day in found.days), sum(day.cost_usd for day in found.days)
    output.print(f"{made:,} calls, ${cost:.2f}; {len(found.unmet)} of {len(found.expectations)} expectations not met")
    output.print(f"look at it: walmart-pipeline dev --home {escape(found.home)}", soft_wrap=True)

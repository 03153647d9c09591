"""The command `dataset`: versions of the training data, and imported examples."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from walmart_pipeline.cli.feedback import warehouse_for
from walmart_pipeline.cli.options import AsJson, Home, PolicyName, settings_from
from walmart_pipeline.cli.terminal import console, output
from walmart_pipeline.core.warehouse import Row

app = typer.Typer(help="Versions of the training data, and imported examples.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Such as v3.")]


@app.command("list")
def list_versions(home: Home = None, as_json: AsJson = False) -> None:
    """List all versions, the newest first."""
    from walmart_pipeline.stages.training import dataset_versions

    chosen = settings_from(workspace=home)
    known = dataset_versions.all_versions(chosen.datasets)
    if as_json:
        print(json.dumps([version.model_dump(mode="json") for version in known], indent=2))
        return
    table = Table("version", "examples", "train", "validation", "test", "mean quality", "excluded", "created", box=None)
    for version in known:
        quality = "–" if version.mean_quality is None else f"{version.mean_quality:.1f}"
        counts = (sum(version.counts.values()), *(version.counts[split] for split in ("train", "validation", "test")))
        excluded = f"{sum(version.excluded.values()):,}"
        created = f"{version.created_at:%Y-%m-%d %H:%M}"
        table.add_row(version.name, *(f"{count:,}" for count in counts), quality, excluded, created)
    output.print(table if known else f"no version yet in {chosen.datasets}: run `walmart-pipeline run`", markup=False)


@app.command("show")
def show(name: Name, home: Home = None, as_json: AsJson = False) -> None:
    """Show one version: contents, exclusions by reason, and files."""
    from walmart_pipeline.stages.training import data_card, dataset_versions

    chosen = settings_from(workspace=home)
    version = dataset_versions.get(chosen.datasets, name)
    if as_json:
        print(version.model_dump_json(indent=2))
        return
    for label, value in version.model_dump(exclude={"fine_tuning"}).items():
        output.print(f"  {label:<16} {_shown(value)}", markup=False, soft_wrap=True)
    for split, cost in version.fine_tuning.items():
        output.print(f"  {'chat ' + split:<16} {_shown(cost.model_dump())}", markup=False, soft_wrap=True)
    output.print(f"  {'data card':<16} {chosen.datasets / name / data_card.CARD}", markup=False, soft_wrap=True)


@app.command("diff")
def diff(before: Name, after: Name, home: Home = None, as_json: AsJson = False) -> None:
    """Compare two versions."""
    from walmart_pipeline.stages.training import dataset_versions

    chosen = settings_from(workspace=home)
    found = dataset_versions.difference(chosen.datasets, before, after)
    if as_json:
        print(found.model_dump_json(indent=2))
        return
    output.print(f"{before} → {after}: {_shown(found.counts)}", markup=False)
    _table([{"version": name} | quality for name, quality in found.quality.items()])
    _table(found.by_split)
    _table(found.by_category)
    settings = found.settings | {f"excluded: {reason}": counts for reason, counts in found.excluded.items()}
    _table([{"setting": label, before: was, after: present} for label, (was, present) in settings.items()])
    _table([{"example": kind} | row for kind, rows in found.examples.items() for row in rows])


@app.command("import")
def import_examples(
    source: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="JSON list of {timestamp, input, output, metadata}: training_data.json."),
    ],
    policy: PolicyName = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Import examples, each judged against its own input, and report every flaw. Importing a file twice is harmless.

    The next run adds them to the dataset. Exits with 1 if no row is accepted.
    """
    from walmart_pipeline.judge import profiles
    from walmart_pipeline.judge.judge import Judge
    from walmart_pipeline.stages.training import example_imports

    chosen = settings_from(workspace=home, policy=policy)
    judge = Judge(profiles.load(chosen.policy))
    with warehouse_for(source, chosen).writing() as db:
        imported = example_imports.import_file(db, source, judge, now=datetime.now(UTC))
    code = 0 if imported.accepted or not imported.rows else 1
    for row in imported.problems:
        flaws = "; ".join(dict.fromkeys([*row.reasons, *(f"{flaw.kind}: {flaw.detail}" for flaw in row.flaws)]))
        console.print(f"{source}: row {row.row}: {row.verdict}: {flaws}", markup=False, soft_wrap=True)
    if as_json:
        print(imported.model_dump_json(indent=2, by_alias=True))
        raise typer.Exit(code)
    _table([{"flaw": kind, "rows": count} for kind, count in imported.flaws.items()])
    counts = f"{imported.rows:,} rows: {imported.accepted:,} accepted, {imported.refused:,} refused"
    known = "" if imported.is_new else " (imported before: nothing changed)"
    output.print(f"{escape(source.name)}: {counts}{known}")
    raise typer.Exit(code)


def _table(rows: list[Row]) -> None:
    if rows:
        table = Table(*rows[0], box=None)
        for row in rows:
            table.add_row(*(escape(_shown(value)) for value in row.values()))
        output.print(table)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:.1f}" if value >= 1 else f"{value:g}"
    return "–" if value is None else str(value)

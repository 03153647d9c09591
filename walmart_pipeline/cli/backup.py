"""The commands `backup` and `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from walmart_pipeline.cli.options import AsJson, Home, settings_from
from walmart_pipeline.cli.terminal import console, output
from walmart_pipeline.core.errors import UserError

app = typer.Typer()


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder: a backup is never overwritten.")],
    alert: Annotated[bool, typer.Option("--alert", help="Send an alert if it fails: for a timer.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Copy warehouse, ledger, decisions, feeds, models and settings to a folder, while runs go on.

    Secrets are not in it: `.env`, and the Studio's users and sign-in.
    """
    from walmart_pipeline.automation import alerts
    from walmart_pipeline.automation import backup as backups

    settings = settings_from(workspace=home)
    try:
        manifest = backups.create(settings, folder)
    except (UserError, OSError) as error:
        if alert and settings.alert_urls:
            try:
                alerts.send(settings, "walmart_pipeline: the backup failed", str(error))
            except alerts.AlertError as undelivered:
                console.print(str(undelivered), markup=False)
        raise
    if as_json:
        print(manifest.model_dump_json(indent=2))
        return
    size = sum(file.bytes for file in manifest.files)
    output.print(f"{len(manifest.files):,} files, {size:,} bytes: {folder}", markup=False, soft_wrap=True)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `backup` wrote.")],
    check: Annotated[bool, typer.Option("--check", help="Only compare the backup with its checksums.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Set aside what the workspace has.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Bring a backup into a workspace, after comparing it with its checksums. Stop Dagster and the Studio first."""
    from walmart_pipeline.automation import backup as backups
    from walmart_pipeline.automation import restore as restores

    settings = settings_from(workspace=home)
    restored = None if check else restores.restore(settings, folder, force=force)
    manifest = restored.manifest if restored else backups.verify(folder)
    if as_json:
        print(manifest.model_dump_json(indent=2))
        return
    what = f"{len(manifest.files):,} files of {manifest.created_at:%Y-%m-%d %H:%M} UTC"
    done = f"restored to {settings.workspace}" if restored else "as they were written"
    output.print(f"{what}: {done}", markup=False, soft_wrap=True)
    if restored is None:
        return
    if restored.set_aside:
        console.print(f"what was there before: {restored.set_aside}", markup=False, soft_wrap=True)
    for file, was in restored.weights.items():
        console.print(f"a registered model expects its weights at {was}: they are in {file}", markup=False)
    console.print("not in a backup: .env, and the Studio's users and sign-in", markup=False)

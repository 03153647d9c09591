"""Commands of the ratings: import."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from walmart_pipeline.cli.options import AsJson, Home, failed, settings_from, wrong
from walmart_pipeline.cli.terminal import console, output

app = typer.Typer(help="What reviewers say of the texts.", no_args_is_help=True)


@app.command("import")
def import_ratings(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV or JSON lines with product_id, stars (1 to 5), reviewer, and optionally comment, rated_at, "
            "content_hash (default: of the product's current text).",
        ),
    ],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Keep the ratings of a file. The newer one of a reviewer and text stands; the same file again changes nothing."""
    from walmart_pipeline.core.warehouse import Warehouse
    from walmart_pipeline.stages.quality import rating_files

    chosen = settings_from(workspace=home)
    if not source.is_file():
        wrong(f"there is no file {source}")
    if source.suffix.lower() not in rating_files.SUFFIXES:
        wrong(f"{source}: use a file that ends in {', '.join(rating_files.SUFFIXES)}")
    if not chosen.warehouse.exists():
        failed(f"there is no warehouse at {chosen.warehouse} yet: run `walmart-pipeline run` first")

    with Warehouse(chosen.warehouse, chosen.warehouse_wait_seconds).writing() as db:
        imported = rating_files.import_file(db, source, now=datetime.now(UTC))
    for problem in imported.problems:
        console.print(f"{source}:{problem.line}: {problem.reason}", markup=False, soft_wrap=True)
    if as_json:
        print(imported.model_dump_json(indent=2))
    else:
        output.print(
            f"{escape(source.name)}: {imported.rows:,} rows: {imported.added:,} added, {imported.replaced:,} replaced, "
            f"{imported.unchanged:,} unchanged, {imported.older:,} older than what is kept, "
            f"{len(imported.problems):,} left out"
        )
    raise typer.Exit(1 if imported.problems and len(imported.problems) == imported.rows else 0)

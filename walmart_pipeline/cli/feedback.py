"""The commands `ratings` and `edits`: import reviewers' feedback."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.markup import escape

from walmart_pipeline.cli.options import AsJson, Home, existing_warehouse, settings_from, usage_error
from walmart_pipeline.cli.terminal import console, output
from walmart_pipeline.core.row_files import SUFFIXES, RowImport
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse

ratings = typer.Typer(help="Reviewers' ratings of texts.", no_args_is_help=True)
edits = typer.Typer(help="Texts edited by reviewers.", no_args_is_help=True)


@ratings.command("import")
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
    """Import ratings. Only a reviewer's newest rating of a text counts. Importing a file twice is harmless."""
    from walmart_pipeline.reviews import ratings as rating_imports

    if source.is_file() and source.suffix.lower() not in SUFFIXES:
        usage_error(f"{source}: use a file that ends in {', '.join(SUFFIXES)}")
    with warehouse_for(source, settings_from(workspace=home)).writing() as db:
        imported = rating_imports.import_file(db, source, now=datetime.now(UTC))
    _report(source, imported, as_json)


@edits.command("import")
def import_edits(
    source: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="JSON lines with product_id, listing, reviewer, and optionally comment."),
    ],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Replace current texts by reviewers' edits; the next run judges and exports them.

    Importing a file twice is harmless. Exits with 1 if no row can be used.
    """
    from walmart_pipeline.reviews import edits

    with warehouse_for(source, settings_from(workspace=home)).writing() as db:
        imported = edits.import_file(db, source, now=datetime.now(UTC))
    _report(source, imported, as_json)


def warehouse_for(source: Path, settings: Settings) -> Warehouse:
    """Return the warehouse to import a file into; exit if either is missing."""
    if not source.is_file():
        usage_error(f"there is no file {source}")
    return existing_warehouse(settings)


def _report(source: Path, imported: RowImport, as_json: bool) -> NoReturn:
    for problem in imported.problems:
        console.print(f"{source}:{problem.line}: {problem.reason}", markup=False, soft_wrap=True)
    if as_json:
        print(imported.model_dump_json(indent=2))
    else:
        counts = imported.model_dump(exclude={"rows", "problems"}) | {"not imported": len(imported.problems)}
        outcome = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        output.print(f"{escape(source.name)}: {imported.rows:,} rows: {outcome}")
    raise typer.Exit(1 if imported.problems and len(imported.problems) == imported.rows else 0)

"""The commands `review`: the queue, and people's decisions as a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.table import Table

from walmart_pipeline.cli.options import AsJson, Home, existing_warehouse, settings_from, usage_error
from walmart_pipeline.cli.terminal import console, output

review = typer.Typer(help="Cases that wait for a person, and what people decided.", no_args_is_help=True)


@review.command("list")
def list_cases(
    category: Annotated[str | None, typer.Option(help="Broadest category.")] = None,
    rule: Annotated[str | None, typer.Option(help="Broken rule, such as grounding.number.")] = None,
    feed: Annotated[str | None, typer.Option(help="File name of a feed.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of cases.")] = 50,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the cases that wait for a decision, the ones the judge is least certain about first."""
    from walmart_pipeline.judge import profiles
    from walmart_pipeline.reviews import takeover
    from walmart_pipeline.reviews.store import ReviewStore
    from walmart_pipeline.studio import review_queue

    settings = settings_from(workspace=home)
    wanted = review_queue.QueueFilter(category=category, rule=rule, feed=feed)
    threshold = profiles.load(settings.policy).publishable_score
    with existing_warehouse(settings).reading() as db, ReviewStore(settings.reviews_url) as store:
        decided = review_queue.standing(takeover.waiting(db, store))
        total = review_queue.count(db, wanted, decided)
        rows = review_queue.page(db, wanted, decided, threshold=threshold, limit=limit)
    names = ("product_id", "product_name", "category", "status", "score", "reasons")
    if as_json:
        print(json.dumps([{name: row[name] for name in names} for row in rows], indent=2))
        return
    table = Table("product", "name", "score", "why", box=None)
    for row in rows:
        score = "" if row["score"] is None else f"{row['score']:g}"
        table.add_row(row["product_id"], escape(row["product_name"]), score, escape("; ".join(row["reasons"])))
    output.print(table)
    console.print(f"{len(rows)} of {total:,} cases")


@review.command("export")
def export_decisions(
    target: Annotated[Path | None, typer.Argument(metavar="FILE", help="Default: stdout.")] = None, home: Home = None
) -> None:
    """Write all decisions as JSON lines, oldest first."""
    from walmart_pipeline.core.files import write_atomically
    from walmart_pipeline.reviews.store import ReviewStore

    with ReviewStore(settings_from(workspace=home).reviews_url) as store:
        text = "".join(decision.model_dump_json() + "\n" for decision in store.decisions())
    if target is None:
        sys.stdout.write(text)
    else:
        write_atomically(target, text)


@review.command("import")
def import_decisions(source: Annotated[Path, typer.Argument(metavar="FILE")], home: Home = None) -> None:
    """Add the decisions of a file that `review export` wrote. Importing it twice is harmless."""
    from walmart_pipeline.reviews.store import Decision, ReviewStore

    if not source.is_file():
        usage_error(f"there is no file {source}")
    decisions = []
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            decisions.append(Decision.model_validate_json(line))
        except ValidationError as error:
            usage_error(f"{source}:{number}: {error.errors()[0]['msg']}: nothing was imported")
    with ReviewStore(settings_from(workspace=home).reviews_url) as store:
        added = store.add_missing(decisions)
    output.print(f"{escape(source.name)}: {added:,} added, {len(decisions) - added:,} known before")

"""The command `feeds`."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from walmart_pipeline.cli.options import AsJson, Home, existing_warehouse, fail, settings_from
from walmart_pipeline.cli.terminal import output

app = typer.Typer(help="The files that the catalog was read from.")

LIST = """
select
    source_file as feed,
    source,
    status,
    row_count as rows,
    (
        select count(*)
        from catalog.products
        where
            products.source_file = feeds.source_file
            or product_id in (select product_id from catalog.merges where merges.source_file = feeds.source_file)
    ) as products,
    read_at,
    path,
    detail
from catalog.feeds
order by source, read_at, source_file
"""


@app.command("list")
def list_feeds(home: Home = None, as_json: AsJson = False) -> None:
    """List the feeds with their source, status, rows and products.

    Feeds of the same source replace each other. The source of `shop-2026-11-02.csv` is `shop-*.csv`; an undated file
    is its own source. `source:` in the mapping file overrides both.
    """
    chosen = settings_from(workspace=home)

    with existing_warehouse(chosen).reading() as db:
        feeds = db.query(LIST)
    if as_json:
        print(json.dumps(feeds, default=str, indent=2))
        return
    table = Table("feed", "source", "status", "rows", "products", "read", "detail", box=None)
    for feed in feeds:
        counts = (f"{feed['rows']:,}", f"{feed['products']:,}", f"{feed['read_at']:%Y-%m-%d %H:%M}")
        table.add_row(*map(escape, (feed["feed"], feed["source"], feed["status"], *counts, feed["detail"])))
    output.print(table)


@app.command()
def remove(
    names: Annotated[list[str], typer.Argument(help="Feeds or sources, as `feeds list` shows them.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Remove feeds from the catalog, and their products from the listings and exports, immediately.

    A product that is also in another feed stays, with that feed's values. The file itself is not touched. A removed
    feed is not read again from the same path until it changes or `run --catalog` names the file itself; naming its
    folder is not enough. The texts stay in the ledger, so a feed that is added again costs no new calls.
    """
    from walmart_pipeline import runner
    from walmart_pipeline.cli import terminal
    from walmart_pipeline.stages.catalog import loading

    chosen = settings_from(workspace=home)

    with existing_warehouse(chosen).reading() as db:
        unknown = loading.unknown(db, names)
        matching = [row["source_file"] for row in loading.matching(db, names)]
    if unknown:
        fail(f"there is no feed or source {', '.join(unknown)}: see `walmart-pipeline feeds list`")
    with terminal.progress() as progress:
        error = runner.withdraw(chosen, names, progress=progress)
    removed = [] if error else matching
    if as_json:
        print(json.dumps({"removed": removed, "error": error}, indent=2))
    else:
        for name in removed:
            output.print(f"removed {escape(name)}", soft_wrap=True)
    if error:
        fail(error)

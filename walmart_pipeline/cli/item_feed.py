"""The commands `feed` and `spec`: Walmart's item feed, what came of it, and the item spec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from walmart_pipeline.cli.options import AsJson, Home, existing_warehouse, fail, settings_from, usage_error
from walmart_pipeline.cli.terminal import output

if TYPE_CHECKING:
    from walmart_pipeline.core.settings import Settings
    from walmart_pipeline.stages.delivery.feed_files import FeedSummary
    from walmart_pipeline.stages.delivery.item_specs import ItemSpec

feed = typer.Typer(help="Walmart's item feed: product types, what was sent, and what came of it.", no_args_is_help=True)
spec = typer.Typer(help="Walmart's item spec.", no_args_is_help=True)

SpecFile = Annotated[Path | None, typer.Option("--spec", help="Walmart's item spec. Default: WALMART_ITEM_SPEC.")]
FeedType = Annotated[str, typer.Option(help="MP_ITEM, or MP_MAINTENANCE for items that Walmart has.")]


@feed.command()
def types(
    spec_file: SpecFile = None,
    write: Annotated[bool, typer.Option("--write", help="Append the proposals to the file as comments.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Propose product types for categories that have none.

    The mapping is `product_types.yaml` in the workspace: a line for each category, edited by you.
    """
    from walmart_pipeline.stages.delivery import product_types

    chosen = settings_from(workspace=home, item_spec=spec_file)
    known = _spec_of(chosen).types
    mapping = product_types.load(chosen.product_types)
    with existing_warehouse(chosen).reading() as db:
        missing = product_types.unmapped(db, mapping, known)
    added = product_types.add_proposals(chosen.product_types, missing) if write else 0
    if as_json:
        print(json.dumps([category.model_dump() for category in missing], indent=2))
        return
    table = Table("category", "products", "proposals", box=None)
    for category in missing:
        table.add_row(escape(category.category), f"{category.products:,}", escape(", ".join(category.proposals) or "–"))
    output.print(table if missing else "every category has a product type")
    if missing:
        done = f"{added:,} proposals added to" if write else "--write adds the proposals to"
        output.print(f"{done} {chosen.product_types}", markup=False, soft_wrap=True)


@feed.command()
def submit(
    feed_type: FeedType = "MP_ITEM",
    home: Home = None,
) -> None:
    """Upload the files that wait, by Walmart's Marketplace API (off by default: WALMART_MARKETPLACE)."""
    from walmart_pipeline.stages.delivery import export_history, feed_files, marketplace

    chosen = settings_from(workspace=home)
    warehouse = existing_warehouse(chosen)
    with warehouse.reading() as db:
        files = feed_files.waiting(db, chosen.exports / feed_files.FOLDER)
        for file in files:
            feed_files.waiting_items(db, file)
    with marketplace.connect(chosen) as api:
        for file in files:
            feed_id = api.submit(file, feed_type=feed_type)
            # Before the note of it, which fails if an export has replaced the file meanwhile.
            output.print(f"{file.name}: feed {feed_id}", markup=False, soft_wrap=True)
            # At once, and not while Walmart is called: a later failure must not have this file sent again.
            with warehouse.writing() as db:
                feed_files.mark_sent(db, file, by=export_history.account(), feed_id=feed_id)
    if not files:
        output.print("no feed waits to be sent: `walmart-pipeline export --format feed` writes what is new")


@feed.command()
def sent(
    file: Annotated[Path, typer.Argument(help="A file that `export --format feed` wrote.")],
    feed_id: Annotated[str | None, typer.Option(help="The feedId that Walmart gave it.")] = None,
    home: Home = None,
) -> None:
    """Note that you uploaded a file: the next feed has only what changed since. The file moves to `sent`."""
    from walmart_pipeline.stages.delivery import export_history, feed_files

    with existing_warehouse(settings_from(workspace=home)).writing() as db:
        items = feed_files.mark_sent(db, file, by=export_history.account(), feed_id=feed_id)
    output.print(f"{items:,} items noted as sent")


@feed.command()
def retired(
    skus: Annotated[list[str], typer.Argument(metavar="SKU...", help="Items that you took off the shop.")],
    home: Home = None,
) -> None:
    """Note that you retired items at Walmart: `withdrawn.csv` names them no more."""
    from walmart_pipeline.stages.delivery import feed_files

    with existing_warehouse(settings_from(workspace=home)).writing() as db:
        unknown = feed_files.retire(db, skus)
    output.print(f"{len(skus) - len(unknown):,} items noted as retired")
    if unknown:
        fail(f"never sent from here: {', '.join(unknown)}")


@feed.command()
def status(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Saved answers of GET /v3/feeds/{feedId}?includeDetails=true."),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Read what became of each item, and show what has to be mended.

    Without files, Walmart is asked about the feeds that are open, if the Marketplace API is on.
    """
    from walmart_pipeline.stages.delivery import feed_status, marketplace

    chosen = settings_from(workspace=home)
    if missing := [file for file in files or [] if not file.is_file()]:
        usage_error(f"there is no file {', '.join(map(str, missing))}")
    pages = [page for file in files or [] for page in feed_status.read_file(file)]
    if not files and chosen.marketplace:
        with existing_warehouse(chosen).reading() as db:
            open_feeds = feed_status.open_feeds(db)
        with marketplace.connect(chosen) as api:
            pages = [page for feed_id in open_feeds for page in api.feed_status(feed_id)]
    with existing_warehouse(chosen).writing() as db:
        readings = feed_status.apply(db, pages)
        cases = db.query("select product_id, reasons from delivery.refused_items order by product_id")
    if as_json:
        print(json.dumps({"feeds": [reading.model_dump() for reading in readings], "refused": cases}, indent=2))
        return
    for reading in readings:
        items = ", ".join(f"{count:,} {name}" for name, count in reading.items.items()) or "no item"
        output.print(f"feed {reading.feed_id} {reading.feed_status}: {items}", markup=False, soft_wrap=True)
        if reading.message:
            output.print(f"  {reading.message}", markup=False, soft_wrap=True)
        if reading.unknown:
            output.print(f"  not sent from here: {', '.join(reading.unknown)}", markup=False, soft_wrap=True)
    for case in cases:
        for reason in case["reasons"]:
            output.print(f"{case['product_id']}  {reason}", markup=False, soft_wrap=True)


@spec.command()
def fetch(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, for WALMART_ITEM_SPEC.")],
    version: Annotated[str, typer.Option(help="Such as 5.0.20260803-17_50_56-api.")],
    product_types: Annotated[
        list[str] | None,
        typer.Option("--type", help="Product type; may be repeated. Default: those of product_types.yaml."),
    ] = None,
    feed_type: FeedType = "MP_ITEM",
    home: Home = None,
) -> None:
    """Get the item spec of your product types by Walmart's Marketplace API (off by default: WALMART_MARKETPLACE)."""
    from walmart_pipeline.core.files import write_atomically
    from walmart_pipeline.stages.delivery import marketplace
    from walmart_pipeline.stages.delivery import product_types as mapping

    chosen = settings_from(workspace=home)
    names = product_types or mapping.load(chosen.product_types).names
    if not names:
        usage_error(f"name product types with --type, or in {chosen.product_types}")
    with marketplace.connect(chosen) as api:
        content = api.spec(names, version=version, feed_type=feed_type)
    write_atomically(target, json.dumps(content))
    output.print(f"{len(names):,} product types: {target}", markup=False, soft_wrap=True)


@spec.command()
def diff(
    old: Annotated[Path, typer.Argument(help="The spec in force.")],
    new: Annotated[Path, typer.Argument(help="The spec to come.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Name the items of the catalog that a new version of the item spec breaks, and why."""
    from walmart_pipeline.stages.delivery import item_specs, spec_changes

    chosen = settings_from(workspace=home)
    before, after = (item_specs.split(source, chosen.item_specs) for source in (old, new))
    with existing_warehouse(chosen).reading() as db:
        found = spec_changes.compare(db, before, after, chosen)
    if as_json:
        print(found.model_dump_json(indent=2))
        return
    for item in found.broken:
        output.print(
            f"{item.product_id}  {item.product_type}: {'; '.join(item.problems)}", markup=False, soft_wrap=True
        )
    output.print(
        f"{found.items:,} items: {len(found.broken):,} fit {found.old_version} and not {found.new_version}, "
        f"{found.mended:,} fit only the new one, {found.unfit:,} fit neither",
        markup=False,
        soft_wrap=True,
    )


def show_feed(written: FeedSummary, output: Console) -> None:
    """Print what an export of the item feed wrote."""
    for file in written.files:
        output.print(f"{file.rows:,} items, {file.bytes:,} bytes: {escape(file.path)}", soft_wrap=True)
    output.print(
        f"item feed {written.version}: {written.items:,} items to send, {written.unchanged:,} sent before, "
        f"{written.refused:,} refused by Walmart, {written.left_out:,} left out (left_out.csv), "
        f"{written.withdrawn:,} withdrawn (withdrawn.csv)",
        soft_wrap=True,
    )


def _spec_of(chosen: Settings) -> ItemSpec:
    from walmart_pipeline.stages.delivery import item_specs

    return item_specs.in_force(chosen)

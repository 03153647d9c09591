"""The commands `run`, `dev`, `serve`, `export`, `prune` and `doctor`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from walmart_pipeline.cli import model_pull
from walmart_pipeline.cli.item_feed import SpecFile, show_feed
from walmart_pipeline.cli.options import (
    AsJson,
    BaseUrl,
    Home,
    ModelName,
    PolicyName,
    ProviderName,
    Pull,
    existing_warehouse,
    settings_from,
    usage_error,
)
from walmart_pipeline.cli.terminal import console, output

app = typer.Typer()


@app.command()
def run(
    catalog: Annotated[
        list[Path] | None,
        typer.Option(help="Feed or folder of feeds, read in place; may be repeated. Default: inbox."),
    ] = None,
    accept_shrinkage: Annotated[
        bool, typer.Option("--accept-shrinkage", help="Load feeds even if they lost most of their rows.")
    ] = False,
    provider: ProviderName = None,
    base_url: BaseUrl = None,
    model: ModelName = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Concurrent calls per endpoint.")] = None,
    budget: Annotated[float | None, typer.Option(min=0, help="Budget in USD. Default: 5.")] = None,
    batch: Annotated[
        bool | None,
        typer.Option("--batch/--no-batch", help="OpenAI's Batch API: half the price; a later run collects."),
    ] = None,
    policy: PolicyName = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Maximum number of products: new ones first, then those that failed least often."),
    ] = None,
    plan_only: Annotated[bool, typer.Option(help="Show only what would be written and its cost.")] = False,
    pull: Pull = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Run the whole pipeline in this process, on the same Dagster instance as the UI."""
    from walmart_pipeline import runner
    from walmart_pipeline.cli import terminal
    from walmart_pipeline.generation.provider_factory import BATCH_WITHOUT_OPENAI

    chosen = settings_from(
        workspace=home,
        provider=provider,
        base_url=base_url,
        model=model,
        concurrency=concurrency,
        budget_usd=budget,
        batch=batch,
        policy=policy,
    )
    if chosen.batch and chosen.provider != "openai":
        usage_error(BATCH_WITHOUT_OPENAI)
    if missing := [path for path in catalog or [] if not path.exists()]:
        names = ", ".join(map(str, missing))
        if len(missing) == len(catalog or []):
            usage_error(f"--catalog: there is no {names}")
        console.print(f"[yellow]missing[/] {escape(names)}", soft_wrap=True)
    model_pull.offer(chosen, pull=pull)
    with terminal.progress() as progress:
        summary = runner.run(
            chosen,
            catalog=[str(path.resolve()) for path in catalog or []],
            accept_shrinkage=accept_shrinkage,
            limit=limit,
            plan_only=plan_only,
            progress=progress,
        )
    if as_json:
        print(summary.model_dump_json(indent=2))
    elif plan_only:
        terminal.show_plan(summary)
    else:
        terminal.show(summary)
    raise typer.Exit(0 if summary.succeeded else 1)


@app.command()
def dev(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    home: Home = None,
) -> None:
    """Start Dagster's UI and daemon on the workspace's instance."""
    import os
    import signal

    from walmart_pipeline.cli import report_server
    from walmart_pipeline.core import workspace

    chosen = settings_from(workspace=home)
    workspace.prepare(chosen)
    # Ignored in a background job of a shell, and dagster treats SIGTERM the same: then nothing would stop it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    executable = str(Path(sys.executable).with_name("dagster"))
    arguments = ["dev", "-w", str(workspace.CODE_LOCATIONS), "--port", str(port)]
    console.print(f"Dagster at http://127.0.0.1:{port} — stop it with Ctrl-C")
    if problem := report_server.start(chosen):
        console.print(f"[yellow]no reports[/] {escape(problem)}", soft_wrap=True)
    os.execv(executable, [executable, *arguments])  # noqa: S606


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port.")] = 3001,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on. Reports need no sign-in: elsewhere, put a proxy with one before it."),
    ] = "127.0.0.1",
    home: Home = None,
) -> None:
    """Serve the reports, and at /health whether the services work: 200, or 503 with what does not.

    For services; `dev` does it by itself.
    """
    from walmart_pipeline.cli import report_server

    served = report_server.server(settings_from(workspace=home), port, host)
    console.print(f"reports and health at http://{host}:{port}/health — stop it with Ctrl-C")
    try:
        served.serve_forever()
    except KeyboardInterrupt:
        return


@app.command()
def export(
    formats: Annotated[
        list[str], typer.Option("--format", help="jsonl, csv, xlsx, txt, or feed for Walmart's; may be repeated.")
    ],
    folder: Annotated[Path | None, typer.Option(help="Target folder. Default: exports in the workspace.")] = None,
    spec: SpecFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the accepted listings to files, with checksums, a manifest, and the origin of each text beside them.

    `feed` writes only what Walmart does not have yet, and leaves out, with the reason, what its item spec refuses.
    """
    from walmart_pipeline.reviews import takeover
    from walmart_pipeline.stages.delivery import export_history, exporter, feed_files

    chosen = settings_from(workspace=home, item_spec=spec)
    if unknown := set(formats) - {*exporter.FORMATS, "feed"}:
        usage_error(f"--format: {', '.join(sorted(unknown))}: use {', '.join(exporter.FORMATS)} or feed")
    target = folder or chosen.exports
    feed = None
    with existing_warehouse(chosen).writing() as db:
        takeover.from_store(db, chosen)
        written = exporter.deliver(db, target, [name for name in formats if name != "feed"])
        origins = export_history.write_provenance(db, target)
        export_history.record(db, [*written, origins], run_id="")
    if "feed" in formats:
        # By itself: a bad spec must not take the other exports from the history.
        with existing_warehouse(chosen).writing() as db:
            feed = feed_files.write_for(db, chosen, target / feed_files.FOLDER)
            export_history.record(db, feed.files, run_id="")
        written += feed.files
    if as_json:
        import json

        print(json.dumps([summary.model_dump() for summary in written], indent=2))
        if feed:
            show_feed(feed, console)
        return
    for summary in written:
        if summary.format != "feed":
            output.print(f"{summary.rows:,} listings, {summary.bytes:,} bytes: {escape(summary.path)}", soft_wrap=True)
    output.print(f"origin of each text: {escape(origins.path)}", soft_wrap=True)
    if feed:
        show_feed(feed, output)


@app.command()
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Remove old runs, reports, datasets and failed model calls (WALMART_RETENTION_DAYS, WALMART_KEEP_DATASETS).

    The active dataset, datasets that a model was built from, and the latest run of each asset are never removed.
    """
    import json

    from walmart_pipeline.automation import live_runs, retention

    settings = settings_from(workspace=home)
    with live_runs.instance(settings) as instance:
        removed = retention.prune(settings, instance, dry_run=dry_run)
    if as_json:
        print(json.dumps([removal.model_dump() for removal in removed], indent=2))
        return
    for removal in removed:
        output.print(f"{removal.kind}: {escape(removal.name)}, {removal.bytes:,} bytes", soft_wrap=True)
    total = sum(removal.bytes for removal in removed)
    output.print(f"{len(removed):,} {'would be removed' if dry_run else 'removed'}, {total:,} bytes")


@app.command()
def doctor(home: Home = None, as_json: AsJson = False) -> None:
    """Diagnose installation, configuration and model servers; secrets are never shown."""
    import json

    from walmart_pipeline.cli import doctor as diagnosis

    findings = diagnosis.examine(settings_from(workspace=home))
    if as_json:
        print(json.dumps([finding.model_dump() for finding in findings], indent=2))
    else:
        colours = {"good": "green", "note": "yellow", "bad": "red"}
        for finding in findings:
            remedy = f" — {finding.remedy}" if finding.remedy else ""
            output.print(
                f"[{colours[finding.state]}]{finding.state:<5}[/]{finding.name:<20} {escape(finding.detail + remedy)}",
                soft_wrap=True,
            )
    raise typer.Exit(1 if any(finding.state == "bad" for finding in findings) else 0)

"""The command `bench`: benchmarks on this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from walmart_pipeline.cli.options import (
    AsJson,
    BaseUrl,
    Home,
    ModelName,
    PolicyName,
    ProviderName,
    fail,
    settings_from,
)
from walmart_pipeline.cli.terminal import output

app = typer.Typer(help="Measure the program on this machine.", no_args_is_help=True)


@app.command("load")
def bench_load(
    repeats: Annotated[int, typer.Option(min=1, help="Fresh processes per measurement.")] = 5,
) -> None:
    """Time loading the definitions, compared with `import dagster` alone."""
    from walmart_pipeline.benchmarks import load

    print(load.measure(repeats).model_dump_json(indent=2))


@app.command("generation")
def bench_generation(
    provider: ProviderName = "template",
    base_url: BaseUrl = None,
    model: ModelName = None,
    products: Annotated[int, typer.Option(min=1, help="Synthetic products.")] = 4_000,
    concurrency: Annotated[int, typer.Option(min=1, help="Calls in flight at most.")] = 64,
    call_seconds: Annotated[float, typer.Option(help="Seconds per call, for the ideal time with --base-url.")] = 0.2,
    changed: Annotated[float, typer.Option(min=0, max=1, help="Share of the products with other facts.")] = 0.0,
    latency: Annotated[float, typer.Option(min=0, help="Seconds per call at the benchmark's own server.")] = 0.2,
    slots: Annotated[int, typer.Option(min=0, help="Calls that it serves concurrently; others wait. 0: no limit.")] = 0,
    faults: Annotated[bool, typer.Option("--faults", help="It rejects 5 %, fails 2 %, truncates 2 %.")] = False,
    rate_limit: Annotated[float, typer.Option(min=0, help="Calls per second that it allows; 0: no limit.")] = 0.0,
    max_response_time: Annotated[float | None, typer.Option(help="Seconds of silence before a timeout.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Time plan, ledger, dispatcher, parsing and upsert, without repair: one valid answer per product.

    Without --base-url, ollama and openai are measured on a model server that this command starts.
    """
    from walmart_pipeline.benchmarks import generation
    from walmart_pipeline.benchmarks.server import Behaviour

    given = settings_from(
        provider=provider,
        base_url=base_url,
        model=model,
        concurrency=concurrency,
        max_response_time=max_response_time,
    )
    if base_url is None and provider in ("ollama", "openai"):
        behaviour = Behaviour(latency=latency, slots=slots, requests_per_second=rate_limit)
        if faults:
            behaviour = replace(behaviour, refused=0.05, failed=0.02, malformed=0.02)
        measured = generation.measure_on_own_server(given, behaviour, products=products, changed=changed, home=home)
    else:
        measured = generation.measure(given, products=products, changed=changed, call_seconds=call_seconds, home=home)
    print(measured.model_dump_json(indent=None if as_json else 2))


@app.command("plan")
def bench_plan(
    products: Annotated[int, typer.Option(min=1, help="Products in the warehouse.")] = 1_000_000,
    changed: Annotated[float, typer.Option(min=0, max=1, help="Share of them with other facts.")] = 0.01,
) -> None:
    """Time planning over a large, partly changed catalog."""
    from walmart_pipeline.benchmarks import plan

    print(plan.measure(products=products, changed=changed).model_dump_json(indent=2))


@app.command("scoring")
def bench_scoring(
    listings: Annotated[int, typer.Option(min=1, help="Synthetic listings.")] = 20_000,
    words: Annotated[int, typer.Option(min=1, help="Words per description.")] = 160,
    processes: Annotated[int | None, typer.Option(min=1, help="Worker processes. Default: one per core.")] = None,
    policy: PolicyName = None,
    as_json: AsJson = False,
) -> None:
    """Time scoring in all dimensions, including warehouse reads and writes."""
    from walmart_pipeline.benchmarks import scoring

    given = settings_from(policy=policy)
    measured = scoring.measure(number=listings, words=words, processes=processes, profile=given.policy)
    print(measured.model_dump_json(indent=None if as_json else 2))


@app.command("chatter")
def bench_chatter(
    labels: Annotated[Path | None, typer.Option(help="Labelled sentences, JSON lines.")] = None,
    catalog: Annotated[list[Path] | None, typer.Option(help="Feeds with sentences that are known by hash.")] = None,
    train: Annotated[bool, typer.Option("--train", help="Write the weights of a model of all labels.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure how well a supplier's talk to customers is told from what it says of a product."""
    from walmart_pipeline.benchmarks import chatter

    measured = chatter.measure(labels or chatter.LABELS, catalog or [], train=train)
    print(measured.model_dump_json(indent=None if as_json else 2))


@app.command("pipeline")
def bench_pipeline(
    products: Annotated[int, typer.Option(min=1, help="Products of the synthetic catalog.")] = 20_000,
    changed: Annotated[float, typer.Option(min=0, max=1, help="Share changed before the second run.")] = 0.01,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Time every step of the nightly run over a synthetic catalog, and again after part of it has changed."""
    from rich.table import Table

    from walmart_pipeline.benchmarks import pipeline

    try:
        measured = pipeline.measure(products=products, changed=changed, workspace=home)
    except pipeline.StepError as error:
        fail(str(error))
    if as_json:
        print(measured.model_dump_json())
        return
    headings = ("step", "seconds", "again", "rows", "again", "peak MB", "again", "worker MB")
    table = Table(*headings, box=None)
    for row in pipeline.table(measured):
        table.add_row(*row)
    output.print(table)
    output.print(f"second night: {measured.second_to_first:.1%} of the first, {measured.changed:,} products changed")


@app.command("studio")
def bench_studio(
    users: Annotated[
        int, typer.Option(min=1, help="Simulated users, each signed in with a session of their own.")
    ] = 25,
    seconds: Annotated[float, typer.Option(min=1, help="For so long they work.")] = 120,
    think: Annotated[float, typer.Option(min=0, help="Seconds from a drawn page to the next click, on average.")] = 5,
    products: Annotated[
        int, typer.Option(min=20, help="Synthetic products, of which every 20th is to review.")
    ] = 5_000,
    review: Annotated[int, typer.Option(min=0, help="Cases to decide in a browser, by keyboard alone.")] = 0,
    home: Annotated[Path | None, typer.Option(help="Use a copy of this workspace's warehouse instead.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the Studio under load: simulated users over real websockets, and a reviewer at the keyboard."""
    from walmart_pipeline.benchmarks import studio_keyboard, studio_load

    try:
        measured = studio_load.measure(
            users=users, seconds=seconds, think_seconds=think, products=products, workspace=home, review=review
        )
    except (studio_load.StudioBenchError, studio_keyboard.KeyboardBenchError) as error:
        fail(str(error))
    print(measured.model_dump_json(indent=None if as_json else 2))
    if measured.errors or measured.lost:
        raise typer.Exit(1)

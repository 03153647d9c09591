"""How close generation comes to the time that its calls alone take: plan, ledger, dispatcher, parse, upsert.

The clock starts when the provider has asked its endpoint for the model.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from pydantic import BaseModel

from walmart_pipeline.benchmarks import resource_usage, synthetic_catalog
from walmart_pipeline.benchmarks.server import Behaviour, ModelServer
from walmart_pipeline.core import warehouses
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import provider_factory
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.content import generation, planning


class GenerationFigures(BaseModel):
    """ideal_seconds: planned × call_seconds / calls that are served at once. calls: of this run, also failed ones.

    server: the counters of the benchmark's own server, where it made one.
    """

    provider: str
    products: int
    planned: int
    concurrency: int
    ideal_seconds: float
    seconds: float
    ratio: float | None
    rows_out: int
    complete: int
    failed: int
    calls: int
    calls_repeated: int
    cpu_seconds: float
    peak_rss_mb: int
    server: dict[str, float] | None = None


def measure_on_own_server(
    settings: Settings, behaviour: Behaviour, *, products: int, changed: float, home: Path | None
) -> GenerationFigures:
    """`measure` against a ModelServer that behaves like this, in the dialect of the settings' provider."""
    with ModelServer(behaviour) as server:
        url = f"{server.url}/v1" if settings.provider == "openai" else server.url
        settings = settings.model_copy(update={"base_url": url, "model": "drill"})
        figures = measure(
            settings,
            products=products,
            changed=changed,
            call_seconds=behaviour.latency,
            at_once=behaviour.slots or settings.concurrency,
            home=home,
        )
        return figures.model_copy(update={"server": server.stats()})


def measure(
    settings: Settings,
    *,
    products: int,
    changed: float,
    call_seconds: float,
    home: Path | None,
    at_once: int | None = None,
) -> GenerationFigures:
    """Plan and write in a temporary workspace, or in `home`, where a second measurement goes on from the first.

    changed: the share of the products that get other facts before the plan. at_once: calls that the server serves at
    once; None for all that are in flight.
    """
    with ExitStack() as stack:
        folder = home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="walmart-bench-")))
        settings = settings.model_copy(update={"workspace": folder.resolve(), "budget_usd": 0.0})
        provider = provider_factory.choose(settings, Judge(profiles.load(settings.policy)), repairs=False)
        warehouse = warehouses.of(settings, 0)
        with warehouse.writing() as db:
            synthetic_catalog.make(db, products)
            synthetic_catalog.change(db, round(products * changed))
        before = ledger_counts(settings)
        # Asks the endpoint and loads libraries: what every run pays once, however many products it has.
        _ = provider.model
        cpu, started = resource_usage.cpu_seconds(), time.perf_counter()
        with warehouse.writing() as db:
            planned = sum(row["products"] for row in planning.plan(db, provider, "bench"))
        statuses = generation.write(warehouse, provider, "bench", advance=lambda count, note="": None)
        seconds = time.perf_counter() - started
        cpu = resource_usage.cpu_seconds() - cpu
        after = ledger_counts(settings)
        ideal = planned * call_seconds / (at_once or settings.concurrency)
        with warehouse.reading() as db:
            rows_out = int(db.value("select count(*) from content.generated_content where status = 'complete'"))
        return GenerationFigures(
            provider=provider.name,
            products=products,
            planned=planned,
            concurrency=settings.concurrency,
            ideal_seconds=round(ideal, 2),
            seconds=round(seconds, 2),
            ratio=round(seconds / ideal, 3) if ideal else None,
            rows_out=rows_out,
            complete=statuses["complete"],
            failed=statuses["failed"],
            calls=after[0] - before[0],
            calls_repeated=after[1] - before[1],
            cpu_seconds=round(cpu, 2),
            peak_rss_mb=resource_usage.peak_rss_mb(),
        )


def ledger_counts(settings: Settings) -> tuple[int, int]:
    """Calls in the ledger, and how many of them answered a request that was answered before."""
    from walmart_pipeline.llm.ledger import Ledger

    with Ledger(settings.ledger) as ledger:
        return ledger.counts()

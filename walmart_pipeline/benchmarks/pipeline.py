"""Time and memory of each step of the nightly run, over a synthetic catalog, and again after a part of it has changed.

Every asset of the job `pipeline` is materialized with its checks by an in-process Dagster run of its own, as in the
nightly run, each in a forked process, so that no step sees the memory of another. The nightly run imports a library
once, in one process for all steps, so libraries are imported before the first fork.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from walmart_pipeline.benchmarks import listings, resource_usage
from walmart_pipeline.core.files import atomic_writer
from walmart_pipeline.core.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

# Variants of a product: they share name and family, and differ in colour and size.
VARIANTS = 3
COPIED_PER_CENT = 5
LIBRARIES = ("duckdb", "great_expectations", "matplotlib.backends.backend_svg", "pandas", "pyarrow.parquet", "sklearn")
SYLLABLES = "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu".split()


class StepFigures(BaseModel):
    """One asset with its checks."""

    step: str
    seconds: float
    rows: int | None
    peak_rss_mb: int = Field(description="Of the process that runs the step, Dagster included.")
    worker_peak_rss_mb: int = Field(description="Of the largest process that it started; 0 without any.")


class NightFigures(BaseModel):
    """One run of all steps."""

    seconds: float
    peak_rss_mb: int
    steps: list[StepFigures]


class PipelineFigures(BaseModel):
    """The first night over the whole catalog, and a second one with a part of it changed."""

    products: int
    changed: int
    first: NightFigures
    second: NightFigures
    second_to_first: float = Field(description="Seconds of the second night as a share of the first.")


class StepError(RuntimeError):
    """A step of the measured pipeline failed; the message says which and why."""


def measure(*, products: int, changed: float, workspace: Path | None = None) -> PipelineFigures:
    """Run two nights. changed: the share of the products that have other facts in the second. Raises StepError.

    workspace: an empty folder to work in, which stays; by default a temporary one.
    """
    with ExitStack() as stack:
        folder = workspace or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="walmart-bench-")))
        settings = Settings.model_validate({"workspace": folder, "provider": "template"})
        _import_libraries()
        feed = folder / "feed.jsonl"
        count = round(products * changed)
        nights = [_night(settings, _written(feed, products, changed=number)) for number in (0, count)]
    return PipelineFigures(
        products=products,
        changed=count,
        first=nights[0],
        second=nights[1],
        second_to_first=round(nights[1].seconds / nights[0].seconds, 3),
    )


def _import_libraries() -> None:
    import dagster as dg

    for name in LIBRARIES:
        import_module(name)
    # Dagster imports its storage with the first instance.
    with dg.DagsterInstance.ephemeral():
        pass


def _night(settings: Settings, feed: Path) -> NightFigures:
    from walmart_pipeline.definitions import build_defs

    definitions = build_defs({"settings": settings})
    job = definitions.resolve_job_def("pipeline")
    graph = definitions.resolve_asset_graph()
    ours = job.asset_layer.executable_asset_keys
    ordered = [key for key in graph.toposorted_asset_keys if key in ours]
    steps = [_measured(job, key, feed) for key in ordered]
    return NightFigures(
        seconds=round(sum(step.seconds for step in steps), 2),
        peak_rss_mb=max(step.peak_rss_mb for step in steps),
        steps=steps,
    )


def _measured(job: dg.JobDefinition, key: dg.AssetKey, feed: Path) -> StepFigures:
    """Run one step in a forked process, which has loaded the definitions already."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_run_step, args=(job, key, feed, sending))
    process.start()
    sending.close()
    wait([receiving, process.sentinel])
    try:
        answer = receiving.recv() if receiving.poll() else None
    except EOFError:
        answer = None
    process.join()
    if not isinstance(answer, dict):
        raise StepError(f"{key.to_user_string()}: {answer or 'its process ended without a result'}")
    return StepFigures(step=key.to_user_string(), **answer)


def _run_step(job: dg.JobDefinition, key: dg.AssetKey, feed: Path, sending: Connection) -> None:
    import dagster as dg

    config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    if key == dg.AssetKey(["catalog", "raw_products"]):
        config["ops"] = {"catalog__raw_products": {"config": {"paths": [str(feed)]}}}
    started = time.perf_counter()
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(config, asset_selection=[key], instance=instance, raise_on_error=False)
    seconds = time.perf_counter() - started
    if not result.success:
        failures = [event for event in result.all_events if event.is_step_failure]
        error = failures[0].step_failure_data.error if failures else None
        while error and error.cause:
            error = error.cause
        sending.send(error.message.strip() if error else "the run failed")
        return
    rows = [
        event.materialization.metadata["dagster/row_count"].value
        for event in result.get_asset_materialization_events()
        if "dagster/row_count" in event.materialization.metadata
    ]
    sending.send(
        {
            "seconds": round(seconds, 2),
            "rows": rows[0] if rows else None,
            "peak_rss_mb": resource_usage.peak_rss_mb(),
            "worker_peak_rss_mb": resource_usage.peak_rss_mb(resource.RUSAGE_CHILDREN),
        }
    )


def _written(path: Path, products: int, *, changed: int) -> Path:
    """Write the feed; its first `changed` products have another feature."""
    with atomic_writer(path) as file:
        for number, record in enumerate(_records(products)):
            if number < changed:
                record["features"] = [*record["features"], "Comes with a printed leaflet"]
            file.write(json.dumps(record) + "\n")
    # A feed that was written a moment ago may be taken for one that still grows.
    hour_ago = time.time() - 3600 + changed
    os.utime(path, (hour_ago, hour_ago))
    return path


def _records(products: int) -> Iterator[dict[str, Any]]:
    """Reproducible rows of a feed: families of variants, some with a copied description."""
    earlier = ""
    for number in range(products):
        draw = random.Random(number)  # noqa: S311  (no secret)
        common = random.Random(-1 - number // VARIANTS)  # noqa: S311  (no secret)
        kind = common.choice(list(listings.KINDS))
        material, colour = common.choice(listings.MATERIALS), draw.choice(listings.COLOURS)
        brand, parts = common.choice(listings.BRANDS), common.sample(listings.PARTS, 2)
        detail = " and ".join(f"{common.choice(listings.QUALITIES)} {part}".title() for part in parts)
        name = f"{brand} {_word(number // VARIANTS)} {kind} with {detail}"
        description = " ".join(listings.sentences(150, draw))
        if earlier and draw.randrange(100) < COPIED_PER_CENT:
            description = earlier
        earlier = description
        weight, length = draw.randrange(10, 90) / 10, draw.randrange(8, 60)
        yield {
            "item_id": f"B-{number:08d}",
            "product_name": f"{name}, {material.title()}, {length} in, {colour.title()}",
            "brand": brand,
            "category": listings.KINDS[kind],
            "specs": {
                "Material": material,
                "Color": colour,
                "Weight": f"{weight} lb",
                "Length": f"{length} in",
                "Warranty": "2 years",
            },
            "features": [
                f"Made of {material}",
                f"Weighs {weight} lb",
                f"{length} in long",
                *listings.sentences(18, draw),
            ],
            "description": description,
            "price": 10.0 + number % 90,
        }


def _word(number: int) -> str:
    """A name of its own for each number."""
    syllables: list[str] = []
    while not syllables or number:
        number, place = divmod(number, len(SYLLABLES))
        syllables.append(SYLLABLES[place])
    return "".join(syllables).title()


def table(figures: PipelineFigures) -> Sequence[tuple[str, ...]]:
    """Rows for a terminal: step, then seconds, rows and peak memory of both nights."""
    rows = [
        (
            first.step,
            f"{first.seconds:,.1f}",
            f"{second.seconds:,.1f}",
            *(f"{step.rows:,}" if step.rows is not None else "–" for step in (first, second)),
            *(f"{step.peak_rss_mb:,}" for step in (first, second)),
            f"{first.worker_peak_rss_mb:,}",
        )
        for first, second in zip(figures.first.steps, figures.second.steps, strict=True)
    ]
    one, other = figures.first, figures.second
    peaks = (f"{one.peak_rss_mb:,}", f"{other.peak_rss_mb:,}", "")
    return [*rows, ("all", f"{one.seconds:,.1f}", f"{other.seconds:,.1f}", "", "", *peaks)]

"""Measures the judge's throughput from and to the warehouse, with all dimensions, on all cores."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel

from walmart_pipeline.benchmarks import listings, resource_usage
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.judge import profiles, workers
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.quality import scored_texts

# How often memory is sampled.
SAMPLE_SECONDS = 0.05


class ScoringFigures(BaseModel):
    """Throughput of the judge. cpu_seconds, peak_rss_mb: of this process and its children while judging."""

    listings: int
    words_mean: float
    processes: int
    seconds: float
    listings_per_second: int
    cpu_seconds: float
    cpu_microseconds_per_listing: int
    peak_rss_mb: int
    mean_score: float
    publishable: int
    with_near_copy: int


def measure(*, number: int, words: int, processes: int | None, profile: str) -> ScoringFigures:
    """Create a warehouse of so many listings and judge them. Run it in a fresh process."""
    judge = Judge(profiles.load(profile))
    with tempfile.TemporaryDirectory(prefix="walmart-bench-") as folder:
        warehouse = FileWarehouse(Path(folder) / "warehouse.duckdb")
        with warehouse.writing() as db:
            db.append("catalog.products", (_product_row(product) for product, _ in listings.pairs(number, words)))
            db.append("content.generated_content", (_content_row(*pair) for pair in listings.pairs(number, words)))
        with warehouse.writing() as db, _watched() as peak:
            cpu, started = resource_usage.cpu_seconds(), time.perf_counter()
            scored_texts.score(db, judge, advance=lambda count: None, processes=processes)
            seconds = time.perf_counter() - started
            cpu = resource_usage.cpu_seconds() - cpu
        with warehouse.reading() as db:
            found = db.query(
                "select avg(score) as mean, count(*) filter (publishable) as publishable, "
                "count(*) filter (uniqueness < 100) as with_near_copy from quality.scores"
            )[0]
            words_mean = db.value(
                "select avg(len(string_split_regex(description, '\\s+'))) from content.generated_content"
            )
    return ScoringFigures(
        listings=number,
        words_mean=round(words_mean, 1),
        processes=processes or workers.cores(),
        seconds=round(seconds, 2),
        listings_per_second=round(number / seconds),
        cpu_seconds=round(cpu, 2),
        cpu_microseconds_per_listing=round(cpu / number * 1e6),
        peak_rss_mb=peak[0],
        mean_score=round(found["mean"], 1),
        publishable=found["publishable"],
        with_near_copy=found["with_near_copy"],
    )


def _product_row(product: Product) -> Row:
    return product.model_dump() | {"facts_hash": product.product_id}


def _content_row(product: Product, listing: Listing) -> Row:
    return listing.model_dump() | {
        "product_id": product.product_id,
        "facts_hash": product.product_id,
        "status": "complete",
        "content_hash": listing.content_hash,
    }


@contextmanager
def _watched() -> Iterator[list[int]]:
    """Peak memory in MB of this process and its children during the block (Linux)."""
    peak = [0]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            peak[0] = max(peak[0], _rss_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def _rss_mb() -> int:
    processes = Path("/proc")
    children = {child for task in processes.glob("self/task/*/children") for child in _text(task).split()}
    # A forked process before its exec shares our memory.
    ours = _text(processes / "self/cmdline")
    begun = [child for child in children if _text(processes / child / "cmdline") != ours]
    statm = [_text(processes / process / "statm").split() for process in ["self", *begun]]
    pages = sum(int(numbers[1]) for numbers in statm if numbers)
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def _text(path: Path) -> str:
    """Content of a file in /proc, empty if its process has ended."""
    try:
        return path.read_text()
    except OSError:
        return ""

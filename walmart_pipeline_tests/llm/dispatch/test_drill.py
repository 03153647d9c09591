"""The drill: every fault at once, through the real path, until each product has its listing or its reason.

`pytest -s` shows its record.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from walmart_pipeline.benchmarks import synthetic_catalog
from walmart_pipeline.benchmarks.server import Behaviour, ModelServer
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.generation import provider_factory
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline.stages.content import generation, planning

PRODUCTS, FIRST_BUDGET = 300, 200
POISONED, POISON = "B-00000077", "Brindlewick Kettle No. 77,"
KILLED_AFTER, DOWN_SECONDS = 80, 1.0
RUNS_AT_MOST = 6

# Products of which one question was asked as often as a run asks.
GIVEN_UP = """
select product_id
from calls
where error_class in ('malformed', 'server', 'timeout', 'dropped')
group by product_id, request_hash
having count(*) >= ?
"""


FAULTS = {"refused": 0.06, "failed": 0.05, "hanging": 0.02, "dropped": 0.05, "malformed": 0.05, "shouting": 0.1}
BEHAVIOUR = Behaviour(latency=0.02, retry_after=0.2, poison=POISON, **FAULTS)


def record(log: Path) -> list[tuple[str, str]]:
    """What the server did with which request."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [(what, key) for what, _, key in (line.partition(" ") for line in lines)]


def kill_and_start_again(server: ModelServer, log: Path) -> None:
    """In the midst of a run: as soon as the server has given so many answers."""
    while sum(what == "answered" for what, _ in record(log)) < KILLED_AFTER:
        time.sleep(0.01)
    server.kill()
    time.sleep(DOWN_SECONDS)
    server.start()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "server.log"


@pytest.fixture
def server(log: Path) -> Iterator[ModelServer]:
    with ModelServer(BEHAVIOUR, log=log) as running:
        yield running


def run(settings: Settings, judge: Judge) -> tuple[int, list[Row]]:
    """Plan and write as the pipeline does: how many products were planned, and the row of every product."""
    provider = provider_factory.choose(settings, judge)
    warehouse = FileWarehouse(settings.warehouse)
    with warehouse.writing() as db:
        planned = sum(row["products"] for row in planning.plan(db, provider, "run"))
    generation.write(warehouse, provider, "run", advance=lambda _pieces, _note="": None)
    with warehouse.reading() as db:
        rows = db.query("select product_id, status, error, title from content.generated_content order by product_id")
    return planned, rows


@pytest.mark.drill
def test_no_product_is_lost_and_no_answer_paid_twice_whatever_the_server_does(
    server: ModelServer, log: Path, tmp_path: Path
) -> None:
    judge = Judge(profiles.load("walmart-2025"))
    settings = Settings(
        workspace=tmp_path / "home", provider="openai", base_url=f"{server.url}/v1", model="faulty",
        concurrency=32, max_response_time=3.0, budget_calls=FIRST_BUDGET,
    )  # fmt: skip
    with FileWarehouse(settings.warehouse).writing() as db:
        synthetic_catalog.make(db, PRODUCTS)
        products = [row["product_id"] for row in db.query("select product_id from catalog.products order by 1")]

    began = time.monotonic()
    killing = threading.Thread(target=kill_and_start_again, args=(server, log), daemon=True)
    killing.start()
    runs = []
    for number in range(1, RUNS_AT_MOST + 1):
        planned, rows = run(settings, judge)
        killing.join()
        failed = {row["product_id"]: row["error"] for row in rows if row["status"] == "failed"}
        runs.append((planned, failed))
        print(f"run {number}: {planned} planned, {len(rows) - len(failed)} of {len(rows)} have a listing; else:")
        for error, times in Counter(failed.values()).most_common():
            print(f"  {times} × {error}")
        assert [row["product_id"] for row in rows] == products
        assert {row["status"] for row in rows} <= {"complete", "failed"}
        assert all(failed.values()), "each failure has its reason"
        if failed.keys() == {POISONED}:
            break
        settings = settings.model_copy(update={"budget_calls": None})

    did = record(log)
    answered = Counter(key for what, key in did if what == "answered")
    with Ledger(settings.ledger) as ledger:
        calls, repeated = ledger.counts()
    with closing(sqlite3.connect(settings.ledger_file)) as db:
        met = dict(db.execute("select coalesce(error_class, 'answered'), count(*) from calls group by 1").fetchall())
        exhausted = {row[0] for row in db.execute(GIVEN_UP, [DispatchLimits().attempts])}
    happened = Counter(what for what, _ in did)
    print(f"{time.monotonic() - began:.1f} s, {calls} calls: {met}; the server did {dict(happened)}")

    assert f"the budget of {FIRST_BUDGET} calls is reached" in runs[0][1].values()
    assert runs[-1][1].keys() == {POISONED}
    assert "can't be processed" in runs[-1][1][POISONED]
    unmended = {row["product_id"] for row in rows if "FREE SHIPPING" in (row["title"] or "")}
    assert unmended <= exhausted, "what the budget cut off was mended later; only a repair that failed for good was not"
    assert met.keys() >= {"refused", "server", "timeout", "dropped", "malformed", "rejected", "unreachable"}
    assert all(happened[fault] for fault in FAULTS.keys() - {"shouting"})
    assert len(answered) > PRODUCTS, "some answers were asked to be mended"
    assert repeated == 0
    assert set(answered.values()) == {1}
    assert happened["poisoned"] == 1

    planned, _ = run(settings, judge)
    assert planned == 1, "only what failed is planned again, and answered from the ledger"
    assert record(log) == did

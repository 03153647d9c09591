"""The Studio while a run writes: no lock error, no lost decision, whoever is killed."""

from __future__ import annotations

import asyncio
import math
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from walmart_pipeline.benchmarks import studio_load
from walmart_pipeline.benchmarks.studio_load import SimulatedUser, Tally
from walmart_pipeline.benchmarks.studio_session import SessionError
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.reviews import takeover
from walmart_pipeline.reviews.store import ReviewStore
from walmart_pipeline.studio import review_queue, snapshot
from walmart_pipeline.studio.access import User
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline_tests.studio import review_cases
from walmart_pipeline_tests.studio.review_cases import FALSE

ADA = User("ada", frozenset({"reviewer"}))

# A run: it holds the warehouse, takes decisions over, and begins again.
RUN = """
import sys, time
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.reviews import takeover
settings = Settings(workspace=sys.argv[1])
while True:
    with FileWarehouse(settings.warehouse, 60).writing() as db:
        takeover.from_store(db, settings)
        time.sleep(0.2)
        print("held", flush=True)
    time.sleep(0.01)
"""


def run(settings: Settings) -> subprocess.Popen[str]:
    """Start a run that holds the warehouse."""
    arguments = [sys.executable, "-c", RUN, str(settings.workspace)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def context(tmp_path: Path) -> StudioContext:
    settings = review_cases.make(tmp_path)
    return StudioContext(settings, ReviewStore(settings.reviews_url), ADA)


def test_a_page_is_read_while_a_run_holds_the_warehouse(context: StudioContext) -> None:
    with context.reading():
        assert context.is_outdated is None
    hold = (
        "import sys, time; from pathlib import Path; from walmart_pipeline.core.file_warehouse import FileWarehouse\n"
        "with FileWarehouse(Path(sys.argv[1]), 60).writing() as db:\n"
        "    db.execute('delete from quality.listings'); db.checkpoint(); print('held', flush=True); time.sleep(600)"
    )
    arguments = [sys.executable, "-c", hold, str(context.settings.warehouse)]
    holder = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with context.reading() as db:
            assert review_queue.count(db, review_queue.QueueFilter(), []) == 3
        assert context.is_outdated is not None
    finally:
        holder.kill()
        holder.wait()
    with FileWarehouse(context.settings.warehouse, 60).writing() as db:
        db.execute("delete from quality.review_queue where product_id = ?", [FALSE])
    # A reader of the old copy goes on; the next one sees what was written.
    with context.reading() as db:
        assert context.is_outdated is None
        assert review_queue.count(db, review_queue.QueueFilter(), []) == 2


def test_a_large_warehouse_is_not_copied_with_each_change_and_who_reads_the_older_copy_is_told(
    context: StudioContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "SLOW_SECONDS", 0)
    monkeypatch.setattr(snapshot, "PAUSE_FACTOR", 1e9)
    told = []

    def read() -> None:
        with context.reading() as db:
            told.append((review_queue.count(db, review_queue.QueueFilter(), []), context.is_outdated is None))

    read()
    with FileWarehouse(context.settings.warehouse).writing() as db:
        db.execute("delete from quality.review_queue")
    read()
    assert told == [(3, True), (3, False)]
    # Of another session's reading nothing is known here.
    other = threading.Thread(target=lambda: told.append((0, context.is_outdated is None)))
    other.start()
    other.join()
    assert told[-1] == (0, True)


def test_readers_do_not_keep_a_run_waiting(context: StudioContext) -> None:
    with context.reading() as db, FileWarehouse(context.settings.warehouse).writing() as run_of:
        run_of.execute("delete from quality.review_queue")
        assert review_queue.count(db, review_queue.QueueFilter(), []) == 3


def test_a_warehouse_with_the_log_of_a_killed_run_is_read_whole(context: StudioContext) -> None:
    kill = (
        "import os, sys, duckdb\n"
        "db = duckdb.connect(sys.argv[1]); db.execute('pragma disable_checkpoint_on_shutdown')\n"
        "db.execute('delete from quality.review_queue'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", kill, str(context.settings.warehouse)], check=False)
    assert context.settings.warehouse.with_name("warehouse.duckdb.wal").exists()
    with context.reading() as db:
        assert db.count("quality.review_queue") == 0


USERS, DECISIONS = 5, 12


async def work(url: str, tally: Tally, studio: subprocess.Popen[bytes]) -> Counter[str]:
    """Three people review, one writes, one looks around, until the Studio is killed. Returns what went wrong before."""
    async with aiohttp.ClientSession() as client:
        people = [SimulatedUser(client, url, number, 0.3, tally) for number in range(USERS)]
        await asyncio.gather(*(person.arrive() for person in people))
        tasks = [asyncio.create_task(person.work(math.inf)) for person in people]
        while tally.decisions < DECISIONS and not any(task.done() for task in tasks):
            await asyncio.sleep(0.05)
        studio.kill()
        errors = Counter(tally.errors)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    errors.update(repr(each) for each in ended if not isinstance(each, asyncio.CancelledError | SessionError))
    return errors


@pytest.mark.drill
def test_people_review_and_write_while_runs_write_and_both_are_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    """Counted in decisions instead of a minute: meanwhile runs take over four times a second."""
    settings, acknowledged = Settings(workspace=tmp_path), 0
    studio_load.prepare(settings, None, 2_000)
    studio_load.add_users(settings, USERS)
    for killed in (1, 2):
        writer, tally = run(settings), Tally()
        with studio_load.studio(settings) as (url, process):
            assert asyncio.run(work(url, tally, process)) == Counter()
        # What this run has taken over and not committed, the next one takes over.
        writer.kill()
        assert writer.wait() == -signal.SIGKILL
        acknowledged += tally.decisions
        with ReviewStore(settings.reviews_url) as store:
            decided = [each.decision_id for each in store.decisions()]
        # Those to whom the killed Studio owed an answer may have decided too.
        assert acknowledged <= len(decided) <= acknowledged + killed * USERS
    assert acknowledged >= 2 * DECISIONS
    with FileWarehouse(settings.warehouse, 60).writing() as db:
        takeover.from_store(db, settings)
        taken = [row["decision_id"] for row in db.query("select decision_id from quality.reviews order by number")]
    assert taken == decided

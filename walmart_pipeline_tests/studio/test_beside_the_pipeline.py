"""The Studio while a run writes: no lock error, no lost decision, whoever is killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.reviews import takeover
from walmart_pipeline.reviews.store import Decision, ReviewStore
from walmart_pipeline.studio import review_case, review_queue, snapshot
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


@pytest.mark.drill
def test_reviewing_while_runs_write_and_are_killed_loses_nothing(context: StudioContext) -> None:
    with context.reading():
        pass
    decided: list[str] = []
    for _ in range(3):
        writer = run(context.settings)
        for number in range(10):
            with context.reading() as db:
                row = review_case.load(db, context.store, FALSE)
            assert row is not None
            text = Listing(title=f"Kettle {len(decided)}", description="It boils water.")
            decision = Decision(
                product_id=FALSE,
                content_hash=row["content_hash"],
                facts_hash=row["facts_hash"],
                action="edit" if number % 2 else "rate",
                stars=None if number % 2 else 1 + number % 5,
                listing=text if number % 2 else None,
                author="ada",
            )
            context.store.decide([decision], seen={FALSE: row["version"]} if number % 2 else None)
            decided.append(decision.decision_id)
        writer.kill()
        writer.wait()
    with FileWarehouse(context.settings.warehouse, 60).writing() as db:
        takeover.from_store(db, context.settings)
        taken = [row["decision_id"] for row in db.query("select decision_id from quality.reviews order by number")]
        title = db.value("select title from content.generated_content where product_id = ?", [FALSE])
        edits = db.count("content.edits")
    assert taken == decided
    assert (title, edits) == (f"Kettle {len(decided) - 1}", 15)

"""A night on several workers, with a real queue in Redis, processes of their own, and a kill."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
import pytest

from walmart_pipeline.automation import live_runs
from walmart_pipeline.automation.jobs import cleanup
from walmart_pipeline.core.lake_warehouse import LakeWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline_tests.conftest import KETTLE, Pipeline
from walmart_pipeline_tests.paths import PROJECT

REDIS = shutil.which("redis-server")
PRODUCTS = 12
# On two busy cores a night of forty steps took five minutes.
NIGHT_SECONDS = 900


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def process(*command: str, folder: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "output.log").open("ab") as log:
        started = subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log, cwd=PROJECT)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def wait_for(found: Callable[[], object], seconds: float = NIGHT_SECONDS) -> None:
    ends = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < ends
        time.sleep(0.01)


def exports(workspace: Path) -> dict[str, bytes]:
    """The exports, but for the time at which a text was written."""
    found = {path.name: path.read_bytes() for path in (workspace / "exports").glob("listings.*")}
    found["listings.provenance.jsonl"] = re.sub(rb'"generated_at": "[^"]*"', b"", found["listings.provenance.jsonl"])
    return found


@pytest.mark.drill
@pytest.mark.scale
@pytest.mark.skipif(REDIS is None, reason="needs redis-server")
@pytest.mark.timeout(2 * NIGHT_SECONDS)
@pytest.mark.parametrize("kind", ["file", "lake"])
def test_workers_of_which_one_is_killed_in_a_share_export_what_one_process_does(
    kind: str,
    pipeline: Pipeline,
    empty_workspace: Path,
    lakes: Callable[[bool], LakeWarehouse],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    feed = pipeline.ingest(
        [KETTLE | {"item_id": f"K-{n}", "product_name": f"Brindlewick Kettle {n}, 1.{n} L"} for n in range(PRODUCTS)]
    )
    pipeline.run()

    home, logs = tmp_path_factory.mktemp("shared"), tmp_path_factory.mktemp("logs")
    shutil.copytree(empty_workspace, home, dirs_exist_ok=True)
    (home / "inbox").mkdir(exist_ok=True)
    shutil.copy(feed, home / "inbox")
    port = str(free_port())
    environment = {
        "WALMART_HOME": str(home),
        "DAGSTER_HOME": str(Settings(workspace=home).dagster_home),
        "WALMART_CELERY_BROKER": f"redis://127.0.0.1:{port}/0",
        "WALMART_BUCKET_TEXTS": "3",
        "WALMART_PROVIDER": "template",
    }
    if kind == "lake":
        environment["WALMART_WAREHOUSE_URL"] = lakes(True).catalog.name
    worker = (str(Path(sys.executable).with_name("walmart-pipeline")), "worker", "--name")
    night = ("-m", "dagster", "job", "execute", "-m", "walmart_pipeline.definitions", "-j", "pipeline")

    with ExitStack() as stack:

        def start(*command: str) -> subprocess.Popen[bytes]:
            return stack.enter_context(process(*command, folder=logs, **environment))

        start(str(REDIS), "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", str(logs))
        first = start(*worker, "first")
        run = start(sys.executable, *night)
        wait_for(lambda: list((home / "staging").glob("*/.quality.scores.*")))
        first.kill()
        start(*worker, "second")
        start(*worker, "third")
        assert run.wait(NIGHT_SECONDS) == 0

    alone = exports(pipeline.settings.workspace)
    assert alone
    assert exports(home) == alone
    with (home / "exports" / "listings.jsonl").open() as lines:
        assert len({json.loads(line)["product_id"] for line in lines}) == PRODUCTS
    assert not list((home / "staging").rglob("*.parquet"))


def test_a_queued_step_of_a_run_that_is_over_is_not_executed(pipeline: Pipeline) -> None:
    """Redis keeps the steps of a run that died, and a worker that comes later takes them."""
    celery_queue = pytest.importorskip("walmart_pipeline.automation.celery_queue")
    with live_runs.instance(pipeline.settings) as instance:
        run = instance.create_run_for_job(cleanup)
        instance.report_run_canceling(run)
        assert not celery_queue.is_wanted(instance, run.run_id)
        instance.report_run_canceled(run)
        assert not celery_queue.is_wanted(instance, run.run_id)
        instance.delete_run(run.run_id)
        assert not celery_queue.is_wanted(instance, run.run_id)

        going = instance.create_run_for_job(cleanup)
        assert celery_queue.is_wanted(instance, going.run_id)
        # Its process was killed: its lock is free.
        lock = pipeline.settings.dagster_home / live_runs.LOCKS / f"{going.run_id}.run"
        lock.write_text("1")
        assert not celery_queue.is_wanted(instance, going.run_id)
        found = instance.get_run_by_id(going.run_id)
        assert found
        assert found.status is dg.DagsterRunStatus.FAILURE

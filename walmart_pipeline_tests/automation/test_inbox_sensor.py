"""The inbox sensor, tick by tick, on a real Dagster instance."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from walmart_pipeline.automation import inbox, live_runs
from walmart_pipeline.automation.sensors import BATCH_TAG, inbox_sensor
from walmart_pipeline.definitions import build_defs
from walmart_pipeline_tests.conftest import KETTLE, Pipeline


class Inbox:
    """The sensor as its daemon drives it: the cursor of one tick is the next one's."""

    def __init__(self, pipeline: Pipeline, instance: dg.DagsterInstance) -> None:
        self.pipeline = pipeline
        self.instance = instance
        self.cursor: str | None = None
        self.defs = build_defs({"settings": pipeline.settings})

    def drop(self, name: str, *records: dict[str, object]) -> Path:
        return self.pipeline.ingest(records or [KETTLE], name)

    def tick(self) -> list[dg.RunRequest]:
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, resources={"settings": self.pipeline.settings}
        )
        data = inbox_sensor.evaluate_tick(context)
        self.cursor = data.cursor
        return list(data.run_requests or [])

    def launch(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        return self.defs.resolve_job_def("pipeline").execute_in_process(
            instance=self.instance, tags=dict(request.tags), raise_on_error=False
        )

    def record(self, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
        """Leave a run for this request in the instance, as the daemon would, without executing it."""
        job = self.defs.resolve_job_def("pipeline")
        self.instance.create_run_for_job(job, tags=dict(request.tags), status=status)


@pytest.fixture
def box(pipeline: Pipeline) -> Iterator[Inbox]:
    with live_runs.instance(pipeline.settings) as instance:
        yield Inbox(pipeline, instance)


SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE


def test_a_new_file_is_processed_once(box: Inbox) -> None:
    box.drop("a.jsonl")
    (request,) = box.tick()
    assert box.launch(request).success
    assert box.tick() == []
    assert box.pipeline.query("select product_id from quality.listings") == [{"product_id": "K-1"}]


def test_no_second_run_is_requested_while_the_first_is_active(box: Inbox) -> None:
    box.drop("a.jsonl")
    (request,) = box.tick()
    box.record(request, dg.DagsterRunStatus.STARTED)
    box.drop("b.jsonl")
    assert box.tick() == []


def test_a_file_whose_run_failed_is_requested_again(box: Inbox) -> None:
    box.drop("a.jsonl")
    (request,) = box.tick()
    box.record(request, FAILURE)
    (again,) = box.tick()
    assert again.run_key != request.run_key
    box.record(again, SUCCESS)
    assert box.tick() == []


def test_a_file_that_always_fails_is_ignored_until_it_changes_and_does_not_hold_up_others(box: Inbox) -> None:
    box.drop("a.jsonl")
    for _ in range(inbox.ATTEMPTS):
        (request,) = box.tick()
        box.record(request, FAILURE)
    assert box.tick() == []
    box.drop("b.jsonl", KETTLE | {"item_id": "K-2"})
    (other,) = box.tick()
    box.record(other, SUCCESS)
    box.drop("a.jsonl", KETTLE | {"price": 1.0})
    assert len(box.tick()) == 1


def test_a_changed_file_is_processed_again(box: Inbox) -> None:
    box.drop("a.jsonl")
    (request,) = box.tick()
    box.record(request, SUCCESS)
    box.drop("a.jsonl", KETTLE | {"price": 29.0})
    (changed,) = box.tick()
    assert changed.run_key != request.run_key
    box.record(changed, SUCCESS)
    assert box.tick() == []


def test_a_file_that_is_still_being_written_waits(box: Inbox) -> None:
    box.pipeline.settings = box.pipeline.settings.model_copy(update={"feed_quiet_seconds": 5})
    path = box.drop("a.jsonl")
    assert box.tick() == []
    past = time.time() - 10
    os.utime(path, (past, past))
    assert len(box.tick()) == 1


def test_a_run_that_was_never_launched_is_requested_again_under_the_same_key(box: Inbox) -> None:
    """The daemon may die between writing the cursor and launching; Dagster launches a run key once."""
    box.drop("a.jsonl")
    (request,) = box.tick()
    (again,) = box.tick()
    assert (again.run_key, again.tags[BATCH_TAG]) == (request.run_key, request.tags[BATCH_TAG])


def test_an_inbox_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    assert inbox.settled_files(tmp_path / "nowhere", 5) == {}

"""The inbox sensor, tick by tick. Its runs are made up: what they do is tested where it is done."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import WILL_RETRY_TAG

from walmart_pipeline.automation import inbox, run_outcomes, run_tags
from walmart_pipeline.automation.sensors import INBOX_STATE, inbox_sensor
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.stages.catalog import loading
from walmart_pipeline_tests.automation.slow_job import pipeline as job

SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


class Inbox:
    """The sensor as its daemon drives it: the cursor of one tick is the next one's."""

    def __init__(self, workspace: Path) -> None:
        self.settings = Settings(workspace=workspace)
        self.instance = dg.DagsterInstance.ephemeral()
        self.cursor: str | None = None
        self.message = ""

    def drop(self, name: str, content: str = "{}") -> Path:
        path = self.settings.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def tick(self) -> list[dg.RunRequest]:
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, resources={"settings": self.settings}
        )
        data = inbox_sensor.evaluate_tick(context)
        self.cursor, self.message = data.cursor, data.skip_message or ""
        return list(data.run_requests or [])

    def end(self, request: dg.RunRequest, status: dg.DagsterRunStatus = SUCCESS, **tags: str) -> None:
        """Leave a run for this request in the instance, as the daemon would, without executing it."""
        self.instance.create_run_for_job(job(), tags={**request.tags, **tags}, status=status)

    def refuse(self, *names: str) -> None:
        """Leave these files in the catalog as a run leaves those that lost too many rows."""
        rows = [
            {
                "source_file": name,
                "status": "refused",
                "digest": f"{loading.VERSION}:{feed.digest()}",
                "detail": "it has 1 rows, but it had 900",
            }
            for name, feed in inbox.complete_files(self.settings.inbox, 0)[0].items()
            if name in names
        ]
        with FileWarehouse(self.settings.warehouse).writing() as db:
            db.execute("delete from catalog.feeds")
            db.append("catalog.feeds", rows)

    def process(self, *names: str) -> None:
        for name in names:
            self.drop(name, name)
        (request,) = self.tick()
        self.end(request)
        assert self.tick() == []


@pytest.fixture
def box(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_outcomes, "FIRST_PAUSE", timedelta(0))


def test_a_new_file_is_processed_once_and_named_in_the_runs_tags(box: Inbox) -> None:
    box.drop("a.jsonl")
    (request,) = box.tick()
    assert request.tags[run_tags.FEEDS] == "a.jsonl"
    box.end(request, dg.DagsterRunStatus.STARTED)
    box.drop("b.jsonl")
    assert box.tick() == []
    assert "has not finished" in box.message


def test_a_changed_file_is_processed_again_and_a_touched_one_is_not(box: Inbox) -> None:
    box.process("a.jsonl")
    os.utime(box.settings.inbox / "a.jsonl", (1, 1))
    assert box.tick() == []
    assert "touched, but unchanged: 1" in box.message
    box.drop("a.jsonl", "changed")
    (changed,) = box.tick()
    box.end(changed)
    assert box.tick() == []


def test_a_renamed_file_is_processed_under_its_new_name_and_a_deleted_one_is_reported(box: Inbox) -> None:
    box.process("a.jsonl", "b.jsonl")
    (box.settings.inbox / "a.jsonl").rename(box.settings.inbox / "c.jsonl")
    (request,) = box.tick()
    assert request.tags[run_tags.FEEDS] == "c.jsonl"
    box.end(request)
    (box.settings.inbox / "b.jsonl").unlink()
    assert box.tick() == []
    assert "gone: b.jsonl" in box.message


@pytest.mark.usefixtures("no_pauses")
def test_a_file_whose_run_failed_is_tried_until_one_succeeds(box: Inbox) -> None:
    box.drop("a.jsonl")
    keys = set()
    for _ in range(5):
        (request,) = box.tick()
        box.end(request, FAILURE)
        keys.add(request.run_key)
    assert len(keys) == 5
    (request,) = box.tick()
    box.end(request)
    assert box.tick() == []


def test_a_failed_file_pauses_and_does_not_hold_up_others(box: Inbox) -> None:
    box.drop("a.jsonl")
    (request,) = box.tick()
    box.end(request, FAILURE)
    assert box.tick() == []
    assert "waiting after failed runs: a.jsonl (failed 1×" in box.message
    box.drop("b.jsonl", "other")
    (other,) = box.tick()
    assert other.tags[run_tags.FEEDS] == "b.jsonl"


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("status", [SUCCESS, FAILURE])
def test_a_file_that_the_run_refused_is_neither_done_nor_tried_again_until_it_changes(
    box: Inbox, status: dg.DagsterRunStatus
) -> None:
    """The run that finds the loss fails, the next one leaves the file out and succeeds: it once counted as done."""
    box.drop("a.jsonl", "few rows")
    (request,) = box.tick()
    box.refuse("a.jsonl")
    box.end(request, status)
    for _ in range(2):
        assert box.tick() == []
        assert "refused until they change or are accepted: a.jsonl (it has 1 rows, but it had 900)" in box.message
    os.utime(box.settings.inbox / "a.jsonl", (1, 1))
    assert box.tick() == []
    assert "a.jsonl (it has 1 rows" in box.message
    box.drop("a.jsonl", "all rows")
    (again,) = box.tick()
    box.refuse()
    box.end(again)
    assert box.tick() == []
    assert "refused until" not in box.message


@pytest.mark.usefixtures("no_pauses")
def test_the_other_files_of_a_run_that_refused_one_are_tried_again_without_it(box: Inbox) -> None:
    box.drop("a.jsonl", "few rows")
    box.drop("b.jsonl", "good rows")
    (request,) = box.tick()
    box.refuse("a.jsonl")
    box.end(request, FAILURE)
    (again,) = box.tick()
    assert again.tags[run_tags.FEEDS] == "b.jsonl"


def test_a_refused_file_that_a_run_has_accepted_is_done(box: Inbox) -> None:
    box.drop("a.jsonl", "few rows")
    (request,) = box.tick()
    box.refuse("a.jsonl")
    box.end(request, FAILURE)
    assert box.tick() == []
    box.refuse()
    assert box.tick() == []
    assert "refused until" not in box.message
    assert inbox.InboxState.load(box.settings.dagster_home / INBOX_STATE, box.cursor).done.keys() == {"a.jsonl"}


def test_the_pauses_grow_to_a_day() -> None:
    pauses = [run_outcomes.pause(failures) for failures in range(1, 40)]
    assert pauses[:3] == [timedelta(minutes=5), timedelta(minutes=20), timedelta(minutes=80)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(days=1)


def test_a_run_that_died_and_is_about_to_be_repeated_by_the_daemon_is_not_requested_twice(box: Inbox) -> None:
    box.drop("a.jsonl")
    (request,) = box.tick()
    box.end(request, FAILURE, **{WILL_RETRY_TAG: "true"})
    assert box.tick() == []
    assert "has not finished" in box.message
    box.end(request)
    assert box.tick() == []
    assert "nothing new" in box.message


def test_a_run_that_was_never_launched_is_requested_again_under_the_same_key(box: Inbox) -> None:
    """The daemon may die between writing the cursor and launching; Dagster launches a run key once."""
    box.drop("a.jsonl")
    (request,) = box.tick()
    (again,) = box.tick()
    assert (again.run_key, again.tags[run_tags.BATCH]) == (request.run_key, request.tags[run_tags.BATCH])


def test_a_file_that_is_still_being_written_waits(box: Inbox) -> None:
    box.settings = box.settings.model_copy(update={"feed_quiet_seconds": 5})
    path = box.drop("a.jsonl")
    assert box.tick() == []
    assert "still being written: a.jsonl" in box.message
    past = time.time() - 10
    os.utime(path, (past, past))
    assert len(box.tick()) == 1


def test_a_file_that_is_written_again_is_neither_gone_nor_new_if_it_is_the_same(box: Inbox) -> None:
    """A simulated week met it: a tick within the quiet seconds forgot the file, and the next one ran for it."""
    box.process("a.jsonl")
    box.settings = box.settings.model_copy(update={"feed_quiet_seconds": 5})
    path = box.drop("a.jsonl", "a.jsonl")
    assert box.tick() == []
    assert "still being written: a.jsonl" in box.message
    assert "gone" not in box.message
    past = time.time() - 10
    os.utime(path, (past, past))
    assert box.tick() == []
    assert "touched, but unchanged: 1" in box.message


def test_what_a_tick_has_no_time_for_is_left_to_the_next_one(box: Inbox) -> None:
    for number in range(3):
        box.drop(f"{number}.jsonl")
    present, _ = inbox.complete_files(box.settings.inbox, 0)
    state = inbox.InboxState()
    assert state.take(present, NOW, seconds=-1).later == 3
    assert state.pending is None
    batch = state.take(present, NOW).batch
    assert batch is not None
    assert len(batch.files) == 3


def test_the_cursor_is_small_however_many_files_there_are_and_resetting_it_makes_them_new(box: Inbox) -> None:
    box.process(*(f"{number}.jsonl" for number in range(200)))
    assert len(box.cursor or "") < 20
    box.cursor = None
    (request,) = box.tick()
    assert request.tags[run_tags.FEEDS].endswith("and 195 more")


def test_the_cursor_of_an_earlier_version_starts_no_run_for_what_is_done(box: Inbox) -> None:
    box.drop("a.jsonl")
    (feed,) = inbox.complete_files(box.settings.inbox, 0)[0].values()
    box.cursor = f'{{"done": {{"a.jsonl": "{feed.signature()}"}}, "gave_up": {{}}, "pending": null}}'
    assert box.tick() == []


def test_an_inbox_that_does_not_exist_yet_is_empty(box: Inbox) -> None:
    assert box.tick() == []

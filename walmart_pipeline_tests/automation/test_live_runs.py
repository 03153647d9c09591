"""Runs that are killed, that wait for each other, and that are interrupted: real processes on one real instance."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import pytest

from walmart_pipeline.automation import live_runs
from walmart_pipeline_tests.automation.slow_job import pipeline as slow_pipeline
from walmart_pipeline_tests.conftest import KETTLE, Pipeline
from walmart_pipeline_tests.paths import COMMAND

pytestmark = pytest.mark.drill


class Process:
    """A run in a process of its own, and every line that it has written so far."""

    def __init__(self, *arguments: str | Path) -> None:
        self._process = subprocess.Popen(
            [*map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._lines: list[str] = []
        self._written = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._written:
                self._lines.append(line)
                self._written.notify_all()

    def wait_for(self, text: str) -> None:
        with self._written:
            found = self._written.wait_for(lambda: any(text in line for line in self._lines), 240)
        assert found, "".join(self._lines)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        return " ".join("".join(self._lines).split())

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(60)

    def wait(self) -> int:
        return self._process.wait(240)


class Runs:
    """A workspace, its instance, and the processes that run jobs in it."""

    def __init__(self, pipeline: Pipeline, instance: dg.DagsterInstance, stack: ExitStack) -> None:
        self.settings, self.instance = pipeline.settings, instance
        self._stack = stack

    def start(self, job: str) -> Process:
        return self._started(sys.executable, "-m", "walmart_pipeline_tests.automation.slow_job",
                             self.settings.dagster_home, job)  # fmt: skip

    def command(self) -> Process:
        return self._started(COMMAND, "run", "--plan-only", "--home", self.settings.workspace)

    def _started(self, *arguments: str | Path) -> Process:
        process = Process(*arguments)
        self._stack.callback(process.kill)
        return process

    @property
    def status(self) -> list[str]:
        """Of all runs, the newest first."""
        return [run.status.value for run in self.instance.get_runs()]

    @property
    def in_pool(self) -> set[str]:
        return self.instance.event_log_storage.get_concurrency_info("warehouse").active_run_ids


@pytest.fixture
def runs(pipeline: Pipeline) -> Iterator[Runs]:
    pipeline.ingest([KETTLE])
    with live_runs.instance(pipeline.settings) as instance, ExitStack() as stack:
        yield Runs(pipeline, instance, stack)


@pytest.mark.drill
def test_a_run_of_the_ui_that_was_killed_does_not_keep_the_next_command_waiting(runs: Runs) -> None:
    """After a power cut every later `run` once printed nothing and waited for ever."""
    killed = runs.start("pipeline_in_pool")
    killed.wait_for("working")
    killed.kill()
    assert (runs.status, len(runs.in_pool)) == (["STARTED"], 1)
    command = runs.command()
    assert command.wait() == 0, command.output
    assert runs.status == ["SUCCESS", "FAILURE"]
    assert runs.in_pool == set()


@pytest.mark.drill
def test_dagsters_daemon_notices_a_killed_run_and_frees_its_place(runs: Runs) -> None:
    killed = runs.start("pipeline_in_pool")
    killed.wait_for("working")
    (run,) = runs.instance.get_runs()
    launcher = runs.instance.run_launcher
    assert launcher.supports_check_run_worker_health
    assert launcher.check_run_worker_health(run).status.value == "RUNNING"
    killed.kill()
    assert launcher.check_run_worker_health(run).status.value == "FAILED"
    assert (runs.status, runs.in_pool) == (["FAILURE"], set())


def test_a_retraining_and_a_pipeline_share_the_warehouse_and_a_dead_one_frees_its_slot(runs: Runs) -> None:
    first = runs.start("retrain_in_pool")
    first.wait_for("working")
    second = runs.start("pipeline_in_pool")
    second.wait_for("one step at a time uses the warehouse")
    (waited_for,) = runs.in_pool
    assert f"waiting for run {waited_for[:8]}" in second.output
    first.kill()
    second.wait_for("working")
    assert runs.status == ["STARTED", "FAILURE"]


def test_one_pipeline_runs_at_a_time_and_the_others_say_for_which_they_wait(runs: Runs) -> None:
    first = runs.start("pipeline")
    first.wait_for("working")
    (run,) = runs.instance.get_runs()
    command, launched = runs.command(), runs.start("pipeline")
    for waiting in (command, launched):
        waiting.wait_for("one pipeline run at a time")
        assert f"waiting for run {run.run_id[:8]} (process {first.pid}, since" in waiting.output
    assert "working" not in launched.output
    command.kill()
    first.send(signal.SIGINT)
    launched.wait_for("working")


def test_a_waiting_command_ends_when_it_is_interrupted(runs: Runs) -> None:
    first = runs.start("pipeline")
    first.wait_for("working")
    commands = {number: runs.command() for number in (signal.SIGINT, signal.SIGTERM)}
    for number, command in commands.items():
        command.wait_for("waiting for run")
        command.send(number)
    for command in commands.values():
        assert command.wait() != 0
        assert "Traceback" not in command.output
    assert first.is_running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_in_a_call_that_does_not_return_ends_all_the_same(runs: Runs, number: int) -> None:
    deaf = runs.start("deaf_pipeline")
    deaf.wait_for("working")
    deaf.send(number)
    assert deaf.wait() == 1
    assert "completed work is saved" in deaf.output
    assert runs.status == ["CANCELED"]


def test_terminate_in_the_ui_ends_a_run_of_the_command_line(runs: Runs) -> None:
    command = runs.start("pipeline")
    command.wait_for("working")
    (run,) = runs.instance.get_runs()
    assert runs.instance.run_launcher.terminate(run.run_id)
    command.wait()
    assert runs.status == ["CANCELED"]


def test_dead_runs_are_reaped_once_however_many_processes_look_for_them(runs: Runs) -> None:
    job = slow_pipeline()
    dead = {runs.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED).run_id for _ in range(8)}
    locks = runs.settings.dagster_home / "run_locks"
    locks.mkdir()
    for run_id in dead:
        (locks / f"{run_id}.run").write_text(str(os.getpid()))
    with ThreadPoolExecutor(8) as pool:
        reaped = [run_id for found in pool.map(lambda _: live_runs.reap_dead_runs(runs.instance), range(8))
                  for run_id in found]  # fmt: skip
    assert sorted(reaped) == sorted(dead)
    assert set(runs.status) == {"FAILURE"}

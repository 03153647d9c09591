"""The real Dagster daemon of a workspace: started, killed, its schedules and sensors switched, its runs waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickStatus,
)
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, SCHEDULE_NAME_TAG, WILL_RETRY_TAG

from walmart_pipeline import runner
from walmart_pipeline.automation import live_runs
from walmart_pipeline.core import workspace
from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.settings import Settings

POLL_SECONDS = 1.0
# A run that died is marked as failed a moment before it is marked to be repeated.
SETTLED_SECONDS = 2.0
# A tick of the schedule comes within a minute, a run of this catalog takes one or two; the rest is for a busy machine.
PATIENCE_SECONDS = 1_200.0
# For a clean end of the daemon.
STOP_SECONDS = 10.0


class SimulationError(UserError):
    """The simulated week can't go on; the message says what it waited for."""


class Daemon(AbstractContextManager["Daemon"]):
    """`dagster-daemon run` on a workspace, in a process group with the code server and the runs that it starts.

    environment: all that the daemon gets. log: what it prints.
    """

    def __init__(self, settings: Settings, environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        # Not waited for before the end, so that no other process gets the id of a group that is killed then.
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stack = ExitStack()
        self.instance = self._stack.enter_context(live_runs.instance(settings))
        self._environment = dict(environment)
        self._cron = settings.nightly_cron

    def start(self) -> None:
        """Start it, as a service manager does after a crash."""
        executable = Path(sys.executable).with_name("dagster-daemon")
        command = [str(executable), "run", "-w", str(workspace.CODE_LOCATIONS)]
        with self._log.open("ab") as log:
            process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
        self._processes.append(process)

    def kill(self, *, with_runs: bool) -> None:
        """Kill it as `kill -9` does. with_runs: also the code server and the runs, as a power cut does."""
        process = self._processes[-1]
        if with_runs:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        _wait_for(process, PATIENCE_SECONDS)

    def switch(self, name: str, kind: InstigatorType, *, on: bool) -> None:
        """Start or stop a sensor or a schedule, as the switch in the UI does."""
        status = InstigatorStatus.RUNNING if on else InstigatorStatus.STOPPED
        origin = runner.repository_origin().get_instigator_origin(name)
        data = (
            ScheduleInstigatorData(self._cron, datetime.now(UTC).timestamp())
            if kind == InstigatorType.SCHEDULE
            else SensorInstigatorData()
        )
        state = InstigatorState(origin, kind, status, data)
        known = self.instance.get_instigator_state(state.instigator_origin_id, state.selector_id)
        if known is None:
            self.instance.add_instigator_state(state)
        elif known.status == status:
            return
        elif kind == InstigatorType.SCHEDULE:
            self.instance.update_instigator_state(known.with_status(status).with_data(data))
        else:
            # A sensor keeps its cursor.
            self.instance.update_instigator_state(known.with_status(status))

    def night(self) -> None:
        """Let the nightly schedule tick once at its next time, and wait for the end of its run."""
        nights = {SCHEDULE_NAME_TAG: "nightly"}
        before = len(self.runs(nights))
        self.switch("nightly", InstigatorType.SCHEDULE, on=True)
        self.wait("the tick of the nightly schedule", lambda: len(self.runs(nights)) > before)
        # More than once: the daemon stores the state of the schedule at the end of its tick, as it was at its start.
        self.idle("the nightly run", lambda: self.switch("nightly", InstigatorType.SCHEDULE, on=False))

    def look(self, sensor: str, times: int = 1) -> None:
        """Wait until a sensor has looked so many times."""
        since = datetime.now(UTC).timestamp()

        def has_looked() -> bool:
            ended = [tick for tick in ticks(self.instance, sensor) if tick.status != TickStatus.STARTED]
            return sum(tick.timestamp > since for tick in ended) >= times

        self.wait(f"a tick of the sensor {sensor}", has_looked)

    def runs(self, tags: Mapping[str, str] | None = None, job: str | None = None) -> list[dg.DagsterRun]:
        """Runs, the latest first."""
        return list(self.instance.get_runs(dg.RunsFilter(tags=dict(tags or {}), job_name=job)))

    def idle(self, what: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Wait until no run is queued, running, or about to be repeated after its process died.

        meanwhile: done again and again until then.
        """
        still = 0

        def is_idle() -> bool:
            nonlocal still
            meanwhile()
            still = still + 1 if all(_has_ended(run) for run in self.runs()) else 0
            return still * POLL_SECONDS > SETTLED_SECONDS

        self.wait(f"the end of {what}", is_idle)

    def wait(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds. Raises SimulationError."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > until:
                raise SimulationError(f"{what} did not come in {PATIENCE_SECONDS:.0f} s: see {self._log}")
            time.sleep(POLL_SECONDS)

    def __exit__(self, *_: object) -> None:
        for process in self._processes[-1:]:
            process.terminate()
            _wait_for(process, STOP_SECONDS)
        for process in self._processes:
            # What an earlier daemon left behind, too.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._stack.close()


def ticks(instance: dg.DagsterInstance, name: str) -> list[InstigatorTick]:
    """Ticks of a sensor or a schedule, the latest first."""
    origin = runner.repository_origin().get_instigator_origin(name)
    return list(instance.get_ticks(origin.get_id(), origin.get_selector().get_id()))


def _wait_for(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait until a child has ended; it keeps its id."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        time.sleep(POLL_SECONDS)


def _has_ended(run: dg.DagsterRun) -> bool:
    awaits_retry = run.tags.get(WILL_RETRY_TAG) == "true" and AUTO_RETRY_RUN_ID_TAG not in run.tags
    return run.is_finished and not awaits_retry

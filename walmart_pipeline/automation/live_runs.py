"""Locks of a workspace's runs, which end with their process: they show which runs are alive and serialize them."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from walmart_pipeline.core.files import file_lock
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.workspace import prepare
from walmart_pipeline.resources import WAREHOUSE_POOL

if TYPE_CHECKING:
    from dagster import DagsterInstance

logger = logging.getLogger(__name__)

# In DAGSTER_HOME.
LOCKS = "run_locks"

# Until a wait is announced.
ANNOUNCE_SECONDS = 2.0
POLL_SECONDS = 0.2

# For the clean shutdown of an interrupted run, which may be waiting for an unresponsive server.
GRACE_SECONDS = 3.0

KILLED = "the process of this run was killed; completed work is saved"
INTERRUPTED = "stopped; completed work is saved: run again to continue"


@contextmanager
def instance(settings: Settings) -> Iterator[DagsterInstance]:
    """Open the Dagster instance of a workspace, the same as in its UI."""
    import dagster as dg

    prepare(settings)
    # Not used as a context manager: dagster 1.13 enters it again for a run or a tick, and then loads later definitions
    # with the closed instance.
    opened = dg.DagsterInstance.from_config(str(settings.dagster_home))
    try:
        yield opened
    finally:
        opened.dispose()


@contextmanager
def supervised(
    instance: DagsterInstance, run_id: str, job: str, announce: Callable[[str], None] = logger.warning
) -> Iterator[None]:
    """Execute a run in this block, registered as alive, and as the only run of its kind.

    One pipeline and one retraining run at a time; others wait here, and `announce` is called with the run they wait
    for. After SIGINT or SIGTERM the run has GRACE_SECONDS for a clean shutdown; then the process exits.
    """
    with (
        _interruptible(instance, run_id) as interrupted,
        _run_lock(instance, run_id),
        _turn(instance, run_id, job, announce, interrupted),
    ):
        reap_dead_runs(instance)
        ended = threading.Event()
        threading.Thread(target=_watch_pool, args=(instance, run_id, announce, ended), daemon=True).start()
        try:
            yield
        finally:
            ended.set()


def reap_dead_runs(instance: DagsterInstance) -> list[str]:
    """Mark runs whose process was killed as failed and free their pool slots. Returns their ids.

    Dagster would show such a run as started, and let others wait for its slots, forever.
    """
    reaped = []
    with _mutex(instance):
        for path in _folder(instance).glob("*.run"):
            with path.open() as lock:
                if not _try_lock(lock):
                    continue
                run = instance.get_run_by_id(path.stem)
                if run and not run.is_finished:
                    is_canceling = run.status.value == "CANCELING"
                    (instance.report_run_canceled if is_canceling else instance.report_run_failed)(run, KILLED)
                    reaped.append(path.stem)
                instance.event_log_storage.free_concurrency_slots_for_run(path.stem)
                path.unlink()
    return reaped


def process_of(instance: DagsterInstance, run_id: str) -> int | None:
    """Return the process id of a live run; None for any other."""
    path = _folder(instance) / f"{run_id}.run"
    with _mutex(instance):
        if not path.exists():
            return None
        with path.open() as lock:
            return None if _try_lock(lock) else int(lock.read())


def processes(settings: Settings) -> list[int]:
    """Return the process ids of a workspace's live runs, without Dagster's instance: nothing is reaped."""
    found = []
    for path in (settings.dagster_home / LOCKS).glob("*.run"):
        with path.open() as lock:
            if not _try_lock(lock):
                found.append(int(lock.read()))
    return found


@contextmanager
def _run_lock(instance: DagsterInstance, run_id: str) -> Iterator[None]:
    path = _folder(instance) / f"{run_id}.run"
    with _mutex(instance):
        lock = path.open("w")
        _try_lock(lock)
        lock.write(str(os.getpid()))
        lock.flush()
    with lock:
        try:
            yield
        finally:
            with _mutex(instance):
                path.unlink()


@contextmanager
def _turn(
    instance: DagsterInstance, run_id: str, job: str, announce: Callable[[str], None], interrupted: threading.Event
) -> Iterator[None]:
    kind = "retraining" if job == "retrain" else "pipeline"
    started, announced = time.monotonic(), ""
    with (_folder(instance) / f"{kind}.lock").open("a+") as lock:
        while not _try_lock(lock):
            holder = _holder(lock)
            if holder != announced and time.monotonic() - started > ANNOUNCE_SECONDS:
                announced = holder
                announce(f"waiting for {holder} to end: one {kind} run at a time")
            if interrupted.wait(POLL_SECONDS):
                raise KeyboardInterrupt
        lock.truncate(0)
        json.dump({"run": run_id[:8], "process": os.getpid(), "since": time.strftime("%H:%M:%S")}, lock)
        lock.flush()
        yield


def _holder(lock: IO[str]) -> str:
    lock.seek(0)
    try:
        holder = json.loads(lock.read())
    except ValueError:
        # It is being written.
        return "another run"
    return f"run {holder['run']} (process {holder['process']}, since {holder['since']})"


def _watch_pool(
    instance: DagsterInstance, run_id: str, announce: Callable[[str], None], ended: threading.Event
) -> None:
    """While a run waits for a slot of the warehouse pool, announce its holders and reap dead ones."""
    announced: set[str] = set()
    while not ended.wait(ANNOUNCE_SECONDS):
        pool = instance.event_log_storage.get_concurrency_info(WAREHOUSE_POOL)
        if run_id not in pool.pending_run_ids:
            continue
        reap_dead_runs(instance)
        for holder in pool.active_run_ids - announced - {run_id}:
            announced.add(holder)
            announce(f"waiting for run {holder[:8]}: one step at a time uses the warehouse")


@contextmanager
def _interruptible(instance: DagsterInstance, run_id: str) -> Iterator[threading.Event]:
    """Yield an event that SIGINT and SIGTERM set; if the block then outlasts GRACE_SECONDS, the process exits."""
    interrupted, ended = threading.Event(), threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    receiver, sender = socket.socketpair()
    sender.setblocking(False)

    def listen() -> None:
        with receiver:
            while received := receiver.recv(1):
                if received[0] in (signal.SIGINT, signal.SIGTERM):
                    break
            else:
                return
        interrupted.set()
        if not ended.wait(GRACE_SECONDS):
            _end_process(instance, run_id)

    before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=listen, daemon=True).start()
    try:
        yield interrupted
    finally:
        ended.set()
        signal.set_wakeup_fd(before)
        sender.close()


def _end_process(instance: DagsterInstance, run_id: str) -> None:
    try:
        if sys.stderr.isatty():
            # A progress bar hides the cursor.
            sys.stderr.write("\x1b[?25h\n")
        logger.warning(INTERRUPTED)
        run = instance.get_run_by_id(run_id)
        if run and not run.is_finished:
            instance.report_run_canceled(run, INTERRUPTED)
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    finally:
        os._exit(1)


def _mutex(instance: DagsterInstance) -> AbstractContextManager[None]:
    """Lock for creating, examining and removing lock files."""
    return file_lock(_folder(instance) / "mutex")


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _folder(instance: DagsterInstance) -> Path:
    folder = Path(instance.root_directory) / LOCKS
    folder.mkdir(exist_ok=True)
    return folder

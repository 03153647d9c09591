"""Judges batches of pairs on every core, in processes of loky.

loky's processes don't run the caller's main module again, so `score` works in a script without a main guard.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from itertools import chain
from typing import Protocol, TypeVar

from walmart_pipeline.judge import pairs
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.judge.policy.schema import Policy

# Pairs of 3 kB: a batch is 6 MB and takes one process two seconds; to transfer it takes milliseconds.
BATCH_LINES = 2_000
# Processes take a second to start: with fewer lines they do not pay off.
WORTH_PROCESSES = 3_000
# Each process has one core.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
# A listing creates thousands of small objects and hardly a cycle: the usual threshold of 700 takes 5 to 10 % longer.
GARBAGE_AFTER = 50_000
# How often a process checks that its parent is alive.
PARENT_SECONDS = 1.0


class PairBatch(Protocol):
    """Lines that are judged together; other fields are returned with the reports."""

    @property
    def lines(self) -> list[str]:
        """Pairs as JSON, each without a newline."""


BatchT = TypeVar("BatchT", bound=PairBatch)


class WorkerError(ChildProcessError):
    """A worker process has died, or has other code than its parent."""


def cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def reports(
    batches: Iterable[BatchT], judge: Judge, *, processes: int | None = None
) -> Generator[tuple[BatchT, list[str]], None, None]:
    """Judge batches; yields each with the reports of its lines (see pairs.reports), in order.

    processes: None for one per core, or this one alone for small inputs. A daemonic process may have no children and
    judges alone. Close the iterator to end the processes early. Raises WorkerError.
    """
    remaining = iter(batches)
    first: list[BatchT] = []
    if processes is None:
        while sum(len(batch.lines) for batch in first) < WORTH_PROCESSES and (batch := next(remaining, None)):
            first.append(batch)
        processes = cores() if sum(len(batch.lines) for batch in first) >= WORTH_PROCESSES else 1
    everything = chain(first, remaining)
    if processes == 1 or multiprocessing.current_process().daemon:
        for batch in everything:
            yield batch, pairs.reports(batch.lines, judge)
    else:
        yield from _parallel_reports(everything, judge, processes)


def _parallel_reports(
    batches: Iterable[BatchT], judge: Judge, processes: int
) -> Generator[tuple[BatchT, list[str]], None, None]:
    from loky.process_executor import ProcessPoolExecutor

    policy = judge.policy.model_dump_json()
    pool = ProcessPoolExecutor(processes, initializer=_start, initargs=(os.getpid(),), env=ONE_THREAD)
    submitted: deque[tuple[BatchT, Future[list[str]]]] = deque()
    try:
        for batch in batches:
            submitted.append(
                (batch, pool.submit(_reports, policy, judge.policy.label, judge.cross_encoder, batch.lines))
            )
            # One in work and one queued for each process: none is idle while reports are stored.
            if len(submitted) == 2 * processes:
                done, future = submitted.popleft()
                yield done, future.result()
        while submitted:
            done, future = submitted.popleft()
            yield done, future.result()
    except BrokenProcessPool as error:
        raise WorkerError(f"a worker process of the judge has died: {error}") from error
    finally:
        pool.shutdown(kill_workers=True)


def _start(parent: int) -> None:
    """Prepare a worker process: it ignores Ctrl-C and ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(GARBAGE_AFTER)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(1)


def _reports(policy: str, label: str, cross_encoder: bool, lines: list[str]) -> list[str]:
    return pairs.reports(lines, _judge(policy, label, cross_encoder))


@lru_cache(maxsize=1)
def _judge(policy: str, label: str, cross_encoder: bool) -> Judge:
    judge = Judge(Policy.model_validate_json(policy), cross_encoder=cross_encoder)
    # The worker has loaded the code just now, its parent at its own start.
    if judge.policy.label != label:
        raise WorkerError("the judge's code or word lists have changed since this process began: start it again")
    return judge

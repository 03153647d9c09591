"""The judge on every core: batches of lines out to processes, answers back in order.

Belongs here: starting the processes, feeding them, and their end. Does not: the work (pairs.py), the child (worker.py).

They are children of our own, not multiprocessing's: those run the parent's main module once more, which in a script
without a guard starts everything anew, and are refused to a daemonic process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Protocol, TypeVar, cast

from walmart_pipeline.judge import pairs
from walmart_pipeline.judge.frames import read_frame, write_frame
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.judge.policy.schema import Policy

# Pairs of 3 kB: a batch is 6 MB, a second of work for one process, and costs some milliseconds on its way.
BATCH_LINES = 2_000
# Two processes take 0.6 s of CPU to start; at 0.4 ms a listing they have won that back after 3,000.
WORTH_PROCESSES = 3_000
# A process has one core, and numpy's own threads would have nothing to do: they take 70 ms to start.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
# Of what a process said before it died, the error shows the end.
SHOWN_CHARS = 2_000


class Batch(Protocol):
    """Lines that are judged together; whatever else it holds comes back with the answers."""

    @property
    def lines(self) -> list[str]:
        """Pairs as JSON, each without a newline."""
        ...


BatchT = TypeVar("BatchT", bound=Batch)


class WorkerError(ChildProcessError):
    """A process that judges has died. The message says how, with the last that it said."""


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def answers(
    batches: Iterable[BatchT], judge: Judge, *, processes: int | None = None
) -> Generator[tuple[BatchT, list[str]], None, None]:
    """Each batch with the answers to its lines, in order; a few batches are held in memory.

    processes: how many judge; None for one a core, or this one alone where there is little to do. Raises WorkerError.
    Close the iterator if you leave it early: that ends the processes.
    """
    waiting = iter(batches)
    first: list[BatchT] = []
    if processes is None:
        while sum(len(batch.lines) for batch in first) < WORTH_PROCESSES and (batch := next(waiting, None)) is not None:
            first.append(batch)
        processes = cores() if sum(len(batch.lines) for batch in first) >= WORTH_PROCESSES else 1
    everything = chain(first, waiting)
    if processes == 1:
        for batch in everything:
            yield batch, pairs.answers(batch.lines, judge)
        return
    with _crew(judge.policy, processes) as ask:
        asked: deque[tuple[BatchT, Future[list[str]]]] = deque()
        for batch in everything:
            asked.append((batch, ask(batch.lines)))
            # One each under way and one each waiting: none is idle while answers are put away.
            if len(asked) == 2 * processes:
                yield _done(*asked.popleft())
        while asked:
            yield _done(*asked.popleft())


def _done(batch: BatchT, answered: Future[list[str]]) -> tuple[BatchT, list[str]]:
    return batch, answered.result()


@contextmanager
def _crew(policy: Policy, processes: int) -> Iterator[Callable[[list[str]], Future[list[str]]]]:
    """Processes with a judge each, and a thread for each to talk to it. When the block ends, however, they end."""
    with ExitStack() as stack:
        threads = ThreadPoolExecutor(processes, thread_name_prefix="judge")
        stack.callback(threads.shutdown, cancel_futures=True)
        idle: SimpleQueue[_Worker] = SimpleQueue()
        for _ in range(processes):
            # Its end lets a thread that waits for it go, so it comes before the threads' end.
            idle.put(stack.enter_context(_worker(policy)))

        def ask(lines: list[str]) -> list[str]:
            worker = idle.get()
            try:
                return worker.ask(lines)
            finally:
                idle.put(worker)

        yield lambda lines: threads.submit(ask, lines)


class _Worker:
    """One process."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes], policy: Policy) -> None:
        self._process = process
        self._said = said
        self._policy = policy
        self._introduced = False
        self._send(policy.model_dump_json())

    def ask(self, lines: list[str]) -> list[str]:
        """The answers to these lines."""
        self._send("\n".join(lines))
        if not self._introduced:
            self._introduce()
        return self._receive().split("\n")

    def _introduce(self) -> None:
        """The process has read the code just now, we have when we began."""
        if self._receive() != self._policy.label:
            raise WorkerError("the judge's code or word lists have changed since this process began: start it again")
        self._introduced = True

    def _send(self, text: str) -> None:
        try:
            write_frame(cast("IO[bytes]", self._process.stdin), text)
        except OSError as error:
            raise self._death() from error

    def _receive(self) -> str:
        text = read_frame(cast("IO[bytes]", self._process.stdout))
        if text is None:
            raise self._death()
        return text

    def _death(self) -> WorkerError:
        code = self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace")[-SHOWN_CHARS:].strip()
        how = f"signal {-code}; 9 is mostly the system short of memory" if code < 0 else f"exit code {code}"
        return WorkerError(f"a process that judges has died ({how}){': ' + said if said else ''}")


@contextmanager
def _worker(policy: Policy) -> Iterator[_Worker]:
    package = str(Path(__file__).parents[2])
    paths = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "walmart_pipeline.judge.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env=os.environ | {"PYTHONPATH": paths} | ONE_THREAD,
        )
        try:
            yield _Worker(process, said, policy)
        finally:
            process.kill()
            # What a dead process has not read can't be flushed.
            with suppress(OSError), process:
                pass

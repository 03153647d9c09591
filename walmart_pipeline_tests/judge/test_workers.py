from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from walmart_pipeline.judge import profiles, workers
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.judge.pairs import Pair, reports
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE, KETTLE
from walmart_pipeline_tests.paths import PROJECT


class Numbered(NamedTuple):
    number: int
    lines: list[str]


def batches(number: int, size: int = 3) -> Iterator[Numbered]:
    for place in range(number):
        product = KETTLE.model_copy(update={"product_id": str(place)})
        yield Numbered(place, [Pair(product=product, listing=HONEST).model_dump_json()] * size)


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are found in Linux's /proc")


def workers_of_this_process() -> list[int]:
    """The worker processes among the children of this one."""
    found = [child for task in Path("/proc/self/task").glob("*/children") for child in task.read_text().split()]
    return [int(child) for child in found if is_worker(int(child))]


def is_worker(process: int) -> bool:
    """Whether a process runs and judges."""
    try:
        return b"LokyProcess" in Path(f"/proc/{process}/cmdline").read_bytes()
    except FileNotFoundError:
        return False


def test_answers_come_in_order_and_are_those_of_one_process() -> None:
    alone = list(workers.reports(batches(12), JUDGE, processes=1))
    together = list(workers.reports(batches(12), JUDGE, processes=3))
    assert together == alone
    assert [batch.number for batch, _ in together] == list(range(12))
    assert alone[0][1] == reports(alone[0][0].lines, JUDGE)


def test_only_a_few_batches_are_read_ahead() -> None:
    read = 0

    def counted() -> Iterator[Numbered]:
        nonlocal read
        for batch in batches(40):
            read += 1
            yield batch

    answered = workers.reports(counted(), JUDGE, processes=2)
    next(answered)
    assert read <= 5
    answered.close()


@needs_proc
def test_little_work_starts_no_process() -> None:
    answered = workers.reports(batches(3), JUDGE)
    next(answered)
    assert workers_of_this_process() == []
    assert len(list(answered)) == 2


@needs_proc
def test_leaving_early_ends_the_processes() -> None:
    answered = workers.reports(batches(40), JUDGE, processes=2)
    next(answered)
    assert len(workers_of_this_process()) == 2
    answered.close()
    assert workers_of_this_process() == []


@needs_proc
def test_the_death_of_a_process_is_an_error_and_ends_the_others() -> None:
    answered = workers.reports(batches(400, size=20), JUDGE, processes=2)
    next(answered)
    os.kill(workers_of_this_process()[0], signal.SIGKILL)
    with pytest.raises(workers.WorkerError, match=r"(?s)has died.*SIGKILL"):
        list(answered)
    assert workers_of_this_process() == []


def test_a_daemonic_process_which_may_have_no_children_judges_alone() -> None:
    queue = multiprocessing.get_context("spawn").Queue()
    daemon = multiprocessing.get_context("spawn").Process(target=count_answers, args=(queue,), daemon=True)
    daemon.start()
    assert queue.get(timeout=60) == 4
    daemon.join()


def count_answers(queue: multiprocessing.Queue[int]) -> None:
    queue.put(len(list(workers.reports(batches(4), JUDGE, processes=2))))


def test_a_script_without_a_guard_is_not_run_again_by_the_processes(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from walmart_pipeline.judge import workers\n"
        "from walmart_pipeline_tests.judge.examples import JUDGE\n"
        "from walmart_pipeline_tests.judge.test_workers import batches\n"
        "print('begun')\n"
        "print(len(list(workers.reports(batches(4), JUDGE, processes=2))))\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert done.stdout.split() == ["begun", "4"]


@needs_proc
@pytest.mark.drill
def test_processes_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, signal\n"
        "from walmart_pipeline.judge import workers\n"
        "from walmart_pipeline_tests.judge.examples import JUDGE\n"
        "from walmart_pipeline_tests.judge.test_workers import batches, workers_of_this_process\n"
        "answered = workers.reports(batches(40), JUDGE, processes=2)\n"
        "next(answered)\n"
        "print(*workers_of_this_process(), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, env=environment)
    orphans = [int(process) for process in done.stdout.split()]
    assert len(orphans) == 2
    until = time.monotonic() + 30
    while time.monotonic() < until and any(map(is_worker, orphans)):
        time.sleep(0.1)
    assert not any(map(is_worker, orphans))


def test_processes_that_read_other_code_than_their_parent_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An update in the middle of a run would leave reports of two judges under one label."""
    other = Judge(profiles.load("walmart-2025"))
    monkeypatch.setitem(other.policy.__dict__, "version", "00000000")
    with pytest.raises(workers.WorkerError, match="changed since this process began"):
        list(workers.reports(batches(4), other, processes=2))

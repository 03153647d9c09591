from __future__ import annotations

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
from walmart_pipeline.judge.pairs import Pair, answers
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE, KETTLE
from walmart_pipeline_tests.paths import PROJECT


class Numbered(NamedTuple):
    number: int
    lines: list[str]


def batches(number: int, size: int = 3) -> Iterator[Numbered]:
    for place in range(number):
        product = KETTLE.model_copy(update={"product_id": str(place)})
        yield Numbered(place, [Pair(product=product, listing=HONEST).model_dump_json()] * size)


def children() -> set[str]:
    return {child for task in Path("/proc/self/task").glob("*/children") for child in task.read_text().split()}


def test_answers_come_in_order_and_are_those_of_one_process() -> None:
    alone = list(workers.answers(batches(12), JUDGE, processes=1))
    together = list(workers.answers(batches(12), JUDGE, processes=3))
    assert together == alone
    assert [batch.number for batch, _ in together] == list(range(12))
    assert alone[0][1] == answers(alone[0][0].lines, JUDGE)


def test_only_a_few_batches_are_read_ahead() -> None:
    read = 0

    def counted() -> Iterator[Numbered]:
        nonlocal read
        for batch in batches(40):
            read += 1
            yield batch

    answered = workers.answers(counted(), JUDGE, processes=2)
    next(answered)
    assert read <= 5
    answered.close()


def test_little_work_starts_no_process() -> None:
    before = children()
    answered = workers.answers(batches(3), JUDGE)
    next(answered)
    assert children() == before
    assert len(list(answered)) == 2


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are read from Linux's /proc")
def test_leaving_early_ends_the_processes() -> None:
    before = children()
    answered = workers.answers(batches(40), JUDGE, processes=2)
    next(answered)
    assert len(children() - before) == 2
    answered.close()
    assert children() == before


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are read from Linux's /proc")
def test_a_process_that_is_killed_is_told_and_takes_the_others_with_it() -> None:
    before = children()
    answered = workers.answers(batches(400, size=20), JUDGE, processes=2)
    next(answered)
    for child in children() - before:
        os.kill(int(child), signal.SIGKILL)
    with pytest.raises(workers.WorkerError, match=r"signal 9.*memory"):
        list(answered)
    assert children() == before


def test_what_a_process_said_before_it_died_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no such module >&2\nexit 3\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(workers.WorkerError, match=r"exit code 3.*no such module"):
        list(workers.answers(batches(4), JUDGE, processes=2))


def test_a_script_without_a_guard_is_not_run_again_by_the_processes(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from walmart_pipeline.judge import workers\n"
        "from walmart_pipeline_tests.judge.examples import JUDGE\n"
        "from walmart_pipeline_tests.judge.test_workers import batches\n"
        "print('begun')\n"
        "print(len(list(workers.answers(batches(4), JUDGE, processes=2))))\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert done.stdout.split() == ["begun", "4"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are looked for in Linux's /proc")
def test_processes_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, signal\n"
        "from walmart_pipeline.judge import workers\n"
        "from walmart_pipeline_tests.judge.examples import JUDGE\n"
        "from walmart_pipeline_tests.judge.test_workers import batches, children\n"
        "answered = workers.answers(batches(40), JUDGE, processes=2)\n"
        "next(answered)\n"
        "print(' '.join(children()), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, env=environment)
    orphans = [Path("/proc") / process / "cmdline" for process in done.stdout.split()]
    assert len(orphans) == 2
    until = time.monotonic() + 30
    while time.monotonic() < until and any(path.exists() and b"worker" in path.read_bytes() for path in orphans):
        time.sleep(0.1)
    assert not any(path.exists() and b"worker" in path.read_bytes() for path in orphans)


def test_processes_that_read_other_code_than_their_parent_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An update in the middle of a run would leave reports of two judges under one label."""
    other = Judge(profiles.load("walmart-2025"))
    monkeypatch.setitem(other.policy.__dict__, "version", "00000000")
    with pytest.raises(workers.WorkerError, match="changed since this process began"):
        list(workers.answers(batches(4), other, processes=2))

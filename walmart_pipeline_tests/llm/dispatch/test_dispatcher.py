"""The dispatcher as a caller has it: requests from an iterator, outcomes as they come, with a ledger on disk."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from walmart_pipeline.llm.calls import Answer, CallError, OnText, Request
from walmart_pipeline.llm.dispatch.budget import Budget
from walmart_pipeline.llm.dispatch.dispatcher import Dispatcher
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits, Outcome
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline.llm.ledger_database import LedgerError
from walmart_pipeline.llm.ledger_statistics import LedgerStatistics
from walmart_pipeline_tests.llm.dispatch.endpoints import ANSWER, ScriptedClient, after, request, requests
from walmart_pipeline_tests.paths import PROJECT

QUICK = DispatchLimits(concurrency=8, grace_seconds=10)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert not [thread for thread in threading.enumerate() if thread not in before and thread.name != "ledger"]


def products(outcomes: list[Outcome]) -> list[str]:
    return sorted(outcome.request.product_id for outcome in outcomes)


def test_every_request_has_one_outcome_and_a_second_run_asks_nothing(ledger: Ledger, tmp_path: Path) -> None:
    endpoint = ScriptedClient(after(0))
    first = list(Dispatcher([endpoint], ledger, QUICK).run(requests(3_000)))
    assert products(first) == sorted(f"p{number}" for number in range(3_000))
    second = list(Dispatcher([endpoint], ledger, QUICK).run(requests(3_000)))
    assert len(endpoint.asked) == 3_000
    assert products(second) == products(first)
    assert all(outcome.from_ledger and outcome.answer == ANSWER and not outcome.cost_usd for outcome in second)
    assert second[0].completion.status == "complete"
    with LedgerStatistics(f"sqlite:///{tmp_path}/ledger.db") as statistics:
        used = statistics.usage(datetime.now(UTC) - timedelta(hours=1))
    assert (used.calls, used.cache_hits) == (3_000, 3_000)


def test_what_cannot_be_answered_is_asked_once_over_all_runs(ledger: Ledger) -> None:
    endpoint = ScriptedClient(after(0, CallError("rejected", "400")))
    for _ in range(2):
        (outcome,) = Dispatcher([endpoint], ledger, QUICK).run([request(1)])
        assert (outcome.error_class, outcome.completion.status, outcome.completion.error) == (
            "rejected",
            "failed",
            "400",
        )
    assert len(endpoint.asked) == 1


def test_what_a_budget_left_out_is_asked_by_the_next_run(ledger: Ledger) -> None:
    endpoint = ScriptedClient(after(0))
    first = Counter(o.error_class for o in Dispatcher([endpoint], ledger, QUICK, Budget(calls=30)).run(requests(2_000)))
    assert first == {None: 30, "budget": 1_970}
    second = Counter(outcome.error_class for outcome in Dispatcher([endpoint], ledger, QUICK).run(requests(2_000)))
    assert second == {None: 2_000}
    assert len(endpoint.asked) == 2_000


def test_equal_requests_are_asked_once_and_all_answered(ledger: Ledger) -> None:
    endpoint = ScriptedClient(after(0.01))
    same = [Request(f"p{number}", "ollama", "walmart-gpt", None, "1", request(1).messages) for number in range(50)]
    outcomes = list(Dispatcher([endpoint], ledger, QUICK).run(same))
    assert len(endpoint.asked) == 1
    assert products(outcomes) == sorted(f"p{number}" for number in range(50))
    assert sum(outcome.cost_usd for outcome in outcomes) == ANSWER.cost_usd


def test_a_repair_can_be_submitted_for_an_outcome_even_the_last(ledger: Ledger) -> None:
    dispatcher = Dispatcher([ScriptedClient(after(0))], ledger, QUICK)
    texts = Counter[str]()
    for outcome in dispatcher.run(requests(500)):
        text = outcome.request.messages[0].content
        texts[text.split()[0]] += 1
        if text.startswith("a kettle"):
            dispatcher.submit(request(int(outcome.request.product_id[1:]), "repair"))
    assert texts == {"a": 500, "repair": 500}


def test_requests_are_pulled_only_a_little_ahead(ledger: Ledger) -> None:
    pulled = 0

    def source() -> Iterator[Request]:
        nonlocal pulled
        for pulled in range(100_000):
            yield request(pulled)

    outcomes = Dispatcher([ScriptedClient(after(0))], ledger, QUICK).run(source())
    with closing(outcomes):  # type: ignore[type-var]
        for number, _ in enumerate(outcomes):
            assert pulled <= number + 2_000
            if number == 1_000:
                break


def test_a_slow_source_does_not_hold_its_first_requests_up(ledger: Ledger) -> None:
    endpoint = ScriptedClient(after(0))

    def source() -> Iterator[Request]:
        yield request(1)
        yield request(2)
        until = time.monotonic() + 20
        while not endpoint.asked and time.monotonic() < until:
            time.sleep(0.03)
            yield request(3)

    list(Dispatcher([endpoint], ledger, QUICK).run(source()))
    assert endpoint.asked[0][1] == "p1"


def test_leaving_the_loop_keeps_what_is_in_flight_and_asks_no_more(ledger: Ledger) -> None:
    endpoint = ScriptedClient(after(0.05))
    for _ in Dispatcher([endpoint], ledger, QUICK).run(requests(1_000)):
        break
    asked = len(endpoint.asked)
    assert asked <= 30
    assert (endpoint.in_flight, endpoint.closed) == (0, 1)
    found = ledger.lookup(one.request_hash for one in requests(1_000))
    assert len(found) == asked


def test_an_interrupt_in_the_callers_loop_keeps_what_is_in_flight(ledger: Ledger) -> None:
    endpoint = ScriptedClient(after(0.05))
    with pytest.raises(KeyboardInterrupt):
        for _ in Dispatcher([endpoint], ledger, QUICK).run(requests(1_000)):
            raise KeyboardInterrupt
    assert len(ledger.lookup(one.request_hash for one in requests(1_000))) == len(endpoint.asked)


def test_a_call_that_outlasts_the_grace_time_is_cancelled(ledger: Ledger) -> None:
    async def reply(asked: Request, _: int) -> Answer:
        await asyncio.sleep(0 if asked.product_id == "p0" else 3_600)
        return ANSWER

    endpoint = ScriptedClient(reply)
    for _ in Dispatcher([endpoint], ledger, DispatchLimits(concurrency=8, grace_seconds=0.1)).run(requests(100)):
        break
    assert endpoint.in_flight == 0


def test_a_stop_from_elsewhere_ends_the_run_with_an_outcome_for_all_that_was_pulled(ledger: Ledger) -> None:
    """As a signal handler does, while the caller waits for an outcome."""
    release = threading.Event()

    async def reply(_: Request, __: int) -> Answer:
        release.set()
        await asyncio.sleep(0.2)
        return ANSWER

    pulled: list[Request] = []
    dispatcher = Dispatcher([ScriptedClient(reply)], ledger, QUICK)
    threading.Thread(target=lambda: (release.wait(10), dispatcher.stop())).start()
    outcomes = list(dispatcher.run(pulled.append(one) or one for one in requests(50_000)))
    classes = Counter(outcome.error_class for outcome in outcomes)
    assert set(classes) == {None, "stopped"}
    assert len(outcomes) == len(pulled) < 50_000
    assert "complete" not in {o.completion.status for o in outcomes if o.error_class == "stopped"}


def test_an_answer_that_cannot_be_kept_stops_the_run(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    endpoint = ScriptedClient(after(0.02))
    dispatcher = Dispatcher([endpoint], ledger, QUICK)
    with pytest.raises(LedgerError):
        for number, _ in enumerate(dispatcher.run(requests(100_000))):
            if number == 10:
                with closing(sqlite3.connect(tmp_path / "ledger.db", timeout=30)) as connection:
                    connection.execute("alter table calls rename to gone")
                    connection.commit()
    assert len(endpoint.asked) < 5_000
    with pytest.raises(LedgerError):
        ledger.close()


def test_an_error_in_the_source_ends_the_run_and_leaves_nothing_behind(ledger: Ledger) -> None:
    def source() -> Iterator[Request]:
        yield from requests(5)
        raise ValueError("the warehouse is gone")

    with pytest.raises(ValueError, match="the warehouse is gone"):
        list(Dispatcher([ScriptedClient()], ledger, QUICK).run(source()))


def test_a_run_tells_what_it_has_used_so_far(ledger: Ledger) -> None:
    list(Dispatcher([ScriptedClient(after(0))], ledger, QUICK).run(requests(3)))
    dispatcher = Dispatcher([ScriptedClient(after(0))], ledger, QUICK)
    assert dispatcher.usage() is None
    usage = None
    for _ in dispatcher.run(requests(100)):
        usage = dispatcher.usage()
    assert usage == (9_700, 4_850, pytest.approx(0.97)), "answers from the ledger are not counted"


def test_memory_does_not_grow_with_the_stream(ledger: Ledger) -> None:
    class Forgetful(ScriptedClient):
        async def complete(self, request: Request, on_text: OnText | None = None) -> Answer:
            return ANSWER

    def source() -> Iterator[Request]:
        nonlocal read
        for read in range(1, 10_001):
            yield request(read, "a kettle" * 100)

    read, ahead, peaks = 0, 0, []
    tracemalloc.start()
    for done, _ in enumerate(Dispatcher([Forgetful()], ledger, QUICK).run(source()), 1):
        ahead = max(ahead, read - done)
        if done % 2_500 == 0:
            peaks.append(tracemalloc.get_traced_memory()[1])
            # What waits for the collector, which is rarely called in tests, is no growth.
            gc.collect()
            tracemalloc.reset_peak()
    tracemalloc.stop()
    assert ahead <= 1_100, "requests are read as they are needed"
    # 2.9 MB were counted from the second 2,500 on; in the first, on a busy machine, the queues do not fill (2.4).
    assert max(peaks[2:]) <= 1.2 * peaks[1]


KILLED = """
import asyncio, os, sys
from walmart_pipeline.llm.dispatch.dispatcher import Dispatcher
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline_tests.llm.dispatch.endpoints import ANSWER, ScriptedClient, requests

log = os.open(sys.argv[2], os.O_APPEND | os.O_CREAT | os.O_WRONLY)

async def reply(asked, nth):
    os.write(log, (asked.product_id + "\\n").encode())
    await asyncio.sleep(0.02)
    return ANSWER

with Ledger(sys.argv[1]) as ledger:
    for outcome in Dispatcher([ScriptedClient(reply)], ledger, DispatchLimits(concurrency=32)).run(requests(3_000)):
        pass
"""


@pytest.mark.drill
def test_a_killed_run_repeats_at_most_what_was_in_flight(tmp_path: Path) -> None:
    log = tmp_path / "asked"
    command = [sys.executable, "-c", KILLED, f"sqlite:///{tmp_path}/ledger.db", str(log)]
    root = PROJECT
    first = subprocess.Popen(command, cwd=root)
    until = time.monotonic() + 60
    while time.monotonic() < until and (not log.exists() or log.read_text().count("\n") < 1_000):
        time.sleep(0.01)
    first.kill()
    first.wait()
    before = len(log.read_text().split())
    assert before < 3_000
    subprocess.run(command, cwd=root, check=True, timeout=60)
    asked = Counter(log.read_text().split())
    assert len(asked) == 3_000
    assert asked.total() - 3_000 <= 32

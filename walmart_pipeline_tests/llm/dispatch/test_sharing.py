"""Workers that share a ledger: none pays for what another one asks, and together they keep an endpoint's limits."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from walmart_pipeline.benchmarks.server import Behaviour, ModelServer
from walmart_pipeline.llm.calls import CallError, Request
from walmart_pipeline.llm.dispatch.budget import Budget
from walmart_pipeline.llm.dispatch.dispatcher import Dispatcher
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits, Outcome
from walmart_pipeline.llm.dispatch.rate_limits import MINUTE, ConfiguredLimits
from walmart_pipeline.llm.dispatch.run_account import RunAccount
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline.llm.ledger_claims import DEAD_SECONDS, Want
from walmart_pipeline.llm.pricing import Price
from walmart_pipeline_tests.llm.dispatch.endpoints import ScriptedClient, after, request, requests
from walmart_pipeline_tests.paths import PROJECT

LIMITS = DispatchLimits(concurrency=8, grace_seconds=10)


@contextmanager
def database(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def silent(url: str, seconds: float) -> None:
    """All workers so far were last heard of so long ago, by the clock of the database."""
    with database(url) as connection:
        connection.execute(sa.text(f"update workers set heartbeat_at = heartbeat_at - {seconds}"))
        for column in ("live_until", "expires_at"):
            connection.execute(sa.text(f"update endpoint_shares set {column} = {column} - {seconds}"))


def left_behind(url: str) -> list[int]:
    with database(url) as connection:
        return [
            connection.scalar(sa.text(f"select count(*) from {name}"))
            for name in ("workers", "claims", "endpoint_shares")
        ]


def hashes(*numbers: int) -> set[str]:
    return {request(number).request_hash for number in numbers}


def test_what_two_workers_want_is_asked_by_one_and_answers_both(url: str) -> None:
    endpoint = ScriptedClient(after(0.01))

    def work(_: int) -> list[Outcome]:
        with Ledger(url) as ledger:
            return list(Dispatcher([endpoint], ledger, LIMITS).run(requests(300)))

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(work, range(2))
    assert set(endpoint.times.values()) == {1}
    assert len(endpoint.times) == 300
    for outcomes in (first, second):
        assert {outcome.request.product_id for outcome in outcomes} == set(endpoint.times)
        assert all(outcome.answer for outcome in outcomes)
    assert sum(outcome.from_ledger for outcome in (*first, *second)) == 300, "for nothing"
    assert left_behind(url) == [0, 0, 0]


def test_claims_of_a_dead_worker_are_taken_over_and_those_of_a_live_one_are_not(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.join("dead")
        assert ledger.claim("dead", hashes(1, 2)).mine == hashes(1, 2)
        silent(url, DEAD_SECONDS + 1)
        ledger.join("alive")
        assert ledger.claim("alive", hashes(2, 3)).mine == hashes(2, 3)
        ledger.join("me")
        assert ledger.claim("me", hashes(1, 2, 3, 4)).mine == hashes(1, 4)


def test_a_worker_that_was_taken_for_dead_claims_again_what_nobody_took(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.join("paused")
        ledger.claim("paused", hashes(1, 2))
        silent(url, DEAD_SECONDS + 1)
        ledger.join("other")
        ledger.claim("other", hashes(2))
        ledger.beat("paused", hashes(1, 2), ())
        ledger.join("me")
        assert ledger.claim("me", hashes(1, 2, 3)).mine == hashes(3)


def test_what_a_worker_does_not_ask_after_all_is_free_for_others(url: str) -> None:
    """The claim ends with the request, whatever its end: no budget, an error, or a run that is left."""
    endpoint = ScriptedClient(after(0.3))
    failing = ScriptedClient(after(0, CallError("too_long", "the prompt")))
    with Ledger(url) as ledger, Ledger(url) as other:
        run = Dispatcher([endpoint], ledger, LIMITS, Budget(calls=3)).run(requests(300))
        list(Dispatcher([failing], ledger, LIMITS).run([request(1_000)]))
        assert next(run).answer, "this run is under way until it is closed"
        other.join("other")
        waiting = other.claim("other", hashes(*range(300)))
        assert len(waiting.mine) < 300
        run.close()
        assert len(other.claim("other", hashes(*range(300)) - waiting.mine).mine) + len(waiting.mine) <= 299
        other.leave("other", ())
    assert left_behind(url) == [0, 0, 0]


def test_a_stopped_run_does_not_wait_for_the_answers_of_another(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.join("other")
        ledger.claim("other", hashes(1))
        dispatcher = Dispatcher([ScriptedClient(after(0))], ledger, LIMITS)
        ends = []
        for outcome in dispatcher.run(requests(3)):
            ends.append(outcome.error_class)
            if len(ends) == 2:
                dispatcher.stop()
        assert ends == [None, None, "stopped"]


def test_the_workers_of_a_run_spend_one_budget(url: str) -> None:
    """Calls of 0.01 USD, for each of which more than 0.02 is reserved: what it does not cost is given back."""
    endpoint = ScriptedClient(after(0.001))
    wanted = [replace(each, parameters={"max_tokens": 20}) for each in requests(100)]

    def work(mine: list[Request]) -> list[Outcome]:
        with Ledger(url) as ledger:
            budget = Budget(usd=0.6, price=Price(input=0, output=1_000), run_id="run")
            return list(Dispatcher([endpoint], ledger, DispatchLimits(concurrency=2), budget).run(mine))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, (wanted[::2], wanted[1::2])))
    outcomes = work(wanted)
    assert 50 <= sum(outcome.answer is not None for outcome in outcomes) == len(endpoint.asked) <= 60
    assert all("all workers of this run" in (outcome.error or "") for outcome in outcomes if not outcome.answer)
    with Ledger(url) as ledger:
        assert ledger.drawn("run") == pytest.approx(0.01 * len(endpoint.asked))


def test_what_a_killed_worker_had_drawn_counts_as_spent(url: str) -> None:
    with Ledger(url) as ledger:
        killed, other = RunAccount(ledger, "run", 1.0), RunAccount(ledger, "run", 1.0)
        assert killed.reserve(0.3)
        assert not other.reserve(0.75)
        assert other.reserve(0.7)
        other.settle(0.7, 0.1)
        assert other.reserve(0.5)
        other.settle(0.5, 0.4)
        other.close()
        assert ledger.drawn("run") == pytest.approx(0.8)


class Sharer:
    """A worker that takes all it may, on the real tables."""

    def __init__(self, ledger: Ledger, name: str, limit: float) -> None:
        self.ledger, self.name, self.limit = ledger, name, limit
        self.used = self.allowed = 0.0
        ledger.join(name)

    @property
    def held(self) -> float:
        return max(self.used, self.allowed)

    def beat(self) -> None:
        (self.allowed,) = self.ledger.beat(self.name, (), [Want("calls", self.limit, self.held)])

    def leave(self) -> None:
        self.ledger.leave(self.name, [Want("calls", self.limit, 0)])


def test_the_sum_of_all_shares_never_exceeds_the_limit_and_settles_on_equal_ones(url: str) -> None:
    random = Random(7)
    with Ledger(url) as ledger:
        sharers = [Sharer(ledger, "first", 12)]
        sharers[0].beat()
        assert sharers[0].allowed == 12, "alone, it has all"
        for step in range(120):
            if step % 10 == 5 and len(sharers) < 4:
                sharers.append(Sharer(ledger, f"worker {step}", 12))
            if step == 80:
                sharers.pop(1).leave()
            one = random.choice(sharers)
            one.beat()
            one.used = random.choice([one.used, max(one.used, one.allowed), random.randint(0, int(one.held))])
            assert sum(each.held for each in sharers) <= 12
        for one in sharers * 3:
            one.used = 0
            one.beat()
        assert [one.allowed for one in sharers] == [3, 3, 3, 3]


def test_the_share_of_a_killed_worker_is_free_again_and_its_minute_counts_on(url: str) -> None:
    def wants(held: float) -> list[Want]:
        return [Want("calls", 10, held), Want("a minute", 100, 10 * held, counts_seconds=MINUTE)]

    with Ledger(url) as ledger:
        assert ledger.beat("killed", (), wants(0)) == [10, 100]
        ledger.beat("killed", (), wants(10))
        assert ledger.beat("me", (), wants(0)) == [0, 0]
        silent(url, DEAD_SECONDS + 1)
        assert ledger.beat("me", (), wants(0)) == [10, 0]
        silent(url, MINUTE)
        assert ledger.beat("me", (), wants(0)) == [10, 100]
        ledger.leave("me", wants(4))
        assert ledger.beat("next", (), wants(0)) == [10, 60], "what was sent within the minute"


def test_requests_and_tokens_are_sent_within_the_part_that_is_allowed() -> None:
    limits = ConfiguredLimits(120, 60_000)
    limits.allow([0, 0])
    assert limits.when(0, 400) == float("inf")
    limits.allow([60, 30_000])
    sent, now = 0, 0.0
    while (now := max(now, limits.when(now, 400))) < MINUTE:
        limits.sent(now, 400)
        sent += 1
    assert sent == 60
    assert [want.held for want in limits.wants("http://one", MINUTE - 0.1)] == [60, 30_000]


WORKER = """
import sys
from random import Random
from walmart_pipeline.llm.clients.openai import OpenAI
from walmart_pipeline.llm.clients.transport import Timeouts
from walmart_pipeline.llm.dispatch.dispatcher import Dispatcher
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline.llm.pricing import FREE
from walmart_pipeline_tests.llm.dispatch.endpoints import requests

url, server, seed = sys.argv[1:]
wanted = requests(400)
Random(int(seed)).shuffle(wanted)
client = OpenAI("drill", price=FREE, base_url=server + "/v1", connections=6, timeouts=Timeouts(read=20))
with Ledger(url) as ledger:
    outcomes = list(Dispatcher([client], ledger, DispatchLimits(concurrency=6)).run(wanted))
assert len(outcomes) == 400 and all(outcome.answer for outcome in outcomes)
"""


@pytest.mark.drill
def test_processes_share_an_endpoint_and_one_that_is_killed_costs_no_more_than_it_had_in_flight(
    url: str, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    log.touch()
    with ModelServer(Behaviour(latency=0.15), log=log) as server:
        workers = [
            subprocess.Popen([sys.executable, "-c", WORKER, url, server.url, str(seed)], cwd=PROJECT)
            for seed in range(3)
        ]
        try:
            until = time.monotonic() + 120
            while log.read_text().count("\n") < 150 and time.monotonic() < until:
                time.sleep(0.05)
            workers[0].kill()
            assert [worker.wait(300) for worker in workers[1:]] == [0, 0]
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
        stats = server.stats()
    assert stats["peak_in_flight"] <= 6
    assert stats["answered"] - stats["answered_again"] == 400
    assert stats["answered_again"] <= 6
    assert left_behind(url)[:2] == [0, 0]

"""The dispatcher against a model server over HTTP that refuses, fails, hangs, and is killed and started again."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from walmart_pipeline.benchmarks.server import Behaviour, ModelServer
from walmart_pipeline.llm.calls import Answer, CallError, Client, Request
from walmart_pipeline.llm.clients.ollama import Ollama
from walmart_pipeline.llm.clients.openai import OpenAI
from walmart_pipeline.llm.clients.transport import Timeouts
from walmart_pipeline.llm.dispatch.dispatcher import Dispatcher
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline.llm.pricing import FREE
from walmart_pipeline_tests.llm.dispatch.endpoints import requests

TIMEOUTS = Timeouts(read=2)


@pytest.fixture(scope="module")
def running() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def server(running: ModelServer) -> ModelServer:
    running.reset(Behaviour())
    return running


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


def client(dialect: str, url: str) -> Client:
    if dialect == "ollama":
        return Ollama(url, "drill", connections=64, timeouts=TIMEOUTS)
    return OpenAI("drill", price=FREE, base_url=f"{url}/v1", connections=64, timeouts=TIMEOUTS)


def whole(_: Request, answer: Answer) -> None:
    try:
        json.loads(answer.text)
    except ValueError as error:
        raise CallError("malformed", str(error)) from error


Drive = Callable[..., Counter[str | None]]


@pytest.fixture(params=["ollama", "openai"])
def drive(request: pytest.FixtureRequest, server: ModelServer, ledger: Ledger) -> Drive:
    def run(many: int, *, concurrency: int = 64, call_seconds: float = 2.0) -> Counter[str | None]:
        limits = DispatchLimits(concurrency=concurrency, call_seconds=call_seconds)
        dispatcher = Dispatcher([client(request.param, server.url)], ledger, limits, validate=whole)
        return Counter(outcome.error_class for outcome in dispatcher.run(requests(many)))

    return run


def test_a_second_run_over_http_calls_nothing(server: ModelServer, drive: Drive) -> None:
    server.reset(Behaviour(latency=0.01))
    assert drive(500) == drive(500) == {None: 500}
    assert server.stats()["calls"] == 500


def test_no_row_is_lost_to_any_fault_and_no_answer_is_paid_twice(server: ModelServer, drive: Drive) -> None:
    faults = {"refused": 0.05, "failed": 0.02, "malformed": 0.02, "hanging": 0.01, "dropped": 0.01}
    server.reset(Behaviour(latency=0.02, **faults))
    assert drive(500) == {None: 500}
    stats = server.stats()
    assert all(stats[fault] for fault in faults)
    assert stats["answered_again"] == 0


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("slots", [1, 4])
def test_a_server_of_few_slots_is_asked_nothing_in_vain(
    server: ModelServer, drive: Drive, slots: int, streams: bool
) -> None:
    """A real Ollama lets calls wait without a byte: 64 at once were given up in its queue, and asked again."""
    server.reset(Behaviour(latency=0.1, slots=slots, streams=streams))
    # All at once, the last would wait for 2.5 s.
    many = 25 * slots
    assert drive(many, call_seconds=1.2) == {None: many}
    stats = server.stats()
    assert (stats["calls"], stats["answered"]) == (many, many)
    assert stats["wasted_seconds"] == 0


def test_a_rate_limit_costs_few_refusals_and_no_row(server: ModelServer, drive: Drive) -> None:
    server.reset(Behaviour(latency=0.05, requests_per_second=100))
    assert drive(400) == {None: 400}
    assert server.stats()["refused"] <= 0.3 * 400  # most of them on the way to the limit


def test_a_permanent_error_is_one_call_and_one_row(server: ModelServer, drive: Drive) -> None:
    server.reset(Behaviour(latency=0.01, poison="kettle 77"))
    assert drive(100) == drive(100) == {None: 99, "rejected": 1}
    assert server.stats()["poisoned"] == 1


@pytest.mark.drill
def test_a_server_killed_and_started_again_costs_no_row(ledger: Ledger) -> None:
    with ModelServer(Behaviour(latency=0.02)) as server:
        again = threading.Timer(1.0, server.start)
        classes = Counter[str | None]()
        limits = DispatchLimits(concurrency=32)
        dispatcher = Dispatcher([client("openai", server.url)], ledger, limits)
        for number, outcome in enumerate(dispatcher.run(requests(600))):
            classes[outcome.error_class] += 1
            if number == 200:
                server.kill()
                again.start()
        again.join()
    assert classes == {None: 600}


@pytest.mark.drill
def test_the_work_of_a_dead_server_goes_to_the_other_one_until_it_is_back(ledger: Ledger) -> None:
    with ModelServer(Behaviour(latency=0.05)) as steady, ModelServer(Behaviour(latency=0.05)) as dying:
        clients = [client("openai", server.url) for server in (steady, dying)]
        dispatcher = Dispatcher(clients, ledger, DispatchLimits(concurrency=4))
        answered, is_back = Counter[str](), False
        dying.kill()

        def source() -> Iterator[Request]:
            """As many as it takes: a probe comes within a second or two."""
            for number, each in enumerate(requests(40_000)):
                yield each
                if is_back and number % 50 == 0 and dying.stats()["answered"] > 20:
                    return

        for outcome in dispatcher.run(source()):
            answered[outcome.error_class or "answered"] += 1
            if answered["answered"] == 200:
                dying.start()
                is_back = True
        assert dying.stats()["answered"] > 20
    assert answered.keys() == {"answered"}, "nothing waits for it, and nothing is lost"

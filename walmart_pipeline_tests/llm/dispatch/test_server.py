"""The dispatcher against a model server over HTTP that refuses, fails, hangs, and is killed and started again."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from walmart_pipeline.llm.calls import Answer, CallError, Request
from walmart_pipeline.llm.dispatch.dispatcher import Dispatcher
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline_tests.llm.dispatch.endpoints import Endpoint, requests
from walmart_pipeline_tests.paths import SHARED, needs_shared

SERVER = SHARED / "bench" / "llm_server.py"
pytestmark = needs_shared


class Server:
    """The benchmark server in a process of its own."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, str(SERVER), "--port", str(self.port)])
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                self.stats()
            except urllib.error.URLError:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError("the benchmark server does not start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def reset(self, **config: Any) -> None:
        urllib.request.urlopen(urllib.request.Request(self.url + "/reset", json.dumps(config).encode())).close()

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + "/stats") as answer:
            return dict(json.load(answer))


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.kill()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


class Http(Endpoint):
    """The least that speaks OpenAI's dialect."""

    session: aiohttp.ClientSession | None = None
    seconds: float = 2.0

    async def complete(self, request: Request) -> Answer:
        if not self.session:
            timeout = aiohttp.ClientTimeout(total=self.seconds)
            self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout)
        turns = [{"role": turn.role, "content": turn.content} for turn in request.messages]
        body = {"model": request.model, "messages": turns}
        try:
            async with self.session.post(self.endpoint + "/v1/chat/completions", json=body) as reply:
                if reply.status == 429:
                    raise CallError("refused", "429", retry_after=float(reply.headers["Retry-After"]))
                if reply.status != 200:
                    raise CallError("server" if reply.status >= 500 else "rejected", str(reply.status))
                answer = await reply.json()
        except TimeoutError as error:
            raise CallError("timeout", "timeout") from error
        except aiohttp.ClientConnectorError as error:
            raise CallError("unreachable", str(error)) from error
        except aiohttp.ClientError as error:
            raise CallError("dropped", str(error)) from error
        return Answer(answer["choices"][0]["message"]["content"], 160, 230, 0.001)

    async def close(self) -> None:
        if self.session:
            await self.session.close()


def whole(_: Request, answer: Answer) -> None:
    try:
        json.loads(answer.text)
    except ValueError as error:
        raise CallError("malformed", str(error)) from error


Drive = Callable[..., Counter[str | None]]


@pytest.fixture
def drive(server: Server, ledger: Ledger) -> Drive:
    def run(many: int, concurrency: int = 64, **options: Any) -> Counter[str | None]:
        dispatcher = Dispatcher(
            [Http(endpoint=server.url)], ledger, DispatchLimits(concurrency=concurrency), validate=whole, **options
        )
        return Counter(outcome.error_class for outcome in dispatcher.run(requests(many)))

    return run


def test_a_second_run_over_http_calls_nothing(server: Server, drive: Drive) -> None:
    server.reset(latency=0.01)
    assert drive(500) == drive(500) == {None: 500}
    assert server.stats()["total"] == 500


def test_no_row_is_lost_to_any_fault_and_no_answer_is_paid_twice(server: Server, drive: Drive) -> None:
    server.reset(latency=0.02, p429=0.05, p500=0.02, pbad=0.02, phang=0.01, pdrop=0.01)
    assert drive(800) == {None: 800}
    stats = server.stats()
    assert stats["n429"] and stats["n500"] and stats["bad"] and stats["hung"] and stats["dropped"]
    assert stats["repeated_ok"] == 0


def test_a_rate_limit_costs_few_refusals_and_no_row(server: Server, drive: Drive) -> None:
    server.reset(latency=0.05, rps_limit=100)
    assert drive(600) == {None: 600}
    assert server.stats()["n429"] <= 0.2 * 600  # most of them on the way to the limit


def test_a_permanent_error_is_one_call_and_one_row(server: Server, drive: Drive) -> None:
    server.reset(latency=0.01, poison="kettle 77")
    assert drive(100) == drive(100) == {None: 99, "rejected": 1}
    assert server.stats()["n400"] == 1


@pytest.mark.drill
def test_a_server_killed_and_started_again_costs_no_row(server: Server, ledger: Ledger) -> None:
    server.reset(latency=0.02)
    limits = DispatchLimits(concurrency=32)
    again = threading.Timer(1.0, server.start)
    classes = Counter[str | None]()
    for number, outcome in enumerate(Dispatcher([Http(endpoint=server.url)], ledger, limits).run(requests(600))):
        classes[outcome.error_class] += 1
        if number == 200:
            server.kill()
            again.start()
    again.join()
    assert classes == {None: 600}

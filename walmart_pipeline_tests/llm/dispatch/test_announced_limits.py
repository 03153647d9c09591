"""Limits that an endpoint announces: read from its headers, and kept to before it has to refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from walmart_pipeline.llm.calls import Answer, CallError, Client, Quota, Request
from walmart_pipeline.llm.clients.openai import OpenAI
from walmart_pipeline.llm.clients.responses import quotas, span
from walmart_pipeline.llm.dispatch.dispatcher import Dispatcher
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline.llm.pricing import FREE
from walmart_pipeline_tests.llm.dispatch.endpoints import ScriptedClient, dispatch, requests
from walmart_pipeline_tests.llm.model_server import TIMEOUTS, asking, error_of, says, serving

AMOUNT = st.integers(0, 10_000)
DECIMAL = st.decimals(0, 10_000, places=3).map(lambda amount: f"{amount:f}")


@given(days=AMOUNT, hours=AMOUNT, minutes=AMOUNT, seconds=DECIMAL, milliseconds=DECIMAL)
def test_every_duration_is_read_as_it_was_written(
    days: int, hours: int, minutes: int, seconds: str, milliseconds: str
) -> None:
    expected = ((days * 24 + hours) * 60 + minutes) * 60 + float(seconds) + float(milliseconds) / 1000
    assert span(f"{days}d{hours}h{minutes}m{seconds}s{milliseconds}ms") == pytest.approx(expected)


@given(st.text(max_size=20) | st.from_regex(r"[0-9.]{0,5}[dhms]{0,3}[0-9.]{0,5}[a-z]?", fullmatch=True))
def test_no_header_whatever_breaks_a_run(text: str) -> None:
    seconds = span(text)
    assert seconds is None or 0 <= seconds < float("inf")
    assert len(quotas({"ratelimit-remaining": text, "ratelimit-reset": text, "ratelimit-limit": text})) <= 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("6m0s", 360), ("120ms", 0.12), ("1h0m0s", 3_600), ("2m59.56s", 179.56), ("7", 7), ("1.5ms", 0.0015)],
)
def test_the_durations_that_servers_are_known_to_send_are_read(text: str, seconds: float) -> None:
    assert span(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "-1s", "1 s", "s", "1x", "inf", "nan", "1m30"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert span(text) is None


def test_both_dialects_of_headers_are_read() -> None:
    openai = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    assert quotas(openai) == (Quota("requests", 59, 1, 60), Quota("tokens", 149_984, 360, 150_000))
    ietf = {"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "0", "ratelimit-reset": "50"}
    assert quotas(ietf) == (Quota("requests", 0, 50, 100),)
    assert quotas({"x-ratelimit-remaining-requests": "-1", "x-ratelimit-reset-requests": "1s"}) == ()
    assert quotas({"ratelimit-remaining": "5"}) == ()


HEADERS = {
    "x-ratelimit-limit-requests": "10",
    "x-ratelimit-remaining-requests": "3",
    "x-ratelimit-reset-requests": "1m0s",
}
WHOLE = {"choices": [{"message": {"content": '{"title": "Kettle"}'}, "finish_reason": "stop"}]}
CUT = {"choices": [{"message": {"content": '{"tit'}, "finish_reason": "length"}]}


@pytest.mark.parametrize(
    ("answer", "status"), [(WHOLE, 200), (CUT, 200), ({"error": "busy"}, 500), ({"error": "full"}, 429)]
)
def test_every_answer_tells_its_limits_also_one_of_no_use(answer: Any, status: int) -> None:
    async def told() -> tuple[Quota, ...]:
        handler = says(answer, status=status, headers=HEADERS)
        async with serving({"POST /v1/chat/completions": handler}) as server:
            client = OpenAI("m", price=FREE, base_url=f"{server.url}/v1", connections=1, timeouts=TIMEOUTS)
            try:
                if answer is WHOLE:
                    return (await client.complete(asking("m"))).quotas
                return (await error_of(client.complete(asking("m")))).quotas
            finally:
                await client.close()

    assert asyncio.run(told()) == (Quota("requests", 3, 60, 10),)


@dataclass
class Window:
    """So many calls in each window, which begins with its first call; every answer tells what remains.

    at_arrival: it writes the headers when the call comes in, and not when its answer goes out.
    """

    calls: int
    seconds: float
    takes: float = 0.2
    at_arrival: bool = True
    limit_told: bool = True
    clock: Callable[[], float] = field(default=lambda: asyncio.get_running_loop().time())
    began: float = float("-inf")
    used: int = 0
    refused: int = 0

    def arrive(self) -> bool:
        """Whether the call is taken."""
        if self.clock() >= self.began + self.seconds:
            self.began, self.used = self.clock(), 0
        self.used += 1
        self.refused += self.used > self.calls
        return self.used <= self.calls

    def quota(self) -> Quota:
        reset = max(0.0, self.began + self.seconds - self.clock())
        return Quota("requests", max(0, self.calls - self.used), reset, self.calls if self.limit_told else None)

    async def __call__(self, _: Request, __: int) -> Answer:
        taken, told = self.arrive(), self.quota()
        if not taken:
            error = CallError("refused", "429")
            error.quotas = (told,)
            raise error
        await asyncio.sleep(self.takes)
        return Answer("{}", 100, 50, quotas=(told if self.at_arrival else self.quota(),))


@pytest.mark.parametrize("at_arrival", [True, False])
@pytest.mark.parametrize("takes", [0.2, 3.0])
@pytest.mark.parametrize("limit_told", [True, False])
def test_an_announced_limit_is_kept_to_without_being_refused(at_arrival: bool, takes: float, limit_told: bool) -> None:
    window = Window(50, 10.0, takes, at_arrival, limit_told)
    run = dispatch(requests(500), [ScriptedClient(window)], DispatchLimits(concurrency=64))
    assert run.classes == {None: 500}
    assert window.refused <= 2
    # Ten windows, and the first calls, two at once; a count that was written when the call came in is known too late.
    assert run.seconds <= 10 * (10.0 + takes) + takes + 1


def test_a_limit_above_what_is_asked_costs_no_time() -> None:
    announced = dispatch(requests(2_000), [ScriptedClient(Window(2_000, 5.0))], DispatchLimits(concurrency=64))
    assert announced.seconds <= 1.06 * 2_000 * 0.2 / 64


def test_a_limit_of_tokens_is_kept_to() -> None:
    used: list[tuple[float, float]] = []

    async def reply(_: Request, __: int) -> Answer:
        now = asyncio.get_running_loop().time()
        left = 10_000 - sum(tokens for at, tokens in used if at // 60 == now // 60)
        if left < 150:
            raise CallError("refused", "429", retry_after=60 - now % 60)
        used.append((now, 150))
        await asyncio.sleep(0.2)
        return Answer("{}", 100, 50, quotas=(Quota("tokens", left - 150, 60 - now % 60, 10_000),))

    endpoint = ScriptedClient(reply)
    run = dispatch(requests(300), [endpoint], DispatchLimits(concurrency=16))
    assert run.classes == {None: 300}
    assert len(endpoint.asked) - 300 <= 2
    assert run.seconds <= 5 * 60


def test_a_limit_that_another_program_uses_up_is_met_with_one_wait_and_no_lost_row() -> None:
    window = Window(50, 10.0)
    endpoint = ScriptedClient(window)

    async def shared(request: Request, nth: int) -> Answer:
        if len(endpoint.asked) % 2:
            window.used += 1
        return await window(request, nth)

    endpoint.reply = shared
    run = dispatch(requests(200), [endpoint], DispatchLimits(concurrency=16))
    assert run.classes == {None: 200}
    assert window.refused <= 0.1 * 200


def test_a_count_that_begins_anew_tomorrow_is_not_waited_for() -> None:
    """The endpoint's own refusal says why the run ends, within seconds and not after a day."""

    async def reply(_: Request, nth: int) -> Answer:
        await asyncio.sleep(0.2)
        return Answer("{}", 100, 50, quotas=(Quota("requests", 0, 86_400, 1_000),))

    run = dispatch(requests(500), [ScriptedClient(reply)], DispatchLimits(concurrency=16))
    assert run.classes == {None: 500}
    assert run.seconds < 60


def test_an_endpoint_that_falls_silent_about_its_limits_is_not_waited_for_for_ever() -> None:
    async def reply(_: Request, __: int) -> Answer:
        first = not endpoint.asked[1:]
        await asyncio.sleep(0.2)
        return Answer("{}", 100, 50, quotas=(Quota("requests", 0, 5, 10),) if first else ())

    endpoint = ScriptedClient(reply)
    run = dispatch(requests(100), [endpoint], DispatchLimits(concurrency=4))
    assert run.classes == {None: 100}


def test_over_http_an_announced_limit_is_met_with_next_to_no_refusal(tmp_path: Path) -> None:
    """N calls in each window, announced in OpenAI's headers; without them every window would end in refusals."""
    window, calls = Window(40, 1.0, clock=lambda: asyncio.get_running_loop().time()), 0

    async def chat(request: web.Request) -> web.StreamResponse:
        nonlocal calls
        calls += 1
        taken, told = window.arrive(), window.quota()
        headers = {
            "x-ratelimit-limit-requests": str(window.calls),
            "x-ratelimit-remaining-requests": f"{told.remaining:.0f}",
            "x-ratelimit-reset-requests": f"{told.reset_seconds * 1000:.0f}ms",
        }
        if not taken:
            return web.json_response({"error": {"message": "Rate limit reached"}}, status=429, headers=headers)
        await asyncio.sleep(0.02)
        return web.json_response(WHOLE, headers=headers)

    async def run() -> int:
        async with serving({"POST /v1/chat/completions": chat}) as server:

            def ask() -> int:
                openai: Client = OpenAI("m", price=FREE, base_url=f"{server.url}/v1", connections=64, timeouts=TIMEOUTS)
                with Ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
                    outcomes = list(Dispatcher([openai], ledger, DispatchLimits(concurrency=64)).run(requests(240)))
                return sum(outcome.answer is not None for outcome in outcomes)

            return await asyncio.to_thread(ask)

    assert asyncio.run(run()) == 240
    print(f"{calls} calls for 240 answers, {window.refused} refused at {window.calls} a {window.seconds:g} s")
    assert window.refused <= 0.02 * 240

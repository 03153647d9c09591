"""What becomes of requests at endpoints that are slow, busy, broken or gone: on a clock that jumps."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from walmart_pipeline.llm.calls import Answer, CallError, ErrorClass, OnText, Request
from walmart_pipeline.llm.dispatch.budget import Budget
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits
from walmart_pipeline.llm.pricing import Price
from walmart_pipeline_tests.llm.dispatch.endpoints import (
    ANSWER,
    Bucket,
    JumpingLoop,
    ScriptedClient,
    after,
    dispatch,
    request,
    requests,
)

# A call costs one cent, and never more.
CENT = Price(input=0, output=1e4 / 16_384)
UP_TO_FIVE_CENTS = Price(input=0, output=5e4 / 16_384)


def failing(error: CallError, times: int = 10**9) -> ScriptedClient:
    """Fails each request so many times, then answers."""

    async def reply(_: Request, nth: int) -> Answer:
        await asyncio.sleep(0.1)
        if nth <= times:
            raise error
        return ANSWER

    return ScriptedClient(reply)


def test_a_healthy_server_is_kept_busy_from_its_first_second() -> None:
    run = dispatch(requests(4_000), [ScriptedClient(after(0.2))], DispatchLimits(concurrency=64))
    assert run.classes == {None: 4_000}
    assert run.seconds <= 1.06 * 4_000 * 0.2 / 64


def queueing(slots: int, seconds: float = 0.2, *, reports: bool = True) -> ScriptedClient:
    """Ollama serves a few calls at once and lets the rest wait without refusing them."""
    places = asyncio.Semaphore(slots)

    async def reply(_: Request, __: int) -> Answer:
        asked = asyncio.get_running_loop().time()
        async with places:
            waited = asyncio.get_running_loop().time() - asked
            await asyncio.sleep(seconds)
        return replace(ANSWER, seconds_waited=waited if reports else None)

    return ScriptedClient(reply)


@pytest.mark.parametrize("reports", [True, False], ids=["reported", "estimated"])
@pytest.mark.parametrize("slots", [1, 2, 4, 12])
def test_a_server_of_few_slots_has_one_or_two_more_calls_in_flight_and_is_kept_busy(slots: int, reports: bool) -> None:
    client = queueing(slots, reports=reports)
    run = dispatch(requests(100 * slots), [client], DispatchLimits(concurrency=64))
    assert run.classes == {None: 100 * slots}
    assert run.seconds <= 1.05 * 100 * 0.2
    late = [in_flight for at, in_flight in client.in_flight_at if at > 0.2 * run.seconds]
    assert sum(late) / len(late) <= slots + 2


def test_a_server_that_becomes_slower_for_good_is_kept_busy() -> None:
    """Compared with the quickest answer of before, each one seems to have waited, as at a server of fewer slots."""
    places = asyncio.Semaphore(4)

    async def reply(_: Request, __: int) -> Answer:
        async with places:
            await asyncio.sleep(0.2 if asyncio.get_running_loop().time() < 10 else 0.8)
        return ANSWER

    run = dispatch(requests(1_000), [ScriptedClient(reply)], DispatchLimits(concurrency=64))
    assert run.seconds <= 1.15 * (10 + 800 / 4 * 0.8)


def test_a_server_of_few_slots_is_not_flooded_before_its_first_answers() -> None:
    client = queueing(1, 20.0)
    dispatch(requests(10), [client], DispatchLimits(concurrency=64))
    assert client.peak == 2


def test_a_wait_in_the_servers_queue_is_no_timeout() -> None:
    """Twelve calls at once on one slot were given up in the queue after 300 s, ten of them, and asked again."""
    client = queueing(1, 200.0)
    run = dispatch(requests(12), [client], DispatchLimits(concurrency=64, call_seconds=300))
    assert run.classes == {None: 12}
    assert len(client.asked) == 12


def test_a_timeout_in_the_servers_queue_is_no_attempt_of_the_request() -> None:
    """Another program keeps the server busy for half an hour."""

    async def reply(_: Request, __: int) -> Answer:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(max(1.0, 280 - now))
        return ANSWER

    run = dispatch(requests(2), [ScriptedClient(reply)], DispatchLimits(call_seconds=100, attempts=1))
    assert run.outcomes[-1].error_class is None


@pytest.mark.parametrize(("silence", "classes"), [(30, {None: 1}), (90, {"timeout": 1})])
def test_after_the_first_text_silence_is_the_timeout_and_not_the_length(silence: float, classes: object) -> None:
    class Streaming(ScriptedClient):
        async def complete(self, request: Request, on_text: OnText | None = None) -> Answer:
            for _ in range(20):
                await asyncio.sleep(silence)
                if on_text:
                    on_text("more ")
            return ANSWER

    limits = DispatchLimits(call_seconds=100, silent_seconds=60, attempts=1)
    assert dispatch([request(1)], [Streaming()], limits).classes == classes


def test_long_answers_among_short_ones_are_no_queue() -> None:
    chance = Random(3)

    async def reply(_: Request, __: int) -> Answer:
        tokens = chance.randint(20, 800)
        await asyncio.sleep(0.1 + tokens * 0.01)
        return Answer("{}", 100, tokens)

    run = dispatch(requests(2_000), [ScriptedClient(reply)], DispatchLimits(concurrency=64))
    assert run.scheduler.endpoints[0].limit >= 48


def test_hanging_calls_do_not_slow_the_others_down() -> None:
    chance = Random(1)

    async def reply(_: Request, nth: int) -> Answer:
        await asyncio.sleep(3_600 if nth == 1 and chance.random() < 0.01 else 0.2)
        return ANSWER

    run = dispatch(requests(4_000), [ScriptedClient(reply)], DispatchLimits(concurrency=64, call_seconds=5))
    assert run.classes == {None: 4_000}
    # 1 % of the calls take 5 s instead of 0.2 s: a quarter more work.
    assert run.seconds <= 1.15 * 4_000 * (0.2 + 0.01 * 5) / 64 + 5


def test_a_server_that_allows_100_calls_a_second_is_asked_that_often() -> None:
    limit = Bucket(100, 0.2)
    run = dispatch(requests(2_000), [ScriptedClient(limit)], DispatchLimits(concurrency=64))
    assert run.classes == {None: 2_000}
    assert run.seconds <= 1.15 * 19
    assert limit.refused < 0.05 * 2_000


def test_a_slow_model_behind_a_rate_limit_is_asked_that_often() -> None:
    limit = Bucket(5, 8.0)
    run = dispatch(requests(500), [ScriptedClient(limit)], DispatchLimits(concurrency=64))
    # 40 calls in flight use the limit; from two on they double each 8 s.
    growth = sum(8.0 * (1 - calls / 40) for calls in (2, 4, 8, 16))
    assert run.seconds <= 1.1 * (500 / 5 + 8 + growth)
    assert limit.refused < 0.25 * 500


def test_a_server_that_allows_20_calls_at_once_has_about_as_many() -> None:
    endpoint = ScriptedClient()

    async def reply(_: Request, __: int) -> Answer:
        if endpoint.in_flight > 20:
            await asyncio.sleep(0.005)
            raise CallError("refused", "429", retry_after=1)
        await asyncio.sleep(0.2)
        return ANSWER

    endpoint.reply = reply
    run = dispatch(requests(4_000), [endpoint], DispatchLimits(concurrency=64))
    assert run.classes == {None: 4_000}
    assert run.seconds <= 1.5 * 4_000 * 0.2 / 20
    assert len(endpoint.asked) <= 1.07 * 4_000


def test_refusals_by_chance_do_not_slow_the_endpoint_down() -> None:
    chance = Random(5)

    async def reply(_: Request, __: int) -> Answer:
        if chance.random() < 0.05:
            raise CallError("refused", "429", retry_after=1)
        await asyncio.sleep(0.2)
        return ANSWER

    run = dispatch(requests(4_000), [ScriptedClient(reply)], DispatchLimits(concurrency=64))
    assert run.classes == {None: 4_000}
    assert run.seconds <= 1.2 * 4_000 * 0.2 / 64


def test_a_refusal_that_takes_seconds_is_one_like_any_other() -> None:
    async def reply(_: Request, nth: int) -> Answer:
        await asyncio.sleep(3)
        if nth == 1:
            raise CallError("refused", "429", retry_after=1)
        return ANSWER

    assert dispatch(requests(50), [ScriptedClient(reply)], DispatchLimits(concurrency=8)).classes == {None: 50}


def test_a_refused_request_waits_as_long_as_it_was_told_and_loses_no_attempt() -> None:
    async def reply(_: Request, nth: int) -> Answer:
        if nth <= 6:
            raise CallError("refused", "429", retry_after=7)
        return ANSWER

    endpoint = ScriptedClient(reply)
    run = dispatch([request(1)], [endpoint], DispatchLimits(attempts=1))
    times = [at for at, _ in endpoint.asked]
    assert all(later - earlier >= 7 for earlier, later in pairwise(times))
    assert run.classes == {None: 1}


def test_a_refused_request_is_asked_again_before_those_not_asked_yet() -> None:
    async def reply(asked: Request, nth: int) -> Answer:
        if asked.product_id == "p0" and nth == 1:
            raise CallError("refused", "429", retry_after=1)
        await asyncio.sleep(0.2)
        return ANSWER

    endpoint = ScriptedClient(reply)
    dispatch(requests(200), [endpoint], DispatchLimits(concurrency=4))
    positions = [number for number, (_, product_id) in enumerate(endpoint.asked) if product_id == "p0"]
    assert positions[1] < 40


@pytest.mark.parametrize("kind", ["dropped", "timeout", "server", "malformed"])
def test_what_can_pass_is_asked_again_up_to_the_limit(kind: ErrorClass) -> None:
    assert dispatch([request(1)], [failing(CallError(kind, "no"), times=3)]).classes == {None: 1}
    endpoint = failing(CallError(kind, "no"))
    run = dispatch([request(1)], [endpoint])
    assert run.classes == {kind: 1}
    assert len(endpoint.asked) == run.outcomes[0].attempts == 4
    assert [call.status for call in run.ledger.calls] == ["failed"] * 4


@pytest.mark.parametrize("kind", ["rejected", "too_long", "declined"])
def test_what_cannot_pass_is_asked_once_and_kept_as_final(kind: ErrorClass) -> None:
    endpoint = failing(CallError(kind, "no"))
    run = dispatch([request(1)], [endpoint])
    assert run.classes == {kind: 1}
    assert len(endpoint.asked) == 1
    assert [call.status for call in run.ledger.calls] == ["final"]


def test_an_answer_cut_by_its_own_repetition_is_asked_for_once() -> None:
    """A weak model that repeats itself until max_tokens does so again: eight of ten products took nine minutes."""
    endpoint = failing(CallError("cut", "the model repeats itself", billed=ANSWER))
    run = dispatch([request(1)], [endpoint])
    assert run.classes == {"cut": 1}
    assert len(endpoint.asked) == 1
    assert [call.answer for call in run.ledger.calls] == [ANSWER.text]


def test_a_request_that_waits_for_its_retry_holds_no_place() -> None:
    async def reply(asked: Request, nth: int) -> Answer:
        if asked.product_id == "p0" and nth < 4:
            raise CallError("server", "500")
        await asyncio.sleep(0.1)
        return ANSWER

    run = dispatch(requests(21), [ScriptedClient(reply)], DispatchLimits(concurrency=1))
    assert run.seconds <= 21 * 0.1 + 4.5  # its waits are 0.5, 1 and 2 s; the others' calls fit into them
    assert run.outcomes[-1].request.product_id == "p0"


def test_an_answer_that_is_of_no_use_is_paid_for_and_counts_as_an_attempt() -> None:
    def validate(_: Request, __: Answer) -> None:
        raise CallError("malformed", "not JSON")

    run = dispatch([request(1)], [ScriptedClient()], validate=validate)
    outcome = run.outcomes[0]
    assert (outcome.error_class, outcome.attempts) == ("malformed", 4)
    assert outcome.cost_usd == pytest.approx(4 * ANSWER.cost_usd)
    assert [call.answer for call in run.ledger.calls] == [ANSWER.text] * 4


@pytest.mark.parametrize("kind", ["unauthorized", "missing_model"])
def test_an_endpoint_that_no_request_can_use_is_left_for_the_others(kind: ErrorClass) -> None:
    bad, good = failing(CallError(kind, "no")), ScriptedClient(endpoint="http://two")
    assert dispatch(requests(200), [bad, good]).classes == {None: 200}
    assert len(bad.asked) <= 16


def test_without_an_endpoint_every_product_is_told_why_and_none_is_asked() -> None:
    endpoint = failing(CallError("unauthorized", "the key is not valid"))
    run = dispatch(requests(500), [endpoint])
    assert run.classes == {"unauthorized": 500}
    assert len(endpoint.asked) <= 16
    assert all("the key is not valid" in str(outcome.error) for outcome in run.outcomes)
    assert {call.status for call in run.ledger.calls} == {"failed"}


def test_a_server_that_is_started_again_goes_on_and_no_request_is_lost() -> None:
    async def reply(_: Request, __: int) -> Answer:
        if 1 < asyncio.get_running_loop().time() < 40:
            raise CallError("unreachable", "connection refused")
        await asyncio.sleep(0.2)
        return ANSWER

    endpoint = ScriptedClient(reply)
    run = dispatch(requests(1_000), [endpoint], DispatchLimits(concurrency=64))
    assert run.classes == {None: 1_000}
    assert run.seconds <= 40 + 20 + 1_000 * 0.2 / 64
    assert len(endpoint.asked) <= 1_000 + 64 + 12  # while it is down, one call at a time looks for it


def test_an_outage_that_lasts_ends_the_run_with_its_reason() -> None:
    endpoint = failing(CallError("unreachable", "connection refused"))
    run = dispatch(requests(300), [endpoint], DispatchLimits(outage_seconds=300))
    assert run.classes == {"unreachable": 300}
    assert 300 <= run.seconds <= 320
    assert "no endpoint has answered for 300 s" in str(run.outcomes[-1].error)
    assert "final" not in {call.status for call in run.ledger.calls}


def test_an_endpoint_that_wants_to_be_left_alone_for_a_day_is_not_waited_for() -> None:
    run = dispatch(requests(3), [failing(CallError("refused", "quota", retry_after=86_400))])
    assert run.classes == {"refused": 3}
    assert run.seconds < 10


def test_a_hanging_call_is_ended() -> None:
    run = dispatch([request(1)], [ScriptedClient(after(1e6))], DispatchLimits(call_seconds=30, attempts=1))
    assert run.classes == {"timeout": 1}
    assert run.seconds < 31


def test_an_answer_that_came_while_the_process_stood_still_is_not_asked_for_again() -> None:
    """A laptop that slept, a paused machine, two busy cores: the answers lay unread when the timeouts were over."""
    stood_still = asyncio.Event()

    async def reply(request: Request, _: int) -> Answer:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        if request.product_id == "p0":
            await asyncio.sleep(10)
            loop.stand_still(3_600)
            # What lies in the sockets reaches a client within some turns of the loop.
            for _ in range(5):
                await asyncio.sleep(0)
            stood_still.set()
        await stood_still.wait()
        return ANSWER

    client = ScriptedClient(reply)
    run = dispatch(requests(2), [client], DispatchLimits(call_seconds=300))
    assert run.classes == {None: 2}
    assert len(client.asked) == 2


def test_endpoints_share_the_work_by_what_they_can_do() -> None:
    quick, slow = ScriptedClient(after(0.1)), ScriptedClient(after(0.4), endpoint="http://two")
    dispatch(requests(2_000), [quick, slow], DispatchLimits(concurrency=8))
    assert 3 <= len(quick.asked) / len(slow.asked) <= 5


def test_a_budget_of_calls_is_never_exceeded() -> None:
    endpoint = ScriptedClient()
    run = dispatch(requests(100), [endpoint], budget=Budget(calls=30))
    assert len(endpoint.asked) == 30
    assert run.classes == {None: 30, "budget": 70}


def test_a_budget_in_usd_is_never_exceeded_and_what_is_in_flight_is_kept() -> None:
    run = dispatch(requests(100), [ScriptedClient()], budget=Budget(usd=0.255, price=CENT))
    assert run.classes == {None: 25, "budget": 75}
    assert run.scheduler.budget.spent_usd <= 0.255
    assert all("0.25" in str(outcome.error) for outcome in run.outcomes if outcome.error_class)
    assert len(run.ledger.calls) == 25


def test_a_budget_is_never_exceeded_when_costs_vary() -> None:
    """Of 64 calls at once the first ones were cheap, and what the others cost came to 4.5 times the budget."""
    price, chance = Price(input=1.0, output=10.0), Random(4)

    async def reply(_: Request, __: int) -> Answer:
        tokens = chance.choice((10, 20, 1_000))
        await asyncio.sleep(0.2)
        return Answer("{}", 10, tokens, cost_usd=price.cost(prompt_tokens=10, completion_tokens=tokens))

    asked = [replace(one, parameters={"max_tokens": 1_000}) for one in requests(200)]
    run = dispatch(asked, [ScriptedClient(reply)], DispatchLimits(concurrency=64), Budget(usd=0.1, price=price))
    assert 0.08 <= run.scheduler.budget.spent_usd <= 0.1
    assert run.classes["budget"] > 100


def test_an_estimate_that_is_too_high_does_not_end_the_run_early() -> None:
    run = dispatch(requests(100), [ScriptedClient()], budget=Budget(usd=1.04, price=UP_TO_FIVE_CENTS))
    assert run.classes[None] >= 99


def test_a_bug_in_a_client_ends_the_run_loudly() -> None:
    async def reply(_: Request, __: int) -> Answer:
        raise KeyError("choices")

    with pytest.raises(KeyError, match="choices"):
        dispatch(requests(10), [ScriptedClient(reply)])


@pytest.mark.parametrize(("rpm", "many"), [(60, 150), (600, 1_500)])
def test_requests_per_minute_are_kept_in_every_minute(rpm: int, many: int) -> None:
    endpoint = ScriptedClient()
    run = dispatch(requests(many), [endpoint], DispatchLimits(requests_per_minute=rpm))
    times = [at for at, _ in endpoint.asked]
    assert all(sum(start <= at < start + 60 for at in times) <= rpm for start in times)
    assert run.seconds <= 60 * many / rpm + 5


def test_tokens_per_minute_are_kept_by_real_usage() -> None:
    """The estimate is far from the truth at first: a few characters a request, 150 tokens an answer."""
    endpoint = ScriptedClient()
    dispatch(requests(300), [endpoint], DispatchLimits(tokens_per_minute=15_000, concurrency=4))
    times = [at for at, _ in endpoint.asked]
    assert all(sum(start <= at < start + 60 for at in times) * 150 <= 15_000 for start in times)

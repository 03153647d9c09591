"""What calls cost at a server that is rented by the hour, and budgets over it: on a clock that jumps."""

from __future__ import annotations

import pytest

from walmart_pipeline.llm.calls import Answer, CallError
from walmart_pipeline.llm.dispatch.budget import Budget
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits
from walmart_pipeline_tests.llm.dispatch.endpoints import Run, ScriptedClient, after, dispatch, request, requests

# A dollar is a second, so that costs are seconds of use.
SECOND = 3_600.0
FREE_ANSWER = Answer("{}", 100, 50)


class RentedClient(ScriptedClient):
    """Its answers cost nothing by themselves."""

    async def complete(self, *arguments: object) -> Answer:
        await super().complete(*arguments)  # type: ignore[arg-type] # passed on
        return FREE_ANSWER


def spent(run: Run) -> float:
    return sum(call.cost_usd for call in run.ledger.calls)


@pytest.mark.parametrize("at_once", [1, 8, 64])
def test_calls_share_the_rent_so_that_together_they_cost_the_time_in_use(at_once: int) -> None:
    """Billed one by one, 640 calls of 0.2 s each are 128 s, however many there are at once."""
    client = RentedClient(after(0.2))
    run = dispatch(requests(640), [client], DispatchLimits(concurrency=at_once), Budget(rents={"http://one": SECOND}))
    assert spent(run) == pytest.approx(run.seconds, abs=0.02)
    assert spent(run) == pytest.approx(run.scheduler.budget.spent_usd)
    assert spent(run) == pytest.approx(sum(outcome.answer.cost_usd for outcome in run.outcomes if outcome.answer))


def test_a_call_that_fails_has_used_the_server_too() -> None:
    client = RentedClient(after(3, CallError("rejected", "no")))
    run = dispatch([request(1)], [client], budget=Budget(rents={"http://one": SECOND}))
    (call,) = run.ledger.calls
    assert (call.error_class, call.cost_usd) == ("rejected", pytest.approx(3))


def test_only_the_servers_that_are_rented_cost_something() -> None:
    clients = [RentedClient(after(1), endpoint="http://one"), RentedClient(after(1), endpoint="http://own")]
    run = dispatch(requests(100), clients, DispatchLimits(concurrency=1), Budget(rents={"http://one": SECOND}))
    costs = {call.endpoint: call.cost_usd for call in run.ledger.calls}
    assert costs == {"http://one": pytest.approx(1), "http://own": 0}


def test_a_budget_holds_for_a_rented_server_and_needs_no_more_for_many_calls_at_once() -> None:
    """Reserved by each call, its longest time would have left room for two of the 16 that the server takes."""
    limits = DispatchLimits(concurrency=16, call_seconds=10)
    client = RentedClient(after(1))
    run = dispatch(requests(2_000), [client], limits, Budget(usd=25, rents={"http://one": SECOND}))
    assert run.classes["budget"] > 0
    assert client.peak == 16
    # The rest is less than the longest call could cost.
    assert 25 - 10 - 1 <= spent(run) <= 25

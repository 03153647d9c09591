"""Several model servers: how they are written, and what becomes of their weights."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import provider_factory, server_list
from walmart_pipeline.generation.model_provider import ModelProvider
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm.dispatch.budget import Budget
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits
from walmart_pipeline.llm.dispatch.scheduler import Scheduler
from walmart_pipeline_tests.llm.dispatch.endpoints import JumpingLoop, Memory, ScriptedClient, after, requests


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("http://a:11434", {"http://a:11434": 1}),
        (" http://a=3, b:8000/v1=0.5 ,", {"http://a": 3, "b:8000/v1": 0.5}),
        ("http://a=0", {"http://a": 1}),
        ("http://a/?model=x", {"http://a/?model=x": 1}),
    ],
)
def test_a_weight_follows_its_address(text: str, servers: dict[str, float]) -> None:
    assert server_list.weights(text) == servers


@pytest.mark.parametrize("provider", ["ollama", "openai"])
def test_either_dialect_has_a_client_for_each_server(provider: str, tmp_path: Path) -> None:
    servers = "http://gpu-1:9000=3,gpu-2:9000"
    settings = Settings(workspace=tmp_path, provider=provider, base_url=servers, model="m", openai_api_key=None)
    chosen = provider_factory.choose(settings, Judge(profiles.load("walmart-2025")))
    assert isinstance(chosen, ModelProvider)
    addresses = [client.endpoint for client in chosen.call_settings.clients()]
    assert addresses == ["http://gpu-1:9000", "http://gpu-2:9000"]
    assert chosen.call_settings.limits.weights == {"http://gpu-1:9000": 3, "http://gpu-2:9000": 1}


def test_calls_are_divided_by_weight_while_all_servers_have_room() -> None:
    heavy, light = ScriptedClient(after(1), "http://a"), ScriptedClient(after(1), "http://b")
    limits = DispatchLimits(weights={"http://a": 3, "http://b": 1})

    async def trickle() -> None:
        scheduler = Scheduler([heavy, light], Memory(), limits, Budget(), None, lambda _: None, Random(1))
        scheduler.offer((each.request_hash, each) for each in requests(400))
        await asyncio.sleep(60)
        heavy.asked.clear()
        light.asked.clear()
        for each in requests(800)[400:]:
            scheduler.offer([(each.request_hash, each)])
            await asyncio.sleep(0.1)
        scheduler.stop("done")
        await scheduler.drain(2)

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(trickle())
    assert len(heavy.asked) + len(light.asked) == 400
    assert 2 <= len(heavy.asked) / len(light.asked) <= 4

"""The benchmarks' model server as an Ollama that keeps models, and the listings that it writes."""

from __future__ import annotations

import asyncio
import json

import pytest

from walmart_pipeline.benchmarks import factual_listing
from walmart_pipeline.benchmarks.server import Behaviour, ModelServer
from walmart_pipeline.llm.clients.ollama_models import OllamaRegistry
from walmart_pipeline.llm.clients.transport import Timeouts
from walmart_pipeline.stages.models import registration
from walmart_pipeline.stages.models.modelfile import Modelfile

PARAGRAPH = "A sentence of the record about the kettle and what it is for. " * 20
FACTS = {
    "product_name": "Kettle",
    "features": ["Holds 1.7 L", "Navy", "Steel", PARAGRAPH.strip()],
    "category": "Home > Kettles",
}


def asked(facts: object) -> dict[str, str]:
    return {"role": "user", "content": json.dumps(facts)}


def written(*messages: dict[str, str], **how: bool | str) -> dict[str, str]:
    return dict(json.loads(factual_listing.write(list(messages), **how)))  # type: ignore[arg-type] # flags by name


def test_a_made_model_is_described_as_its_modelfile_says() -> None:
    """Registration compares them, and refuses a model that differs."""
    modelfile = Modelfile(
        from_="drill", parameters={"temperature": 0.4, "num_ctx": 8192, "stop": ["</s>"]}, system="Write listings.",
        messages=[("user", "facts"), ("assistant", "listing")],
    )  # fmt: skip

    async def register(url: str) -> list[str]:
        client = OllamaRegistry(url, "drill", connections=1, timeouts=Timeouts(read=10))
        try:
            base = await client.show("drill")
            assert base is not None
            await client.create("own:1.0.0", registration.create_payload(modelfile, None))
            await client.copy("own:1.0.0", "own:latest")
            assert await client.manifest("own") == await client.manifest("own:1.0.0") != await client.manifest("drill")
            assert await client.show("other") is None
            shown = await client.show("own")
            assert shown is not None
            return registration.differences(shown, modelfile, base, None)
        finally:
            await client.close()

    with ModelServer(Behaviour(latency=0.0)) as server:
        assert asyncio.run(register(server.url)) == []


def test_a_lean_model_stops_early_unless_it_has_seen_an_example() -> None:
    whole = written(asked(FACTS))["description"]
    assert whole == PARAGRAPH.strip()
    lean = written(asked(FACTS), lean=True)["description"]
    assert len(lean) < len(whole)
    assert whole.startswith(lean)
    example = asked(FACTS | {"product_name": "Lamp"})
    taught = written(example, {"role": "assistant", "content": "{}"}, asked(FACTS), lean=True)
    assert (taught["title"], taught["description"]) == ("Kettle", whole)


@pytest.mark.parametrize(("terse", "features"), [("Home >", 2), ("Pets >", 3)])
def test_a_terse_model_lists_few_features_of_the_named_category(terse: str, features: int) -> None:
    assert len(written(asked(FACTS), terse=terse)["key_features"]) == features


def test_a_complaint_is_answered_about_the_same_product() -> None:
    answer = {"role": "assistant", "content": json.dumps(written(asked(FACTS), shouting=True))}
    assert written(asked(FACTS), shouting=True)["title"] == "Kettle FREE SHIPPING"
    assert (
        written(asked(FACTS), answer, {"role": "user", "content": "mend the title"}, shouting=True)["title"] == "Kettle"
    )

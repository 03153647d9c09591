"""Who writes, over several runs: the model that was chosen, and the template writer where it fails or is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_pipeline.core.settings import Settings
from walmart_pipeline_tests.conftest import KETTLE, Pipeline
from walmart_pipeline_tests.generation.test_model_provider import GOOD, SHOUTING
from walmart_pipeline_tests.llm.fake_ollama import FakeOllama, fake_ollama


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with fake_ollama(lambda _: GOOD.model_dump_json()) as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path, server: FakeOllama) -> Pipeline:
    """Three products, and an Ollama where `auto` finds it."""
    pipeline = Pipeline(tmp_path)
    pipeline.settings = Settings(workspace=tmp_path, ollama_base_url=server.url)
    pipeline.ingest([kettle(number) for number in range(3)])
    return pipeline


def kettle(number: int) -> dict[str, object]:
    """A product of its own; of one brand and name they would be merged."""
    specs = KETTLE["specs"] | {"Item": f"H{number}"}
    name = f"{KETTLE['product_name']} No. {number}"
    return KETTLE | {"item_id": f"K-{number}", "gtin": None, "specs": specs, "product_name": name}


def test_a_stand_in_is_credited_to_the_template_writer_and_not_learned_from(shop: Pipeline, server: FakeOllama) -> None:
    """A model without one usable answer was once credited with 66 accepted texts, and trained on them."""
    server.says = lambda _: SHOUTING.model_dump_json()
    summary = shop.run()
    assert (summary.accepted, summary.stand_ins, summary.accepted_by_writer) == (3, 3, {"template": 3})
    assert shop.query("select distinct provider, written_by from content.generated_content") == [
        {"provider": "ollama", "written_by": "template"}
    ]
    assert summary.examples == 0
    shop.settings = shop.settings.model_copy(update={"learn_from_stand_ins": True})
    assert shop.run().examples == 1  # near-copies of it are excluded
    data = json.loads((shop.settings.datasets / "v2" / "training_data.json").read_text())
    assert {example["metadata"]["model_used"] for example in data} == {"template"}


def test_a_models_own_text_is_credited_to_it(shop: Pipeline) -> None:
    summary = shop.run()
    assert (summary.stand_ins, list(summary.accepted_by_writer)) == (0, ["writer:latest@aaaaaaaaaaaa"])

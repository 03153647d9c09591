"""Who writes, over several runs: the model that was chosen, and the template writer where it fails or is away."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.stages.content import assets
from walmart_pipeline.stages.evaluation import held_out
from walmart_pipeline_tests.conftest import KETTLE, Pipeline
from walmart_pipeline_tests.generation.test_model_provider import GOOD, SHOUTING
from walmart_pipeline_tests.llm.fake_ollama import FakeOllama, fake_ollama


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with fake_ollama(lambda _: GOOD.model_dump_json()) as running:
        yield running


@pytest.fixture
def shop(pipeline: Pipeline, server: FakeOllama) -> Pipeline:
    """Three products, and an Ollama where `auto` finds it."""
    pipeline.settings = Settings(workspace=pipeline.settings.workspace, ollama_base_url=server.url)
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
    with shop.warehouse.writing() as db:
        db.execute("update training.split set split = 'test'")
        assert {row["writer"] for row in db.query(held_out.HELD_OUT)} == {"template in place of a model"}
    shop.settings = shop.settings.model_copy(update={"learn_from_stand_ins": True})
    assert shop.run().examples == 1  # near-copies of it are excluded
    data = json.loads((shop.settings.datasets / "v2" / "training_data.json").read_text())
    assert {example["metadata"]["model_used"] for example in data} == {"template"}


@pytest.mark.shares_warehouse
def test_a_models_own_text_is_published_clean_and_credited_to_it_and_the_warehouse_is_free_meanwhile(
    shop: Pipeline, server: FakeOllama
) -> None:
    """Exports and ratings once waited for hours for a run that waited for its model."""
    joined = {"title": f"{GOOD.title}\0", "key_features": [" | ".join(GOOD.key_features)]}
    written: list[int] = []
    script = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('create table main.free as select 1')"

    def says(_: list[dict[str, str]]) -> str:
        if not written:
            written.append(-1)
            write = [sys.executable, "-c", script, str(shop.settings.warehouse)]
            written.append(subprocess.run(write, check=False).returncode)
        return GOOD.model_copy(update=joined).model_dump_json()

    server.says = says
    shop.shares = True
    summary = shop.run()
    assert (summary.stand_ins, list(summary.accepted_by_writer)) == (0, ["writer:latest@aaaaaaaaaaaa"])
    lines = (shop.settings.exports / "listings.jsonl").read_text().splitlines()
    assert [Listing(**json.loads(line)["listing"]) for line in lines] == [GOOD] * 3
    assert written == [-1, 0]
    assert shop.query("from main.free") == [{"1": 1}]
    assert assets.generated_content.op.pool is None


def test_an_outage_is_no_reason_to_rewrite(shop: Pipeline, server: FakeOllama) -> None:
    """An Ollama that did not answer one night once had the whole catalog rewritten by the template writer."""
    shop.run()
    present, away = shop.settings, shop.settings.model_copy(update={"ollama_base_url": "http://127.0.0.1:9"})
    shop.settings = away
    shop.ingest([kettle(0) | {"description": f"{KETTLE['description']} It hums."}, *map(kettle, range(1, 4))])
    summary = shop.run()
    assert (summary.planned, summary.plan_by_reason) == (1, {"new": 1})
    assert (summary.stand_ins, summary.accepted_by_writer["template"]) == (1, 1)
    assert "Ollama does not answer at http://127.0.0.1:9: writer:latest can't be asked" in (summary.notice or "")
    shop.settings = present
    server.models.add("a-newly-pulled-model:latest")
    summary = shop.run()
    assert summary.plan_by_reason == {"facts changed": 1, "model is back": 1}
    assert (summary.stand_ins, summary.notice) == (0, None)
    assert summary.accepted_by_writer == {"writer:latest@aaaaaaaaaaaa": 4}

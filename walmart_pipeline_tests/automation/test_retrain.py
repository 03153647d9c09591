"""The whole loop: from accepted texts to a model that writes the next night, and back."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_pipeline import runner
from walmart_pipeline.automation.retrain_config import RetrainConfig
from walmart_pipeline.automation.retrain_summary import Retraining
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.registry import model_versions
from walmart_pipeline.stages.evaluation import gates
from walmart_pipeline_tests.conftest import Pipeline, skip_reports, warehouses_open
from walmart_pipeline_tests.llm.fake_ollama import FakeOllama, Model, fake_ollama
from walmart_pipeline_tests.paths import COMMAND

CONFIG = RetrainConfig(trials=2, tuning_products=4, calls=40, evaluation_products=24)


class Writer:
    """A base model that cuts its descriptions short, and what is built from it as good, or as bad, as a test says."""

    def __init__(self, good: dict[str, Listing]) -> None:
        self._good = good
        self.built_is_good = True

    def __call__(self, messages: list[dict[str, str]]) -> str:
        listing = self._good.get(json.loads(messages[-1]["content"])["product_name"], Listing(title="?"))
        if len(messages) > 1:
            return _cut(listing, 100).model_dump_json()
        return (listing if self.built_is_good else _cut(listing, 40)).model_dump_json()


def _cut(listing: Listing, words: int) -> Listing:
    return listing.model_copy(update={"description": " ".join(listing.description.split()[:words])})


@pytest.fixture(autouse=True)
def eighteen_families_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample's test side has no more; an evaluation asks for twenty."""
    monkeypatch.setattr(gates, "MIN_FAMILIES", 18)


@pytest.fixture
def home(sample_copy: Pipeline) -> Pipeline:
    return sample_copy


@pytest.fixture
def writer(home: Pipeline) -> Writer:
    rows = home.query(
        "select product_name, content.title, content.key_features, content.description, content.seo_keywords "
        "from content.generated_content as content join catalog.products using (product_id) where status = 'complete'"
    )
    return Writer({row.pop("product_name"): Listing(**row) for row in rows})


@pytest.fixture
def server(home: Pipeline, writer: Writer) -> Iterator[FakeOllama]:
    with fake_ollama(writer) as running_server:
        home.settings = Settings(
            workspace=home.settings.workspace, provider="ollama", base_url=running_server.url, canary_share=1
        )
        yield running_server


def retrain(home: Pipeline) -> Retraining:
    named = home.settings.model_copy(update={"model": "writer"})
    with pytest.MonkeyPatch.context() as patch, warehouses_open():
        skip_reports(patch)
        done = runner.retrain(named, config=CONFIG, tiers=["basic"], progress=LogProgress())
    assert done.error is None
    return done


def test_a_better_model_is_promoted_writes_the_next_night_and_is_rolled_back(
    home: Pipeline, server: FakeOllama
) -> None:
    done = retrain(home)
    (decision,) = done.decisions
    assert (decision.candidate, decision.verdict, decision.reasons) == ("walmart-gpt-basic:1.0.0", "promoted", [])
    assert decision.low is not None
    assert decision.low > 0
    assert done.report is not None
    assert "walmart-gpt-basic:1.0.0" in Path(done.report).read_text()
    assert {contender.kind for contender in done.contenders} == {"base", "candidate", "template", "source"}

    assert 1 <= home.run(limit=5).calls <= 5, "the calls of the evaluation are in the ledger"
    assert home.query("select distinct model[:23] as model from content.generation_plan") == [
        {"model": "walmart-gpt-basic:1.0.0"}
    ]
    assert all(len(messages) == 1 for messages in server.asked[-5:]), "the model holds its own instructions"

    with home.warehouse.writing() as db:
        model_versions.rollback(db, "ollama", decided_by="a person", reason="complaints")
    home.run(limit=1)
    assert home.query("select distinct model[:13] as model from content.generation_plan") == [
        {"model": "writer:latest"}
    ]


def test_a_worse_model_is_refused_with_its_reasons_and_the_base_model_goes_on(
    home: Pipeline, server: FakeOllama, writer: Writer
) -> None:
    writer.built_is_good = False
    done = retrain(home)
    (decision,) = done.decisions
    assert decision.verdict == "refused"
    assert decision.reasons
    assert done.champion is None
    with home.warehouse.reading() as db:
        assert [version.status for version in model_versions.versions(db)] == ["retired"]


@pytest.mark.drill
def test_a_retraining_keeps_no_nightly_run_waiting_and_goes_on_where_it_was_killed(
    home: Pipeline, server: FakeOllama
) -> None:
    """While a model is made another run ends; after SIGKILL: no second version, no question asked twice."""
    reached, free = threading.Event(), threading.Event()

    def hold(_: Model) -> None:
        reached.set()
        free.wait(300)

    server.tamper = hold
    arguments = {
        "--home": home.settings.workspace,
        "--provider": "ollama",
        "--base-url": server.url,
        "--model": "writer",
        "--tier": "basic",
        "--trials": CONFIG.trials,
        "--tuning-products": CONFIG.tuning_products,
        "--calls": CONFIG.calls,
        "--products": CONFIG.evaluation_products,
    }
    words = [str(word) for pair in arguments.items() for word in pair]
    process = subprocess.Popen([COMMAND, "retrain", *words])
    try:
        assert reached.wait(240), "no model was made"
        nightly = Pipeline(home.settings.workspace, shares=True)
        nightly.settings = home.settings.model_copy(update={"provider": "template", "warehouse_wait_seconds": 20.0})
        nightly.run()
        process.send_signal(signal.SIGKILL)
        process.wait()
    finally:
        process.kill()
        free.set()
    server.tamper = lambda _: None
    _settled(home.settings)
    tuning = len(server.asked)
    done = retrain(home)
    assert done.decisions[0].verdict == "promoted"
    assert done.candidates == ["walmart-gpt-basic:1.0.0"]
    assert server.find("walmart-gpt-basic:1.0.0")
    # The smoke listing, and base model and candidate about each product of the evaluation; nothing of the tuning again.
    assert len(server.asked) - tuning <= 1 + 2 * CONFIG.evaluation_products
    states = home.query("select name, state from models.registrations")
    assert states == [{"name": "walmart-gpt-basic:1.0.0", "state": "registered"}]


def _settled(settings: Settings) -> None:
    """The killed process's lock on the warehouse is gone."""
    time.sleep(0.1)
    with FileWarehouse(settings.warehouse, 10).reading():
        pass

"""The sensor for batches, tick by tick, on a real Dagster instance with real runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import pytest

from walmart_pipeline.automation import live_runs
from walmart_pipeline.automation.sensors import batches_sensor
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.definitions import build_defs
from walmart_pipeline_tests.conftest import KETTLE, Pipeline
from walmart_pipeline_tests.generation.test_model_provider import GOOD
from walmart_pipeline_tests.llm.batch.test_lifecycle import Run, products
from walmart_pipeline_tests.llm.fake_openai import FakeOpenAI, fake_openai

pytestmark = pytest.mark.usefixtures("no_reports")


class Nights:
    """Runs that sent batches, and the sensor as its daemon drives it."""

    def __init__(self, home: Path, server: FakeOpenAI, instance: dg.DagsterInstance) -> None:
        self.settings = Settings(workspace=home, provider="openai", model="writer", base_url=server.url, batch=True)
        self.server, self.instance = server, instance
        self.job = build_defs({"settings": self.settings}).resolve_job_def("pipeline")

    def send(self, first: int = 0) -> None:
        """Two products: one tries the model out, the other waits."""
        assert len(Run(self.settings.workspace, self.server.url, products(first + 2)[first:]).waiting) == 1

    def tick(self, settings: Settings | None = None) -> dg.RunRequest | dg.SkipReason:
        context = dg.build_sensor_context(instance=self.instance, resources={"settings": settings or self.settings})
        data = batches_sensor.evaluate_tick(context)
        if data.run_requests:
            (request,) = data.run_requests
            return request
        return dg.SkipReason(data.skip_message)

    def launch(self, tags: Mapping[str, str] | None = None) -> None:
        assert self.job.execute_in_process(instance=self.instance, tags=dict(tags or {})).success


@pytest.fixture
def nights(pipeline: Pipeline) -> Iterator[Nights]:
    with fake_openai(lambda _: GOOD.model_dump_json()) as server, live_runs.instance(pipeline.settings) as instance:
        yield Nights(pipeline.settings.workspace, server, instance)


def skipped(tick: dg.RunRequest | dg.SkipReason) -> str:
    assert isinstance(tick, dg.SkipReason)
    return tick.skip_message or ""


def test_a_run_is_requested_when_a_batch_has_ended_and_collects_it(nights: Nights, pipeline: Pipeline) -> None:
    skipped(nights.tick())
    names = ("Harbor", "Cove", "Bay")
    kettles = [KETTLE | {"item_id": name, "gtin": None, "product_name": f"Steel Kettle {name}"} for name in names]
    pipeline.ingest(kettles)
    nights.launch()
    skipped(nights.tick())
    nights.server.end("batch-0")
    request = nights.tick()
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "batch-0"
    nights.launch(request.tags)
    assert pipeline.query("from content.waiting") == []
    assert len(pipeline.query("from content.generated_content where status = 'complete'")) == 3
    skipped(nights.tick())


@pytest.mark.parametrize("status", ["failed", "expired", "cancelled"])
def test_a_batch_that_ended_badly_is_seen_to_as_well(nights: Nights, status: str) -> None:
    nights.send()
    nights.server.end("batch-0", status, output=[])
    assert isinstance(nights.tick(), dg.RunRequest)


def test_a_batch_that_the_server_has_forgotten_is_seen_to_as_well(nights: Nights) -> None:
    nights.send()
    nights.server.forget("batch-0")
    assert isinstance(nights.tick(), dg.RunRequest)


def test_one_run_is_active_at_a_time_and_none_is_requested_twice(nights: Nights) -> None:
    nights.send()
    nights.send(2)
    nights.server.end("batch-0")
    nights.server.end("batch-1")
    for batch in ("batch-0", "batch-1"):
        request = nights.tick()
        assert isinstance(request, dg.RunRequest)
        assert request.run_key == batch
        run = nights.instance.create_run_for_job(
            nights.job, tags=dict(request.tags), status=dg.DagsterRunStatus.STARTED
        )
        assert "not finished" in skipped(nights.tick())
        nights.instance.report_run_canceled(run)
    assert "already requested" in skipped(nights.tick())


def test_a_provider_that_takes_no_batches_is_not_set_to_work(nights: Nights) -> None:
    nights.send()
    nights.server.end("batch-0")
    assert "WALMART_PROVIDER" in skipped(nights.tick(Settings(workspace=nights.settings.workspace)))

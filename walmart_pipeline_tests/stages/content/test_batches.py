"""Batches through the whole pipeline: what a user sees of products that wait for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_pipeline import runner
from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline.core.settings import Settings
from walmart_pipeline_tests.cli.test_cli import command
from walmart_pipeline_tests.conftest import KETTLE, Pipeline
from walmart_pipeline_tests.generation.test_model_provider import GOOD
from walmart_pipeline_tests.llm.fake_openai import FakeOpenAI, fake_openai

KETTLES = [KETTLE | {"item_id": f"K-{n}", "gtin": None, "specs": KETTLE["specs"] | {"Item": f"H{n}"}} for n in range(4)]


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with fake_openai(lambda _: GOOD.model_dump_json()) as running_server:
        yield running_server


@pytest.fixture
def nightly(pipeline: Pipeline, server: FakeOpenAI) -> Pipeline:
    """A pipeline whose runs send batches."""
    workspace = pipeline.settings.workspace
    pipeline.settings = Settings(
        workspace=workspace, provider="openai", model="writer", base_url=server.url, batch=True
    )
    for number, kettle in enumerate(KETTLES):
        # Products of one brand and name would be merged: each has a name of its own.
        kettles = kettle | {"product_name": f"{kettle['product_name']} No. {number}"}
        pipeline.ingest([kettles], f"feed-{number}.jsonl")
    return pipeline


def test_products_wait_for_their_batch_in_the_plan_and_are_written_by_a_later_run(
    nightly: Pipeline, server: FakeOpenAI
) -> None:
    first = nightly.run()
    assert (first.products, first.planned, first.accepted) == (4, 4, 1)
    assert first.waiting_by_batch == {"batch-0": 3}
    assert (first.failed, first.needs_review) == (0, 0)
    second = nightly.run()
    assert (second.planned, second.calls, second.waiting_by_batch) == (3, 0, {"batch-0": 3})
    server.end("batch-0")
    third = nightly.run()
    assert (third.planned, third.accepted, third.waiting_by_batch) == (3, 4, {})
    assert (third.calls, len(server.live), len(server.batches)) == (3, 1, 1)


def test_a_run_with_another_provider_writes_what_waited(nightly: Pipeline) -> None:
    nightly.run()
    nightly.settings = Settings(workspace=nightly.settings.workspace, provider="template")
    summary = nightly.run()
    assert (summary.accepted, summary.waiting_by_batch) == (4, {})


def test_a_plan_alone_sends_nothing(nightly: Pipeline, server: FakeOpenAI) -> None:
    summary = runner.run(nightly.settings, plan_only=True, progress=LogProgress())
    assert (summary.error, summary.planned) == (None, 4)
    assert (server.files, server.live) == ({}, [])


def test_batches_with_a_provider_that_takes_none_are_wrong_usage(tmp_path: Path) -> None:
    done = command("run", "--provider", "template", "--batch", "--home", tmp_path)
    assert done.exit_code == 2
    assert "--provider openai" in done.stderr
    done = command("run", "--home", tmp_path, WALMART_BATCH="true")
    assert done.exit_code == 2

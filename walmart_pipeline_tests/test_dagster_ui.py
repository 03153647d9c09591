"""The pipeline from Dagster's own doors: the UI in a real browser, and `dg launch`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Page, sync_playwright

from walmart_pipeline.core import workspace
from walmart_pipeline_tests.conftest import CHROMIUM, KETTLE, Pipeline
from walmart_pipeline_tests.paths import BIN, PROJECT

# Without these, chromium asks hosts on the internet at each start.
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")

COUNTS = """
select
    (select count(*) from catalog.raw_products) as rows_in,
    (select count(*) from catalog.merges) as rows_merged,
    (select count(*) from catalog.rejects) as rows_rejected,
    (select count(*) from quality.listings) as accepted,
    (select count(*) from quality.review_queue) as to_review,
    (select count(*) from training.dataset) as examples
"""
EXPECTED = {"rows_in": 4, "rows_merged": 1, "rows_rejected": 1, "accepted": 1, "to_review": 1, "examples": 1}


def counts(pipeline: Pipeline) -> dict[str, int]:
    return pipeline.query(COUNTS)[0]


# A product, another row of it, one without a name, and one with too few facts.
FEED = [KETTLE, KETTLE, {"item_id": "K-2"}, {"item_id": "K-3", "product_name": "Brindlewick Kettle"}]


def test_the_command_line_gives_these_counts(pipeline: Pipeline) -> None:
    pipeline.ingest(FEED)
    pipeline.run()
    assert counts(pipeline) == EXPECTED


def environment(pipeline: Pipeline) -> dict[str, str]:
    workspace.prepare(pipeline.settings)
    return dict(os.environ)


@pytest.fixture
def ui(pipeline: Pipeline) -> Iterator[str]:
    """Address of a Dagster UI that `walmart-pipeline dev` serves, started as a shell starts what is in the background.

    SIGINT is ignored there, and dagster treats SIGTERM as SIGINT: `dev` once could only be killed.
    """
    pipeline.ingest(FEED)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [BIN / "walmart-pipeline", "dev", "--home", pipeline.settings.workspace, "--port", str(port)]
    log = (pipeline.settings.workspace / "dev.log").open("w")
    in_background = ["sh", "-c", 'trap "" INT; exec "$0" "$@"', *arguments]
    process = subprocess.Popen(in_background, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(f"http://127.0.0.1:{port}/server_info", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "walmart-pipeline dev ended by itself"
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, TimeoutError):
            time.sleep(1)
        else:
            return
    raise AssertionError(f"nothing answers at {url}")


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser.new_page(viewport={"width": 1700, "height": 950})
        browser.close()


@pytest.mark.browser
def test_materialize_all_in_the_browser_gives_the_same_counts(ui: str, page: Page, pipeline: Pipeline) -> None:
    page.goto(f"{ui}/asset-groups")
    page.get_by_role("button", name="Materialize all").click()
    page.get_by_text("Launched run").wait_for(timeout=60_000)
    page.goto(f"{ui}/runs")
    page.get_by_text("Success", exact=True).first.wait_for(timeout=300_000)
    assert counts(pipeline) == EXPECTED
    page.goto(f"{ui}/assets/quality/review_queue")
    page.get_by_text("the facts carry").first.wait_for(timeout=60_000)


def test_dg_launch_gives_the_same_counts(pipeline: Pipeline) -> None:
    pipeline.ingest(FEED)
    launched = subprocess.run(
        [BIN / "dg", "launch", "--assets", "*"],
        cwd=PROJECT,
        env=environment(pipeline),
        capture_output=True,
        text=True,
        check=False,
    )
    assert launched.returncode == 0, launched.stderr[-3000:]
    assert counts(pipeline) == EXPECTED

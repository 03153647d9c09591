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

import dagster as dg
import pytest
from playwright.sync_api import Page, sync_playwright

from walmart_pipeline.automation import live_runs
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


EXPORTS = dg.AssetKey(["delivery", "exports"])

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
def ui(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a Dagster UI that `walmart-pipeline dev` serves, started as a shell starts what is in the background.

    SIGINT is ignored there, and dagster treats SIGTERM as SIGINT: `dev` once could only be killed.
    """
    pipeline.ingest(FEED)
    port = free_port()
    monkeypatch.setenv("WALMART_REPORTS_URL", f"http://127.0.0.1:{free_port()}")
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


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


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
        opened = browser.new_page(viewport={"width": 1700, "height": 950})
        # Two busy cores take a minute for a page of the UI.
        opened.set_default_timeout(180_000)
        yield opened
        browser.close()


@pytest.mark.browser
def test_a_run_of_everything_in_the_browser_and_what_the_ui_tells_of_it(
    ui: str, page: Page, pipeline: Pipeline
) -> None:
    """One server and one run for all pages: they cost most of the time."""
    page.goto(f"{ui}/asset-groups")
    page.get_by_role("button", name="Materialize all").click()
    page.get_by_text("Launched run").wait_for()
    graph_shows_the_stages(page)
    page.goto(f"{ui}/runs")
    page.get_by_text("Success", exact=True).first.wait_for(timeout=600_000)
    assert counts(pipeline) == EXPECTED
    page.goto(f"{ui}/assets/quality/review_queue")
    page.get_by_text("the facts carry").first.wait_for()

    materialize_one_asset(page, ui, pipeline)
    plots_have_a_point_for_each_run(page, ui)
    automation_names_what_can_be_switched_on(page, ui)
    a_run_has_settings_of_its_own(page, ui)
    an_asset_links_its_section_of_the_manual(page, ui)
    checks_say_what_they_saw_and_link_to_a_report(page, ui)


def graph_shows_the_stages(page: Page) -> None:
    for stage in ("sources", "catalog", "content", "quality", "training", "models", "evaluation", "delivery"):
        page.get_by_text(stage, exact=True).first.wait_for()


def materialize_one_asset(page: Page, ui: str, pipeline: Pipeline) -> None:
    before = times_made(pipeline)
    page.goto(f"{ui}/assets/delivery/exports")
    page.get_by_role("button", name="Materialize").first.click()
    page.get_by_text("Launched run").wait_for()
    for _ in range(600):
        if times_made(pipeline) > before:
            return
        page.wait_for_timeout(1000)
    raise AssertionError("the asset was not materialized")


def times_made(pipeline: Pipeline) -> int:
    with live_runs.instance(pipeline.settings) as instance:
        return len(instance.fetch_materializations(EXPORTS, limit=10).records)


def plots_have_a_point_for_each_run(page: Page, ui: str) -> None:
    page.goto(f"{ui}/assets/delivery/exports")
    page.get_by_role("button", name="Plots").click()
    page.get_by_text("dagster/row_count").first.wait_for()
    page.locator("canvas").first.wait_for()


def automation_names_what_can_be_switched_on(page: Page, ui: str) -> None:
    page.goto(f"{ui}/automation")
    for name in ("nightly", "weekly_evaluation", "monthly_cleanup", "inbox", "feedback", "promotion", "following"):
        page.get_by_text(name, exact=True).first.wait_for()


def a_run_has_settings_of_its_own(page: Page, ui: str) -> None:
    page.goto(f"{ui}/locations/__repository__@walmart_pipeline/resources/settings")
    for name in ("provider", "model", "base_url", "budget_usd"):
        page.get_by_text(name, exact=True).first.wait_for()


def an_asset_links_its_section_of_the_manual(page: Page, ui: str) -> None:
    page.goto(f"{ui}/assets/quality/scores")
    page.get_by_text("made_by: nightly").first.wait_for()
    link = page.locator('a[href*="/docs#"]').first
    page.goto(link.get_attribute("href") or "")
    page.locator("#the-judge").wait_for()


def checks_say_what_they_saw_and_link_to_a_report(page: Page, ui: str) -> None:
    page.goto(f"{ui}/assets/catalog/products?view=checks")
    page.get_by_text("0 of 2 products have no id").first.wait_for()
    link = page.locator('a[href*="/reports/data_docs/"]').first
    opened = page.goto(link.get_attribute("href") or "")
    assert opened
    assert opened.ok
    page.get_by_text("Expectation").first.wait_for()


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

"""Dashboards, Export, Preferences and a missing model in a real browser, on the sample; and axe on every page."""

from __future__ import annotations

import csv
import getpass
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from walmart_pipeline.automation.run_summary import Summary
from walmart_pipeline.reviews.store import ReviewStore
from walmart_pipeline.stages.insights import every_finding
from walmart_pipeline_tests.conftest import KETTLE, Pipeline, copied
from walmart_pipeline_tests.llm.fake_ollama import FakeOllama, fake_ollama
from walmart_pipeline_tests.stages.insights.catalog import MODEL, add_calls
from walmart_pipeline_tests.studio import servers
from walmart_pipeline_tests.studio.servers import settle

pytestmark = pytest.mark.browser
expect.set_options(timeout=120_000)

TEXT = {
    "title": "Brindlewick Harbor Electric Kettle, 1.7 L",
    "key_features": ["Holds 1.7 L", "1500 W base", "Switches itself off when the water boils"],
    "description": "The kettle holds 1.7 L. The switch under the handle starts it.",
    "seo_keywords": ["electric kettle"],
}


@pytest.fixture(scope="module")
def pipeline(sample_pipeline: tuple[Pipeline, Summary], tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The sample after a run, with calls of a model that was paid for on two days, some of which failed."""
    found = copied(sample_pipeline[0].settings.workspace, tmp_path_factory.mktemp("pages") / "workspace")
    ids = [row["product_id"] for row in found.query("select product_id from catalog.products limit 12")]
    for days_ago in (3.0, 1.0):
        add_calls(found.settings, ids, days_ago=days_ago, cost_usd=0.01, hits=2)
        add_calls(found.settings, ids[:2], days_ago=days_ago, error="timeout")
    every_finding.refresh(found.settings, found.warehouse)
    return found


@pytest.fixture(scope="module")
def ollama() -> Iterator[FakeOllama]:
    with fake_ollama(lambda _: json.dumps(TEXT)) as server:
        yield server


@pytest.fixture(scope="module")
def page(pipeline: Pipeline, ollama: FakeOllama) -> Iterator[Page]:
    with (
        servers.studio(pipeline.settings.workspace, OLLAMA_BASE_URL=ollama.url) as url,
        servers.browser() as browser,
    ):
        opened = browser.new_page(viewport={"width": 1280, "height": 900}, base_url=url)
        opened.set_default_timeout(120_000)
        yield opened


def go(page: Page, path: str) -> None:
    page.goto(path)
    settle(page)


def choose(page: Page, label: str) -> None:
    page.get_by_role("radio", name=label, exact=True).click()
    settle(page)


def saved(page: Page, button: str | Locator, folder: Path) -> Path:
    """The file that a button downloads."""
    with page.expect_download() as download:
        (page.get_by_role("button", name=button) if isinstance(button, str) else button).first.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_each_dashboard_shows_its_plots_and_its_tables_can_be_downloaded(
    page: Page, pipeline: Pipeline, tmp_path: Path
) -> None:
    go(page, "/dashboards")
    plots = {
        "Overview": ["Mean score and publishable share by run"],
        "Quality": ["Mean score and publishable share by run", "Mean score of each category"],
        "Performance": ["Response time by day", "Model calls by day"],
        "Cost": ["Cost by day and model"],
        "Usage": ["What was done by day"],
        "Models": [],
        "Datasets": [],
    }
    for section, names in plots.items():
        choose(page, section)
        for name in names:
            plot = page.locator(f'[role=graphics-document][aria-label="{name}"]')
            # Drawn, and of a size that can be read.
            expect(plot).to_be_visible()
            box = plot.bounding_box()
            assert box
            assert min(box["width"], box["height"]) > 150
    choose(page, "Cost")
    (cost,) = pipeline.query("select sum(cost_usd) as usd from insights.performance")
    assert cost["usd"] > 0
    expect(page.get_by_test_id("stMetric").first).to_contain_text(f"${cost['usd']:.2f}")
    with saved(page, "Download cost by model", tmp_path).open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["model"], float(row["cost_usd"])) == (MODEL, pytest.approx(cost["usd"]))
    choose(page, "Models")
    # The report of the run that compared the generated with the source texts, inside the page.
    frame = page.frame_locator("iframe[src^='data:text/html']")
    expect(frame.get_by_text("In short")).to_be_visible()


def test_a_selection_is_exported_to_each_format_and_its_history_kept(
    page: Page, pipeline: Pipeline, tmp_path: Path
) -> None:
    go(page, "/export")
    ids = [row["product_id"] for row in pipeline.query("select product_id from quality.listings order by 1 limit 2")]
    page.get_by_role("textbox", name="Product ids").fill(f"{ids[0]}, {ids[1]}")
    page.get_by_role("textbox", name="Product ids").press("Tab")
    expect(page.get_by_role("heading", name="2 listings")).to_be_visible()
    for name in ("TXT", "JSON lines", "CSV"):
        page.get_by_test_id("stButtonGroup").get_by_text(name, exact=True).click()
        settle(page)
    page.get_by_role("main").get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_role("button", name="listings.xlsx")).to_be_visible()
    exported = {name: saved(page, f"listings.{name}", tmp_path) for name in ("txt", "jsonl", "csv", "xlsx")}
    assert [json.loads(line)["product_id"] for line in exported["jsonl"].read_text().splitlines()] == ids
    with exported["csv"].open(encoding="utf-8-sig", newline="") as file:
        assert [row["product_id"] for row in csv.DictReader(file)] == ids
    assert exported["xlsx"].read_bytes().startswith(b"PK")
    page.get_by_role("tab", name="History").click()
    page.get_by_role("combobox", name="File").click()
    page.get_by_role("option", name="listings.jsonl, 2 rows").click()
    again = saved(page, "(2 rows)", tmp_path)
    assert again.read_bytes() == exported["jsonl"].read_bytes()


def test_training_data_and_ratings_are_imported(page: Page, pipeline: Pipeline) -> None:
    go(page, "/export")
    page.get_by_role("tab", name="Import").click()
    request = {"product_name": KETTLE["product_name"], "features": KETTLE["features"], "category": "Kitchen"}
    example = {"input": request, "output": TEXT | {"features_formatted": ""}, "metadata": {"model_used": "editor"}}
    upload(page, "training_data.json", json.dumps([example, {"input": {}}]))
    expect(page.get_by_text("2 rows")).to_be_visible()
    choose(page, "Ratings")
    product = pipeline.query("select product_id from quality.listings order by 1 limit 1")[0]["product_id"]
    upload(page, "ratings.csv", f"product_id,stars,reviewer\n{product},5,ann\nnowhere,3,ann\n")
    expect(page.get_by_text("1 added")).to_be_visible()
    expect(page.get_by_text("1 not imported")).to_be_visible()


def upload(page: Page, name: str, text: str) -> None:
    file = {"name": name, "mimeType": "text/plain", "buffer": text.encode()}
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files([file])
    expect(page.get_by_text(name).first).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Import", exact=True).click()
    settle(page)


def test_preferences_are_kept_and_reach_the_prompt_of_the_next_text_by_a_model_that_is_pulled(
    page: Page, pipeline: Pipeline, ollama: FakeOllama, tmp_path: Path
) -> None:
    go(page, "/preferences")
    page.get_by_role("combobox", name="Tone").click()
    page.get_by_role("option", name="technical and precise").click()
    page.get_by_role("textbox", name="Words to avoid").fill("cozy")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    exported = json.loads(saved(page, "Download user_preferences.json", tmp_path).read_text())
    assert (exported["preferences"]["tone"], exported["preferences"]["words_to_avoid"]) == ("technical", ["cozy"])

    page.get_by_role("link", name="Write").click()
    settle(page)
    page.get_by_role("combobox", name="Written by").click()
    page.get_by_role("option", name="Another model of Ollama …").click()
    page.get_by_role("textbox", name="Model", exact=True).fill("kettles")
    page.get_by_role("textbox", name="Model", exact=True).press("Enter")
    expect(page.get_by_text("is not on")).to_be_visible()
    megabytes = 1_000_000
    ollama.pulls = [
        {"status": "pulling manifest"},
        {"status": "pulling 1", "digest": "sha256:1", "total": 400 * megabytes, "completed": 100 * megabytes},
    ]
    ollama.pull_seconds = 3.0
    page.get_by_role("button", name="Pull kettles").click()
    expect(page.get_by_text("100 of 400 MB")).to_be_visible()
    # Once it is there the page asks for nothing more.
    expect(page.get_by_text("is not on")).to_have_count(0)
    settle(page)
    page.get_by_role("textbox", name="Product name").fill(KETTLE["product_name"])
    page.get_by_role("textbox", name="Features").fill("\n".join(KETTLE["features"]))
    page.get_by_role("textbox", name="Description of the source").fill(KETTLE["description"])
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.locator(".proof .title")).to_contain_text("Brindlewick Harbor")
    prompt = json.dumps(ollama.asked[-1])
    assert "technical and precise" in prompt
    assert "cozy" in prompt
    with ReviewStore(pipeline.settings.reviews_url) as store:
        assert store.preferences(getpass.getuser())["tone"] == "technical"


def serious(page: Page) -> dict[str, list[str]]:
    """What axe finds, and what is wider than the window."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    problems = {
        each["id"]: [node["html"] for node in each["nodes"]]
        for each in found
        if each["impact"] in ("serious", "critical")
    }
    main = "document.querySelector('[data-testid=stMain]')"
    if page.evaluate(f"{main}.scrollWidth > {main}.clientWidth"):
        problems["wider than the window"] = [page.url]
    return problems


def test_axe_finds_nothing_serious_on_any_page_and_none_is_wider_than_its_window(page: Page) -> None:
    tabs = {"/write": ["Several at once"], "/review": ["List"], "/export": [], "/preferences": []}
    tabs["/dashboards"] = ["Quality", "Performance", "Cost", "Usage", "Models", "Datasets"]
    found = {}
    for scheme, width in (("light", 1280), ("dark", 390)):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": 900})
        for path, sections in tabs.items():
            go(page, path)
            found[scheme, path, ""] = serious(page)
            for section in sections:
                choose(page, section)
                found[scheme, path, section] = serious(page)
    assert {place: problems for place, problems in found.items() if problems} == {}

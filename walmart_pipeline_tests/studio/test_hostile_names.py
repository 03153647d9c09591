"""Texts that would run as HTML, Markdown or LaTeX, wherever the Studio shows text: as they are, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.stages.insights import every_finding
from walmart_pipeline_tests.stages.insights.catalog import add_run
from walmart_pipeline_tests.studio import review_cases, servers
from walmart_pipeline_tests.studio.hostile import HOSTILE, assert_harmless
from walmart_pipeline_tests.studio.servers import settle

pytestmark = pytest.mark.browser
expect.set_options(timeout=120_000)

ALL = " ".join(HOSTILE)
SCRIPT = "<script>window.pwned=1</script>"
# In Markdown it is taken apart by a character without width.
SHOWN = re.compile("<script>\u2060?window.pwned=1")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A good text of a product with such names in every field, published and sold in such a category."""
    good = review_cases.compose(review_cases.kettle("x"), review_cases.judge().policy.limits)
    named = [
        review_cases.kettle(
            f"K-{place}", f"{text} {ALL}", brand=text, category=[text], features=HOSTILE, source_file=text
        )
        for place, text in enumerate(HOSTILE)
    ]
    settings = review_cases.make(tmp_path_factory.mktemp("hostile"), [(product, good) for product in named])
    with FileWarehouse(settings.warehouse).writing() as db:
        db.execute("update quality.listings set title = ?, model = ?", [ALL, ALL])
        add_run(db, 1.0, 80.0, dict.fromkeys(HOSTILE, 70.0))
    every_finding.refresh(settings, FileWarehouse(settings.warehouse))
    return settings


@pytest.fixture(scope="module")
def page(workspace: Settings) -> Iterator[Page]:
    # Without sign-in a user has the name of the account.
    with servers.studio(workspace.workspace, LOGNAME=ALL) as url, servers.browser() as browser:
        opened = browser.new_page(viewport={"width": 1280, "height": 900}, base_url=url)
        opened.set_default_timeout(120_000)
        yield opened


def shown(page: Page) -> None:
    """The text is there as it is, and nothing of it ran."""
    settle(page)
    expect(page.get_by_test_id("stMain").get_by_text(SHOWN).locator("visible=true").first).to_be_visible()
    assert_harmless(page)


def test_nothing_runs_on_write(page: Page) -> None:
    page.goto("/write")
    settle(page)
    # The user's name, in the sidebar.
    expect(page.get_by_test_id("stSidebar").get_by_text("window.pwned").first).to_be_visible()
    page.get_by_role("textbox", name="Product name").fill(ALL[:900])
    page.get_by_role("textbox", name="Features").fill("\n".join(HOSTILE).replace("```", ""))
    page.get_by_role("textbox", name="Attributes").fill("\n".join(f"{text}: {text}" for text in HOSTILE[:3]))
    page.get_by_role("button", name="Write", exact=True).click()
    shown(page)
    page.get_by_text("Several at once").click()
    settle(page)
    page.get_by_role("textbox", name="Table").fill(
        json.dumps([{"name": text, "brand": text, "features": HOSTILE} for text in HOSTILE])
    )
    page.get_by_role("textbox", name="Table").press("Control+Enter")
    settle(page)
    expect(page.get_by_role("button", name="texts", exact=False).first).to_be_visible()
    assert_harmless(page)


def test_nothing_runs_on_dashboards(page: Page) -> None:
    page.goto("/dashboards")
    for section in ("Overview", "Quality", "Performance", "Usage", "Models", "Datasets"):
        page.get_by_role("radio", name=section, exact=True).click()
        settle(page)
        if section == "Quality":
            # The names beside the bars; Vega writes three dots for what is too long.
            expect(page.locator("[role=graphics-document]").last).to_contain_text("<img src=x onerror=window.pw")
        assert_harmless(page)


def test_nothing_runs_on_export(page: Page) -> None:
    page.goto("/export")
    settle(page)
    page.get_by_role("combobox", name="Categories").fill(SCRIPT)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    shown(page)
    page.get_by_role("tab", name="Import").click()
    page.get_by_role("radio", name="Ratings").click()
    settle(page)
    content = "\n".join(json.dumps({"product_id": text, "stars": 3, "reviewer": text}) for text in HOSTILE)
    file = {"name": f"{SCRIPT.replace('/', '')}.jsonl", "mimeType": "text/plain", "buffer": content.encode()}
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files([file])
    settle(page)
    page.get_by_role("button", name="Import", exact=True).click()
    settle(page)
    expect(page.get_by_text("50 not imported")).to_be_visible()
    assert_harmless(page)


def test_nothing_runs_on_preferences(page: Page) -> None:
    page.goto("/preferences")
    settle(page)
    # Each is refused, with its words in the reason.
    for start in range(0, len(HOSTILE), 10):
        words = "\n".join(text.replace("\n", " ") for text in HOSTILE[start : start + 10])
        page.get_by_role("textbox", name="Words to avoid").fill(words)
        page.get_by_role("button", name="Save").click()
        settle(page)
        expect(page.get_by_test_id("stAlert").first).to_be_visible()
        assert_harmless(page)

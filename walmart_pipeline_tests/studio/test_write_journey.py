"""From a form to a saved text in a real browser."""

from __future__ import annotations

import getpass
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from walmart_pipeline.benchmarks.server import Behaviour, ModelServer
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.reviews.store import ReviewStore
from walmart_pipeline_tests.conftest import KETTLE
from walmart_pipeline_tests.studio.servers import browser, settle, studio

SECRET = "sk-a-very-secret-key"


def fill(page: Page, label: str, text: str) -> None:
    page.get_by_role("textbox", name=label, exact=True).fill(text)


@pytest.mark.browser
def test_a_text_streams_in_is_edited_with_its_violation_marked_and_saved(tmp_path: Path) -> None:
    with (
        ModelServer(Behaviour(latency=6.0)) as model,
        studio(tmp_path, OLLAMA_BASE_URL=model.url) as url,
        browser() as opened,
    ):
        page = opened.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        page.goto(url)
        page.wait_for_url("**/write")
        page.reload()
        settle(page)
        expect(page.get_by_text("Page not found")).not_to_be_visible()
        fill(page, "Product name", KETTLE["product_name"])
        fill(page, "Brand", KETTLE["brand"])
        fill(page, "Features", "\n".join(KETTLE["features"]))
        fill(page, "Attributes", "\n".join(f"{name}: {value}" for name, value in KETTLE["specs"].items()))
        fill(page, "Description of the source", KETTLE["description"])
        page.get_by_role("combobox", name="Written by").click()
        page.get_by_role("option", name="drill:latest (Ollama)").click()
        page.get_by_role("button", name="Write", exact=True).first.click()

        # The first words are there before the model is done.
        expect(page.get_by_text(re.compile("latest writes"))).to_be_visible()
        expect(page.locator(".proof .title")).to_contain_text("Brindlewick Harbor")
        expect(page.locator(".score")).to_be_visible()

        # A claim leads to its passage, and the passage back.
        page.get_by_label("statement 1: passage 1 of the record").click()
        expect(page.locator("#v0-p0:target")).to_be_visible()
        page.get_by_label("passage 1: title of the listing").click()
        expect(page.locator("#v0-s0:target")).to_be_visible()

        page.get_by_text("Edit", exact=True).click()
        title = page.get_by_role("textbox", name="Title", exact=True)
        title.fill("Brindlewick Harbor Electric Kettle, 1.7 L, Free Shipping")
        title.press("Tab")
        expect(page.locator("mark.blocking", has_text="Free Shipping")).to_be_visible()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Saved. Find it under Saved texts.")).to_be_visible()

        page.get_by_role("link", name="Preferences").click()
        fill(page, "Key", SECRET)
        page.get_by_role("button", name="Use this key").click()
        expect(page.get_by_text("A key is in use")).to_be_visible()
        assert SECRET not in page.content()
    with ReviewStore(Settings(workspace=tmp_path).reviews_url) as store:
        (saved,) = store.saved_texts(getpass.getuser())
    assert saved.listing.title == "Brindlewick Harbor Electric Kettle, 1.7 L, Free Shipping"
    assert saved.origin["model"] == "drill:latest"
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()

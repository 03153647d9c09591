"""A reviewer works through the queue by keyboard alone, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.reviews.store import Decision, ReviewStore
from walmart_pipeline_tests.studio import review_cases, servers
from walmart_pipeline_tests.studio.hostile import HOSTILE, assert_harmless
from walmart_pipeline_tests.studio.review_cases import FALSE, FORBIDDEN, NO_TEXT
from walmart_pipeline_tests.studio.servers import settle

pytestmark = pytest.mark.browser
expect.set_options(timeout=120_000)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    listing = review_cases.compose(review_cases.kettle("x"), review_cases.judge().policy.limits)
    hostile = "\n".join(HOSTILE)
    extra = [
        (
            review_cases.kettle(
                "K-XSS",
                " ".join(HOSTILE),
                brand=HOSTILE[0],
                category=HOSTILE[:3],
                attributes={text: text for text in HOSTILE},
                features=HOSTILE,
                description=hostile,
                source_file=HOSTILE[0],
            ),
            listing.model_copy(
                update={"title": HOSTILE[0], "key_features": HOSTILE, "description": hostile, "seo_keywords": HOSTILE}
            ),
        )
    ]
    return review_cases.make(tmp_path_factory.mktemp("review"), extra)


@pytest.fixture(scope="module")
def page(workspace: Settings) -> Iterator[Page]:
    with servers.studio(workspace.workspace) as url, servers.browser() as browser:
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.goto(f"{url}/review")
        settle(opened)
        yield opened


def decisions(workspace: Settings) -> list[Decision]:
    with ReviewStore(workspace.reviews_url) as store:
        return store.decisions()


def opened(page: Page, place: str) -> None:
    """Wait until the case at this place of the queue is open, and takes keys."""
    expect(page.get_by_text(place)).to_be_visible()
    expect(page.get_by_role("button", name="Edit", exact=False).first).to_be_enabled()
    settle(page)


def done(page: Page, message: str) -> None:
    """Wait until the page says that it was done."""
    expect(page.get_by_text(message).first).to_be_visible()
    settle(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": 1280 if scheme == "light" else 390, "height": 900})
    page.reload()
    opened(page, f"1 of 4 · {FALSE}")
    found = Axe().run(page).response["violations"]
    serious = {
        each["id"]: [node["html"] for node in each["nodes"]]
        for each in found
        if each["impact"] in ("serious", "critical")
    }
    assert serious == {}


def test_the_queue_is_worked_through_by_keyboard(page: Page, workspace: Settings) -> None:
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    # The case that the judge is least certain about comes first.
    opened(page, f"1 of 4 · {FALSE}")
    expect(page.locator("mark.contradicted", has_text="2.5 L")).to_be_visible()
    page.keyboard.press("2")
    done(page, "2 ★")
    page.keyboard.press("x")
    expect(page.get_by_text("Why is it rejected?")).to_be_visible()
    page.keyboard.press("s")
    # The next case opens by itself: Walmart refuses it, so that it can't be accepted, but repaired.
    opened(page, f"1 of 3 · {FORBIDDEN}")
    rated, rejected = decisions(workspace)
    assert (rated.product_id, rated.stars) == (FALSE, 2)
    assert (rejected.product_id, rejected.reason) == (FALSE, "States what the record does not say")
    expect(page.get_by_role("button", name="Accept")).to_be_disabled()
    page.keyboard.press("u")
    opened(page, f"1 of 4 · {FALSE}")
    page.keyboard.press("j")
    opened(page, f"2 of 4 · {FORBIDDEN}")
    page.keyboard.press("t")
    done(page, "Saved")
    repaired = decisions(workspace)[-1]
    assert repaired.listing is not None
    assert "www" not in repaired.listing.description
    page.keyboard.press("k")
    opened(page, f"1 of 3 · {FALSE}")
    page.keyboard.press("a")
    done(page, "Accepted")
    assert [each.action for each in decisions(workspace)] == ["rate", "reject", "undo", "edit", "accept"]


def test_what_has_no_text_can_only_be_written_and_keys_typed_into_it_decide_nothing(
    page: Page, workspace: Settings
) -> None:
    page.keyboard.press("j")
    opened(page, f"2 of 2 · {NO_TEXT}")
    expect(page.get_by_role("button", name="Reject")).to_be_disabled()
    before = len(decisions(workspace))
    page.keyboard.press("e")
    title = page.get_by_label("Title")
    title.press_sequentially("axe 5")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The title has")).to_be_visible()
    page.keyboard.press("Escape")
    expect(title).to_have_count(0)
    assert len(decisions(workspace)) == before


def test_ctrl_s_saves_what_was_typed_last(page: Page, workspace: Settings) -> None:
    page.keyboard.press("e")
    page.get_by_label("Title").fill("A kettle of steel")
    page.get_by_label("Key features").fill("Boils water")
    page.get_by_label("Description").press_sequentially("It boils water.")
    page.keyboard.press("Control+s")
    done(page, "Saved")
    saved = decisions(workspace)[-1]
    assert (saved.product_id, saved.listing) == (
        NO_TEXT,
        Listing(title="A kettle of steel", key_features=["Boils water"], description="It boils water."),
    )


def test_no_text_of_a_product_runs_or_becomes_markup(page: Page) -> None:
    page.get_by_role("button", name="Filter").click()
    page.get_by_label("Name or product id").fill("K-XSS")
    page.keyboard.press("Enter")
    settle(page)
    page.keyboard.press("Escape")
    expect(page.get_by_text("1 of 1 · K-XSS")).to_be_visible()
    expect(page.get_by_text("<script>window.pwned=1</script>").first).to_be_visible()
    page.keyboard.press("e")
    expect(page.get_by_role("textbox", name="Title", exact=True)).to_have_value(HOSTILE[0])
    page.get_by_role("radio", name="List").click()
    expect(page.get_by_text("1 in this queue")).to_be_visible()
    page.get_by_role("radio", name="Case").click()
    expect(page.get_by_text("1 of 1 · K-XSS")).to_be_visible()
    settle(page)
    assert_harmless(page)

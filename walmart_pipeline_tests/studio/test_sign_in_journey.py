"""Who signs in, by password or OpenID Connect, in a real browser; and two reviewers of the same cases."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from joserfc.jwk import RSAKey
from playwright.sync_api import Browser, Page, expect

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.reviews.store import Decision, ReviewStore
from walmart_pipeline.studio.users import FREE_ATTEMPTS, UserFile
from walmart_pipeline_tests.studio import openid_provider, review_cases, servers
from walmart_pipeline_tests.studio.openid_provider import OpenIdProvider
from walmart_pipeline_tests.studio.review_cases import FALSE, FORBIDDEN, NO_TEXT
from walmart_pipeline_tests.studio.servers import settle

pytestmark = pytest.mark.browser
expect.set_options(timeout=120_000)

PASSWORD = "correct horse battery"
ADDRESS = "ada@example.com"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with servers.browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = review_cases.make(tmp_path_factory.mktemp("sign-in"))
    users = UserFile(settings.studio_users)
    users.add("ann", PASSWORD, ["reviewer"])
    users.add("bo", PASSWORD, ["reviewer"])
    users.add("wes", PASSWORD, ["writer"])
    return settings


@pytest.fixture(scope="module")
def url(workspace: Settings) -> Iterator[str]:
    with servers.studio(workspace.workspace) as started:
        yield started


def visitor(browser: Browser, url: str) -> Page:
    """Somebody with cookies of their own."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{url}/review")
    settle(page)
    return page


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    settle(page)


def decisions(workspace: Settings) -> list[Decision]:
    with ReviewStore(workspace.reviews_url) as store:
        return store.decisions()


def test_a_password_lets_in_who_knows_it_and_guessing_is_slowed_down(browser: Browser, url: str) -> None:
    page = visitor(browser, url)
    expect(page.get_by_role("link", name="Review")).to_have_count(0)
    sign_in(page, "wes", "wrong")
    expect(page.get_by_text("name or password is wrong")).to_be_visible()
    sign_in(page, "wes")
    expect(page.get_by_text("wes (writer)")).to_be_visible()
    # Of Review a writer sees the cases, and decides nothing.
    expect(page.get_by_text(f"1 of 3 · {FALSE}")).to_be_visible()
    for name in ("Accept", "Edit", "Reject", "Rate it 5 of 5"):
        button = page.get_by_role("button", name=name) if "Rate" not in name else page.get_by_role("button", name="5")
        expect(button.first).to_be_disabled()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    # Another tab of the same browser is nobody either, until it signs in.
    page.goto(f"{url}/export")
    settle(page)
    expect(page.get_by_role("heading", name="Export")).to_have_count(0)
    for _ in range(FREE_ATTEMPTS):
        sign_in(page, "bertha", "wrong")
        expect(page.get_by_text("name or password is wrong")).to_be_visible()
    sign_in(page, "bertha", "wrong")
    expect(page.get_by_text("too many failed attempts")).to_be_visible()
    page.context.close()


def test_two_reviewers_never_overwrite_each_other_and_decide_in_bulk_after_a_preview(
    browser: Browser, url: str, workspace: Settings
) -> None:
    ann, bo = visitor(browser, url), visitor(browser, url)
    sign_in(ann, "ann")
    sign_in(bo, "bo")
    # Each was given a case of their own, and goes to the first one.
    for page in (ann, bo):
        while not page.get_by_text(f"1 of 3 · {FALSE}").is_visible():
            page.keyboard.press("k")
            settle(page)
    expect(bo.get_by_text("ann has this case open too.")).to_be_visible()
    ann.keyboard.press("x")
    ann.get_by_role("button", name="Misses what matters to buyers").click()
    expect(ann.get_by_text("Rejected:")).to_be_visible()
    bo.keyboard.press("a")
    # Whoever comes second is told who was first and what with, and their own decision is not recorded.
    expect(bo.get_by_text("ann").first).to_be_visible()
    expect(bo.get_by_test_id("stAlert").first).to_contain_text("ann")
    assert [(each.author, each.action) for each in decisions(workspace)] == [("ann", "reject")]

    bo.get_by_text("List", exact=True).click()
    settle(bo)
    expect(bo.get_by_text("2 in this queue")).to_be_visible()
    table = bo.get_by_test_id("stDataFrame")
    box = table.bounding_box()
    assert box
    # The table is drawn on a canvas: its first box selects all rows.
    bo.mouse.click(box["x"] + 18, box["y"] + 18)
    expect(bo.get_by_text("With the 2 selected cases")).to_be_visible()
    settle(bo)
    # What Walmart refuses, and what has no text, is not accepted: the preview says so of each.
    expect(bo.get_by_role("button", name="Accept 0")).to_be_disabled()
    for product in (FORBIDDEN, NO_TEXT):
        expect(
            bo.get_by_role("listitem").filter(has_text="not").filter(has_text=product.removeprefix("K-"))
        ).to_be_visible()
    bo.get_by_text("Reject", exact=True).first.click()
    settle(bo)
    bo.get_by_role("textbox", name="Reason").fill("Names another shop")
    bo.get_by_role("textbox", name="Reason").press("Tab")
    expect(bo.get_by_text("out of the exports within minutes")).to_be_visible()
    bo.get_by_role("button", name="Reject 1").click()
    expect(bo.get_by_text("1 in all")).to_be_visible()
    latest = decisions(workspace)[-1]
    assert (latest.author, latest.product_id, latest.reason) == ("bo", FORBIDDEN, "Names another shop")
    ann.context.close()
    bo.context.close()


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with openid_provider.openid_provider() as started:
        yield started


@pytest.fixture(scope="module")
def openid_url(provider: OpenIdProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings, port = Settings(workspace=tmp_path_factory.mktemp("openid")), servers.free_port()
    UserFile(settings.studio_users).add(ADDRESS, None, ["reviewer"])
    given = {
        "redirect_uri": f"http://127.0.0.1:{port}/oauth2callback",
        "cookie_secret": "cookies of the tests",
        "client_id": openid_provider.CLIENT,
        "client_secret": openid_provider.SECRET,
        "server_metadata_url": f"{provider.url}/.well-known/openid-configuration",
    }
    lines = "".join(f'{name} = "{value}"\n' for name, value in given.items())
    settings.studio_secrets.write_text(f"[auth]\n{lines}", encoding="utf-8")
    with servers.studio(settings.workspace, port=port) as started:
        yield started


def test_openid_lets_in_a_known_verified_address_only(
    browser: Browser, openid_url: str, provider: OpenIdProvider
) -> None:
    page = browser.new_context().new_page()
    page.set_default_timeout(120_000)

    def enter(**claims: object) -> None:
        provider.claims = dict(claims)
        page.goto(openid_url)
        settle(page)
        page.get_by_role("button", name="Sign in").click()

    enter(email=ADDRESS, email_verified=False)
    expect(page.get_by_text("your account has no verified")).to_be_visible()
    page.context.clear_cookies()
    enter(email="eve@example.com", email_verified=True)
    expect(page.get_by_text("is not a user of this Studio")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    # A token that somebody else signed.
    provider.forged_with = RSAKey.generate_key(2048)
    enter(email=ADDRESS, email_verified=True)
    page.wait_for_url(f"{openid_url}/**")
    settle(page)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    provider.forged_with = None
    enter(email=ADDRESS, email_verified=True)
    expect(page.get_by_text(re.compile(r"ada@.?example\.com \(reviewer\)"))).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.context.close()

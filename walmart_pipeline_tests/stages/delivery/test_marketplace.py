"""The client of Walmart's Marketplace API, against a server on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from walmart_pipeline.cli import app
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.stages.delivery import item_specs, marketplace
from walmart_pipeline.stages.delivery.marketplace import Marketplace, MarketplaceError
from walmart_pipeline_tests.llm.model_server import all_that_is_told
from walmart_pipeline_tests.stages.delivery.fake_marketplace import (
    CLIENT_ID,
    CLIENT_SECRET,
    FakeMarketplace,
    fake_marketplace,
)
from walmart_pipeline_tests.stages.delivery.publishable import VERSION, Shop, kettle


@pytest.fixture
def server() -> Iterator[FakeMarketplace]:
    with fake_marketplace() as fake:
        yield fake


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def api(server: FakeMarketplace, pauses: list[float]) -> Iterator[Marketplace]:
    with Marketplace(server.url, SecretStr(CLIENT_ID), SecretStr(CLIENT_SECRET), sleep=pauses.append) as client:
        yield client


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    path = tmp_path / "feed-001.json"
    path.write_text(json.dumps({"MPItem": [{"Orderable": {"sku": f"K-{number}"}} for number in range(120)]}))
    return path


def test_a_feed_is_uploaded_and_its_status_read_page_by_page_with_one_token(
    server: FakeMarketplace, api: Marketplace, feed: Path
) -> None:
    feed_id = api.submit(feed, feed_type="MP_ITEM")
    assert server.feeds[feed_id]["type"] == "MP_ITEM"
    pages = list(api.feed_status(feed_id))
    assert [len(page["itemDetails"]["itemIngestionStatus"]) for page in pages] == [50, 50, 20]
    assert len(server.tokens) == 1


def test_a_token_that_has_ended_is_replaced(server: FakeMarketplace, api: Marketplace, feed: Path) -> None:
    feed_id = api.submit(feed, feed_type="MP_ITEM")
    server.tokens.append("issued to somebody else since")
    assert len(list(api.feed_status(feed_id))) == 3
    assert len(server.tokens) == 3


def test_walmart_is_given_the_time_that_it_asks_for(
    server: FakeMarketplace, api: Marketplace, feed: Path, pauses: list[float]
) -> None:
    server.faults = [(429, {"Retry-After": "7"})]
    feed_id = api.submit(feed, feed_type="MP_ITEM")
    server.faults = [(503, {}), (500, {})]
    assert len(list(api.feed_status(feed_id))) == 3
    assert pauses == [7, 2, 4]
    server.faults = [(429, {})] * 4
    with pytest.raises(MarketplaceError, match="no more for now"):
        api.submit(feed, feed_type="MP_ITEM")


@pytest.mark.parametrize("status", [0, 502])
def test_an_upload_of_unknown_outcome_is_not_repeated(
    server: FakeMarketplace, api: Marketplace, feed: Path, status: int
) -> None:
    server.faults = [(status, {})]
    with pytest.raises(MarketplaceError, match=r"may have taken it|502"):
        api.submit(feed, feed_type="MP_ITEM")
    assert server.asked.count("POST /v3/feeds") == 1


def test_the_spec_of_many_types_is_put_together_from_requests_of_20(
    server: FakeMarketplace, api: Marketplace, tmp_path: Path
) -> None:
    names = [f"Type {number:02}" for number in range(45)]
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(api.spec(names, version=VERSION, feed_type="MP_ITEM")))
    spec = item_specs.split(path, tmp_path / "cache")
    assert (spec.types, spec.version) == (names, VERSION)
    assert server.asked.count("POST /v3/items/spec") == 3
    with pytest.raises(MarketplaceError, match="INVALID_PRODUCT_TYPE"):
        api.spec(["Type 01", "Nothing"], version=VERSION, feed_type="MP_ITEM")


def test_no_message_shows_a_secret(server: FakeMarketplace, feed: Path) -> None:
    secret = "another-secret"
    with (
        Marketplace(server.url, SecretStr(CLIENT_ID), SecretStr(secret)) as api,
        pytest.raises(MarketplaceError, match="WALMART_CLIENT_SECRET") as caught,
    ):
        api.submit(feed, feed_type="MP_ITEM")
    assert secret not in all_that_is_told(caught.value)
    assert secret not in repr(Settings(client_secret=SecretStr(secret)))


def test_credentials_are_sent_nowhere_without_encryption() -> None:
    with pytest.raises(MarketplaceError, match="https"):
        Marketplace("http://marketplace.walmartapis.com", SecretStr(CLIENT_ID), SecretStr(CLIENT_SECRET))


def test_the_api_is_off_by_default() -> None:
    with pytest.raises(MarketplaceError, match="WALMART_MARKETPLACE=true"):
        marketplace.connect(Settings(client_id=SecretStr(CLIENT_ID), client_secret=SecretStr(CLIENT_SECRET)))


def test_commands_export_submit_and_read_back(server: FakeMarketplace, tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.accept(kettle())
    environment = {
        "WALMART_HOME": str(shop.settings.workspace),
        "WALMART_ITEM_SPEC": str(shop.settings.item_spec),
        "WALMART_MARKETPLACE": "true",
        "WALMART_MARKETPLACE_URL": server.url,
        "WALMART_CLIENT_ID": CLIENT_ID,
        "WALMART_CLIENT_SECRET": CLIENT_SECRET,
    }

    def command(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments, env=environment)
        assert done.exit_code == 0, done.output
        return done.stdout

    assert "every category has a product type" in command("feed", "types")
    assert "1 items to send" in command("export", "--format", "feed")
    assert "feed FEED0@AX8BCgA" in command("feed", "submit")
    assert "1 SUCCESS" in command("feed", "status")
    assert "0 items to send, 1 sent before" in command("export", "--format", "feed")
    assert "no feed waits" in command("feed", "submit")
    new = tmp_path / "new.json"
    command("spec", "fetch", str(new), "--version", "5.0.20261101-09_00_00-api")
    assert json.loads(command("spec", "diff", str(shop.settings.item_spec), str(new), "--json"))["broken"] == []

"""data/sample against the counts of its README."""

import json
import re

import pytest

from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.stages.catalog.normalization import Refined
from walmart_pipeline_tests.paths import SAMPLE
from walmart_pipeline_tests.stages.catalog.conftest import Catalog

CSV, JSONL = "kitchen_and_home.csv", "outdoor_and_living.jsonl"


class Sample:
    """The sample as the catalog stage leaves it."""

    def __init__(self, catalog: Catalog) -> None:
        self.refined: Refined = catalog.run(SAMPLE)
        self.feeds = {row["source_file"]: row for row in catalog.table("feeds")}
        self.raw = catalog.table("raw_products")
        self.rejects = catalog.table("rejects")
        self.merges = catalog.table("merges")
        self.products = catalog.products()

    def products_of(self, feed: str) -> list[Row]:
        return [row for row in self.products.values() if row["source_file"] == feed]

    def noted(self, field: str) -> set[str]:
        return {
            name for name, row in self.products.items() if any(note.startswith(f"{field}:") for note in row["notes"])
        }

    def raw_rows(self, feed: str, pattern: str) -> int:
        return sum(row["source_file"] == feed and bool(re.search(pattern, row["raw"])) for row in self.raw)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return Sample(Catalog(tmp_path_factory.mktemp("sample")))


def test_its_rows_products_merges_and_rejects(sample: Sample) -> None:
    assert {name: (feed["row_count"], feed["detail"]) for name, feed in sample.feeds.items()} == {
        CSV: (148, "delimited by `;`, utf-8-sig"),
        JSONL: (140, "JSON lines"),
    }
    assert (sample.refined.rows_in, sample.refined.products) == (288, 270)
    assert (sample.refined.merged, sample.refined.rejected) == (12, 6)
    assert [len(sample.products_of(feed)) for feed in (CSV, JSONL)] == [138, 132]


def test_its_rejects(sample: Sample) -> None:
    found = {(row["source_file"], row["source_row"]): row["reasons"][0].partition(":")[0] for row in sample.rejects}
    assert found == {
        (CSV, 43): "it has no product name",
        (CSV, 64): "its product name has no letter",
        (CSV, 128): "it has no product name",
        (JSONL, 19): "it has no product name",
        (JSONL, 77): "the line is not JSON",
        (JSONL, 127): "it has no product name",
    }


def test_its_repeated_rows(sample: Sample) -> None:
    found = sorted((row["identity"], row["source_file"], row["product_id"].partition("-")[0]) for row in sample.merges)
    assert [row[:2] for row in found] == [
        *[("brand and name", CSV)] * 2,
        ("brand and name", JSONL),
        *[("gtin", CSV)] * 2,
        *[("gtin", JSONL)] * 2,
        *[("product_id", CSV)] * 3,
        *[("product_id", JSONL)] * 2,
    ]
    named = {row["product_id"] for row in sample.merges if not row["product_id"].startswith("name-")}
    assert named == {
        "KH-10450", "KH-10564", "KH-10601", "5203193", "5203201", "KH-10968", "gtin-00455774889106",
        "gtin-02918390405832", "KH-11023", "KH-10745",
    }  # fmt: skip
    unnamed = {sample.products[row["product_id"]]["product_name"] for row in sample.merges} - {
        sample.products[name]["product_name"] for name in named
    }
    assert unnamed == {
        "Pellowick Pumicroft Stoneware Soap Dispenser and Tumbler Set, 3 pieces, Sea Green",
        "Grunnelby Quarterturn Magnetic-Tip Screwdriver Set with Rack, 8 pieces",
    }


def test_its_wrong_gtins_and_odd_prices(sample: Sample) -> None:
    assert sample.noted("gtin") == {"KH-10411", "KH-10425", "KH-10643", "KH-10654", "5203361", "5203646", "5203707"}
    assert sample.noted("price") == {"KH-10590", "KH-10790", "5203703"}
    assert all(row["gtin"] is None for name, row in sample.products.items() if name in sample.noted("gtin"))
    # Nothing else of the sample is dropped.
    assert sum(len(row["notes"]) for row in sample.products.values()) == 10


def test_its_full_products_are_full_and_its_thin_ones_thin(sample: Sample) -> None:
    thin = {"KH-90001", "KH-90002", "KH-90003", "KH-90004", "5990001", "5990002", "5990003", "5990004"}
    full = [row for name, row in sample.products.items() if name not in thin]
    assert len(full) == 262
    assert len({row["brand"] for row in full}) == 34
    assert len({tuple(row["category"][:2]) for row in full}) == 16
    for row in full:
        assert (len(row["category"]), len(row["features"])) == (3, 5)
        assert max(map(len, row["features"])) <= 80
        assert 10 <= len(row["attributes"]) <= 14
        assert 120 <= len(row["description"].split()) <= 200
    for name in thin:
        row = sample.products[name]
        assert (row["features"], row["attributes"]) == ([], {})
        assert len(row["description"].split()) <= 10


def test_its_mapping_is_followed(sample: Sample) -> None:
    assert sample.feeds[CSV]["unmapped"] == []
    assert sample.feeds[JSONL]["unmapped"] == ["offer.currency"]
    assert sample.products["KH-10402"]["attributes"]["Care"] == "machine wash warm, tumble dry medium"


def test_its_dirt_is_there_and_gone_from_the_products(sample: Sample) -> None:
    texts = [json.dumps(row, default=str, ensure_ascii=False) for row in sample.products.values()]
    assert sample.raw_rows(CSV, "Ã.|â€") == 10
    assert sample.raw_rows(JSONL, "Ã.|â€") == 6
    assert not [text for text in texts if re.search(r"Ã.|â€|</?(p|li|ul|div|h3|span)\b|&(amp|#39|nbsp|lt|gt);", text)]
    assert not [row for row in sample.products.values() for name in row["features"] if re.match(r"[•\-*\['\"]", name)]
    assert not [row for row in sample.products.values() if "[" in row["attributes"].get("Color", "")]


def test_its_prices_of_a_thousand_and_more(sample: Sample) -> None:
    assert sample.raw_rows(CSV, r'"\$\d,\d{3}\.\d\d"') == 4
    assert sum((row["price"] or 0) >= 1_000 for row in sample.products_of(CSV)) == 4
    assert sum(row["price"] is None for row in sample.products.values()) >= 3


def test_its_missing_identifiers(sample: Sample) -> None:
    names = [json.loads(row["raw"]) for row in sample.raw if not row["problem"]]
    assert sum("product_id" not in row and "item_id" not in row for row in names) == 11
    assert sum(name.startswith(("gtin-", "name-")) for name in sample.products) == 11 - sum(
        row["identity"] != "product_id" for row in sample.merges
    )

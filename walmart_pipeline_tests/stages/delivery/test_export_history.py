"""What stands beside the exports: the workbook, checksums, a manifest, and who wrote each text."""

from __future__ import annotations

import getpass
import json
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import python_calamine

from walmart_pipeline.core.records import Listing
from walmart_pipeline.stages.delivery import export_history, exporter
from walmart_pipeline_tests.stages.delivery.publishable import LISTING, Shop, kettle


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_a_workbook_has_a_frozen_header_and_its_texts_stay_texts(tmp_path: Path) -> None:
    product = kettle(gtin="00012345678905", brand="=1+1")
    rows = [(product, Listing(title="https://example.com", description="+1"), 91.5)]
    first = exporter.write_xlsx(tmp_path / "a.xlsx", rows)
    assert exporter.write_xlsx(tmp_path / "b.xlsx", rows).sha256 == first.sha256
    header, cells = python_calamine.load_workbook(tmp_path / "a.xlsx").get_sheet_by_index(0).to_python()
    assert header == list(exporter.COLUMNS)
    shown = dict(zip(header, cells, strict=True))
    assert (shown["gtin"], shown["brand"], shown["price"]) == ("00012345678905", "=1+1", 29.99)
    sheet = zipfile.ZipFile(tmp_path / "a.xlsx").read("xl/worksheets/sheet1.xml").decode()
    assert 'state="frozen"' in sheet
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet


def test_exports_have_checksums_and_a_history_of_who_when_and_what(shop: Shop) -> None:
    shop.accept(kettle())
    folder = shop.settings.exports
    for _ in range(2):
        with shop.warehouse.writing() as db:
            export_history.record(db, exporter.deliver(db, folder, ["csv", "jsonl"]), run_id="run")
            history = db.query("select format, row_count, exported_by from delivery.exports order by format")
    expected = {"row_count": 1, "exported_by": getpass.getuser()}
    assert history == [{"format": "csv", **expected}, {"format": "jsonl", **expected}]
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    files = json.loads((folder / "manifest.json").read_text())["files"]
    assert [(file["name"], file["rows"], file["run_id"]) for file in files] == [
        ("listings.csv", 1, "run"),
        ("listings.jsonl", 1, "run"),
    ]


def test_the_origin_of_each_text_stands_beside_the_exports(shop: Shop) -> None:
    shop.accept(kettle())
    rating = {"product_id": "K-001", "content_hash": LISTING.content_hash, "stars": 5, "reviewer": "ada"}
    with shop.warehouse.writing() as db:
        db.append("quality.ratings", [rating | {"rated_at": datetime(2026, 1, 2, tzinfo=UTC)}])
        path = Path(export_history.write_provenance(db, shop.settings.exports).path)
    (origin,) = map(json.loads, path.read_text().splitlines())
    assert (origin["model"], origin["policy"], origin["rated_by"], origin["edited_by"]) == (
        "template",
        "p@1",
        ["ada"],
        None,
    )

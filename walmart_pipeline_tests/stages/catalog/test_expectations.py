"""Great Expectations takes some seconds to import, so that all of its tests are here, and few."""

from pathlib import Path

from walmart_pipeline.stages.catalog import expectations
from walmart_pipeline_tests.stages.catalog.conftest import Catalog


def met(result: expectations.SuiteResult) -> dict[str, bool]:
    return {row["expectation"]: row["met"] for row in result.expectations}


def test_a_sound_catalog_meets_everything_and_has_its_data_docs(catalog: Catalog, tmp_path: Path) -> None:
    catalog.put(
        "feed.jsonl",
        [
            {"id": n, "name": f"Kettle {n}", "brand": "Acme", "category": "Home", "description": "x " * 200}
            for n in range(5)
        ],
    )
    catalog.run()
    with catalog.warehouse.reading() as db:
        for table in expectations.CHECKED:
            result = expectations.validate(db, table, tmp_path / "docs")
            assert met(result) == dict.fromkeys(met(result), True)
            page = result.docs.read_text()
            assert "http" not in page, "a page that loads from elsewhere is empty where there is no internet"
            assert all(row["expectation"] in page for row in result.expectations if "<" not in row["expectation"])
            assert {row["severity"] for row in result.expectations} == {"critical", "warning"}


def test_a_doubled_id_is_critical_and_thin_descriptions_are_a_warning(catalog: Catalog, tmp_path: Path) -> None:
    catalog.put("feed.jsonl", [{"id": n, "name": f"Kettle {n}"} for n in range(5)])
    catalog.run()
    with catalog.warehouse.writing() as db:
        db.execute("update catalog.products set product_id = '0', rating = 7")
        result = expectations.validate(db, "products", tmp_path / "docs")
    assert [row["expectation"] for row in result.failed("critical")] == ["Product ids are unique."]
    assert result.failed("critical")[0]["found"] == "5 of 5 products have the id of another one"
    brand = next(row for row in result.expectations if "brand" in row["expectation"])
    assert (brand["found"], brand["examples"]) == ("5 of 5 products have no brand", "0, 0, 0, 0, 0")
    assert {row["expectation"].split(":")[0] for row in result.failed("warning")} == {
        "At least 80 % of the products have a brand.",
        "At least 90 % of the products have a category.",
        "At least 70 % of the descriptions have 200 characters",
        "Ratings lie between 0 and 5.",
    }


def test_an_empty_catalog_warns_and_blocks_nothing(catalog: Catalog, tmp_path: Path) -> None:
    catalog.run()
    with catalog.warehouse.reading() as db:
        result = expectations.validate(db, "raw_products", tmp_path / "docs")
    assert result.failed("critical") == []
    assert [row["expectation"] for row in result.failed("warning")] == ["There is at least one row."]

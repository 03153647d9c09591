"""The three catalogs as found, where the folder beside the checkout has them."""

from walmart_pipeline_tests.paths import SHARED, needs_shared
from walmart_pipeline_tests.stages.catalog.conftest import Catalog

DATA = SHARED / "data"

ROWS = {"general_895.jsonl": 895, "electronics_2554.csv": 2_554, "browse_223.csv": 223}

pytestmark = needs_shared


def test_every_row_of_the_three_catalogs_ends_once(catalog: Catalog) -> None:
    catalog.load(*(DATA / name for name in ROWS))
    refined = catalog.refine()
    assert {feed["source_file"]: feed["row_count"] for feed in catalog.table("feeds")} == ROWS
    assert refined.rows_in == sum(ROWS.values())
    assert refined.rows_in == refined.products + refined.merged + refined.rejected
    again = catalog.run(*(DATA / name for name in ROWS))
    assert (again.changed, again.withdrawn) == (0, 0)


def test_the_facts_of_real_rows_arrive(catalog: Catalog) -> None:
    catalog.run(*(DATA / name for name in ROWS))
    products = catalog.table("products", "product_id")
    by_file = {name: [row for row in products if row["source_file"] == name] for name in ROWS}
    # Four rows have no price, and of two the cells stand in the wrong columns.
    assert sum(row["price"] is None for row in by_file["electronics_2554.csv"]) == 6
    # Every row of the browse pages has a valid GTIN.
    assert all(row["gtin"] for row in by_file["browse_223.csv"])
    assert all(len(row["category"]) >= 2 for row in by_file["general_895.jsonl"])
    names = " ".join(f"{row['product_name']} {row['description']}" for row in products)
    assert not any(mark in names for mark in ("&amp;", "<br", "</", "â€™", "\x00"))

from walmart_pipeline.core.records import Product
from walmart_pipeline.stages.catalog import deduplication
from walmart_pipeline_tests.stages.catalog.conftest import Catalog

GTIN, OTHER_GTIN = "036000291452", "4006381333931"


def row(**cells: object) -> dict[str, object]:
    return {"name": "Kettle", "brand": "Acme"} | cells


def test_rows_of_one_id_are_one_product(catalog: Catalog) -> None:
    catalog.put("feed.jsonl", [row(id=1), row(id="1", name="Kettle, steel")])
    assert catalog.run().merged == 1
    assert catalog.products()["1"]["product_name"] == "Kettle, steel"


def test_a_row_without_id_joins_the_product_of_its_gtin(catalog: Catalog) -> None:
    catalog.put("feed.jsonl", [row(id=1, upc=GTIN), row(name="Quite another name", upc=GTIN)])
    catalog.run()
    assert list(catalog.products()) == ["1"]
    (merge,) = catalog.table("merges")
    assert (merge["product_id"], merge["source_row"], merge["identity"]) == ("1", 2, "gtin")
    assert merge["fields_taken"] == ["product_name"]


def test_it_joins_also_when_it_comes_first_and_from_another_feed(catalog: Catalog) -> None:
    catalog.put("a.jsonl", [row(upc=GTIN)])
    catalog.put("b.jsonl", [row(id=1, upc=GTIN)])
    catalog.run()
    assert list(catalog.products()) == ["1"]


def test_rows_with_a_gtin_only_are_a_product_by_it(catalog: Catalog) -> None:
    catalog.put("feed.jsonl", [row(upc=GTIN), row(upc=GTIN), row(upc=OTHER_GTIN)])
    assert catalog.run().merged == 1
    assert list(catalog.products()) == ["gtin-00036000291452", "gtin-04006381333931"]


def test_a_row_with_neither_joins_the_product_of_its_brand_and_name(catalog: Catalog) -> None:
    catalog.put("feed.jsonl", [row(id=1), row(name=" KETTLE "), row(brand="Other")])
    assert catalog.run().merged == 1
    first, second = catalog.products()
    assert first == "1"
    assert second.startswith("name-")


def test_two_ids_that_share_a_gtin_stay_two_products(catalog: Catalog) -> None:
    catalog.put("feed.jsonl", [row(id=1, upc=GTIN), row(id=2, name="Mug", upc=GTIN), row(name="Pot", upc=GTIN)])
    assert catalog.run().merged == 0
    assert list(catalog.products()) == ["1", "2", "gtin-00036000291452"]


def test_two_products_that_share_a_name_take_in_no_third(catalog: Catalog) -> None:
    catalog.put("feed.jsonl", [row(id=1), row(id=2), row()])
    assert catalog.run().products == 3


def test_of_rows_that_were_loaded_together_the_fuller_value_wins_and_the_last_price() -> None:
    first = Product(
        product_id="1",
        product_name="Kettle",
        brand="Acme",
        category=["Home"],
        attributes={"Size": "1 L", "Color": "red"},
        features=["Steel", "Fast"],
        description="Boils.",
        price=10.0,
        rating=4.0,
        review_count=7,
    )
    second = Product(
        product_id="1",
        product_name="Steel kettle",
        category=["Home", "Kettles"],
        attributes={"Color": "dark red", "Lid": "glass"},
        features=["A single long feature"],
        description="Boil",
        price=9.0,
    )
    merged, taken = deduplication.merge([first, second], [1, 1])
    assert merged == first.model_copy(
        update={
            "product_name": "Steel kettle",
            "category": ["Home", "Kettles"],
            "attributes": {"Size": "1 L", "Color": "dark red", "Lid": "glass"},
            "price": 9.0,
        }
    )
    assert taken == [["product_name", "category", "attributes", "price"]]


def test_on_equal_fullness_the_first_value_wins() -> None:
    merged, taken = deduplication.merge(
        [Product(product_id="1", product_name=name) for name in ("Kettle A", "Kettle B")], [1, 1]
    )
    assert (merged.product_name, taken) == ("Kettle A", [[]])


def test_a_dash_for_a_comma_makes_no_name_fuller() -> None:
    names = ("Kettle, steel", "Kettle - steel")
    merged, taken = deduplication.merge([Product(product_id="1", product_name=name) for name in names], [1, 1])
    assert (merged.product_name, taken) == ("Kettle, steel", [[]])


def test_the_newest_value_wins_and_the_fuller_one_only_fills_gaps(catalog: Catalog) -> None:
    """A feed under another name corrected "2 years"; the listing went on promising them."""
    old = row(id=1, description="A kettle that boils water fast.", warranty="2 years", color="matte navy", price=9)
    catalog.put("b.jsonl", [old])
    catalog.run()
    catalog.put("a.jsonl", [row(id=1, name="Kettle, 1 L", warranty="1 year", price=8, size="1 L")])
    catalog.run()
    product = catalog.products()["1"]
    assert product["attributes"] == {"Color": "matte navy", "Warranty": "1 year", "Size": "1 L"}
    assert (product["product_name"], product["description"], product["price"]) == ("Kettle, 1 L", old["description"], 8)
    (merge,) = catalog.table("merges")
    assert (merge["source_file"], merge["fields_taken"]) == ("a.jsonl", ["product_name", "attributes", "price"])


def test_a_value_that_the_newer_feed_no_longer_has_comes_from_the_older_one_again(catalog: Catalog) -> None:
    catalog.put("a.jsonl", [row(id=1, warranty="2 years")])
    catalog.run()
    catalog.put("b.jsonl", [row(id=1, warranty="1 year")])
    catalog.run()
    catalog.put("b.jsonl", [row(id=1)])
    catalog.run()
    assert catalog.products()["1"]["attributes"] == {"Warranty": "2 years"}


def test_feeds_that_are_read_together_are_equally_new(catalog: Catalog) -> None:
    """The file names decide nothing: of a thin and a full feed in one folder the full one's text stands."""
    catalog.put("a.jsonl", [row(id=1, description="A kettle that boils water fast.")])
    catalog.put("b.jsonl", [row(id=1, description="Boils.")])
    catalog.run()
    assert catalog.products()["1"]["description"] == "A kettle that boils water fast."


def test_options_are_merged_one_by_one_and_conflicts_are_not() -> None:
    """What one row contradicts itself on, another row may settle."""
    first = Product(
        product_id="1", product_name="Sheet", options={"Color": ["white", "black"]}, conflicts={"Count": ["4"]}
    )
    second = Product(product_id="1", product_name="Sheet", options={"Size": ["twin", "queen"]})
    product, taken = deduplication.merge([first, second], [1, 1])
    assert product.options == {"Color": ["white", "black"], "Size": ["twin", "queen"]}
    assert taken == [["options"]]

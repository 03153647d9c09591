import gzip

import pytest

from walmart_pipeline_tests.stages.catalog.conftest import Catalog

GOOD = "id,name\n1,Kettle\n2,Mug\n"


def test_an_unchanged_feed_is_not_read_again(catalog: Catalog) -> None:
    catalog.put("feed.csv", GOOD)
    assert catalog.load()["feed.csv"]["row_count"] == 2
    assert catalog.load() == {}
    catalog.put("feed.csv", GOOD + "3,Pot\n")
    assert catalog.load()["feed.csv"]["row_count"] == 3
    assert catalog.rows_of("feed.csv") == 3


def test_every_row_is_kept_as_it_came(catalog: Catalog) -> None:
    catalog.put("feed.jsonl", '{"id": 1, "name": "Kettle"}\nnot json\n')
    catalog.load()
    first, second = catalog.table("raw_products")
    assert (first["source_row"], first["raw"], first["problem"]) == (1, '{"id": 1, "name": "Kettle"}', None)
    assert (second["source_row"], second["raw"]) == (2, "not json")
    assert second["problem"] == "the line is not JSON: Expecting value at character 1"


def test_a_feed_that_breaks_keeps_its_good_rows_and_is_read_again_when_it_changes(catalog: Catalog) -> None:
    catalog.put("feed.csv.gz", gzip.compress(GOOD.encode()))
    catalog.run()
    broken = gzip.compress(("id,name\n" + "7,Pan\n" * 50_000).encode())[:-20]
    catalog.put("feed.csv.gz", broken)
    for _ in range(2):
        assert catalog.load()["feed.csv.gz"]["status"] == "unreadable"
        refined = catalog.refine()
        assert (refined.rows_in, refined.products) == (2, 2)
        (feed,) = catalog.table("feeds")
        assert feed["status"] == "unreadable"
        assert "can't be read to its end" in feed["detail"]
    catalog.put("feed.csv.gz", gzip.compress(b"id,name\n7,Pan\n"))
    assert catalog.run().products == 1
    assert catalog.table("feeds")[0]["status"] == "read"


def test_the_same_good_file_mends_a_broken_one(catalog: Catalog) -> None:
    for content in (GOOD, "\0" * 99, GOOD):
        catalog.put("feed.csv", content)
        catalog.load()
    assert catalog.table("feeds")[0]["status"] == "read"
    assert catalog.rows_of("feed.csv") == 2


def test_a_feed_that_was_never_good_stays_listed_with_its_reason(catalog: Catalog) -> None:
    catalog.put("feed.csv", b"\0" * 99)
    for _ in range(2):
        assert "binary" in catalog.load()["feed.csv"]["detail"]
        (feed,) = catalog.table("feeds")
        assert (feed["status"], feed["row_count"]) == ("unreadable", 0)


def test_a_feed_that_lost_all_its_rows_has_none(catalog: Catalog) -> None:
    catalog.put("feed.csv", GOOD)
    assert catalog.run().products == 2
    catalog.put("feed.csv", "id,name\n")
    refined = catalog.run()
    assert (refined.rows_in, refined.products, refined.withdrawn) == (0, 0, 2)
    assert catalog.table("feeds")[0]["status"] == "empty"


def test_an_error_of_our_own_in_the_middle_leaves_the_warehouse_as_it_was(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.put("a.csv", GOOD)
    catalog.load()
    catalog.put("a.csv", GOOD + "3,Pot\n")
    catalog.put("b.csv", GOOD)

    def fail(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("walmart_pipeline.stages.catalog.loading.columns.read_mapping", fail)
    with pytest.raises(MemoryError):
        catalog.load()
    assert (catalog.rows_of("a.csv"), catalog.rows_of("b.csv")) == (2, 0)


def test_a_mapping_beside_a_feed_is_followed_and_its_change_reads_the_feed_again(catalog: Catalog) -> None:
    catalog.put("feed.csv.gz", gzip.compress(b"code,label,finish\nK1,Kettle,matte\n"))
    catalog.put("feed.mapping.yaml", "columns:\n  product_id: code\n  product_name: [label]\n")
    catalog.run()
    assert catalog.products()["K1"]["attributes"] == {"Finish": "matte"}
    catalog.put(
        "feed.mapping.yaml", "columns: {product_id: code, product_name: label}\nattributes: {Surface: finish}\n"
    )
    assert "feed.csv.gz" in catalog.load()
    catalog.refine()
    assert catalog.products()["K1"]["attributes"] == {"Surface": "matte"}


def test_a_broken_mapping_is_named_and_the_earlier_rows_stay(catalog: Catalog) -> None:
    catalog.put("feed.csv", "code,label\nK1,Kettle\n")
    catalog.put("feed.mapping.yaml", "columns: {product_id: code, product_name: label}")
    catalog.run()
    catalog.put("feed.mapping.yaml", "columns: {prize: code}")
    feed = catalog.load()["feed.csv"]
    assert feed["status"] == "unreadable"
    assert feed["detail"].startswith("feed.mapping.yaml: columns: prize")
    refined = catalog.refine()
    assert (refined.rows_in, refined.products, refined.changed) == (1, 1, 0)

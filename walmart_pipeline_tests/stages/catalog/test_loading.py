import gzip
import threading

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


def numbered(count: int) -> str:
    return "id,name\n" + "".join(f"{number},Kettle {number}\n" for number in range(count))


@pytest.mark.parametrize("rows", [0, 3, 69])
def test_a_feed_that_shrinks_too_far_leaves_its_last_good_version_in_force(catalog: Catalog, rows: int) -> None:
    """Three rows in place of 120 once withdrew 117 products, with every check green."""
    catalog.put("feed.csv", numbered(120))
    catalog.run()
    before = catalog.table("products")
    catalog.put("feed.csv", numbered(rows))
    for _ in range(2):
        feed = catalog.load()["feed.csv"]
        assert (feed["status"], feed["row_count"]) == ("refused", 120)
        assert feed["detail"].startswith(f"it has {rows} rows, but feed.csv had 120, which stay active")
        assert catalog.refine().withdrawn == 0
    catalog.put("feed.csv", numbered(120))
    assert catalog.load()["feed.csv"]["status"] == "read"
    assert catalog.refine().changed == 0
    assert catalog.table("products") == before


def test_a_feed_whose_name_column_is_gone_leaves_its_last_good_version_in_force(catalog: Catalog) -> None:
    catalog.put("feed.csv", numbered(120))
    catalog.run()
    catalog.put("feed.csv", numbered(120).replace("name", "bezeichnung"))
    feed = catalog.load()["feed.csv"]
    assert feed["status"] == "refused"
    assert feed["detail"].startswith("0 of its 120 rows are usable, but feed.csv had 120, which stay active")
    assert catalog.refine().products == 120


def test_a_feed_may_lose_a_share_of_its_rows_or_a_few(catalog: Catalog) -> None:
    for before, after in ((120, 84), (15, 5)):
        catalog.put("feed.csv", numbered(before))
        catalog.load(limit=None)
        catalog.put("feed.csv", numbered(after))
        assert catalog.load()["feed.csv"]["status"] == "read"


def test_a_loss_that_is_accepted_withdraws_the_products(catalog: Catalog) -> None:
    catalog.put("feed.csv", numbered(120))
    catalog.run()
    catalog.put("feed.csv", numbered(3))
    catalog.run()
    assert catalog.run(limit=None).withdrawn == 117
    catalog.put("feed.csv", numbered(0))
    assert catalog.run(limit=None).products == 0
    assert catalog.table("feeds")[0]["status"] == "empty"


def test_dated_feeds_of_one_source_replace_each_other(catalog: Catalog) -> None:
    catalog.put("shop-2026-11-01.csv", "id,name,warranty\n1,Kettle,2 years\n2,Mug,\n")
    catalog.put("other.csv", "id,name\n7,Pan\n")
    catalog.run()
    catalog.put("shop-2026-11-02.csv", "id,name,warranty\n1,Kettle,1 year\n")
    refined = catalog.run()
    assert (refined.rows_in, refined.products, refined.withdrawn) == (2, 2, 1)
    assert catalog.products()["1"]["attributes"] == {"Warranty": "1 year"}
    feeds = {row["source_file"]: (row["source"], row["status"], row["row_count"]) for row in catalog.table("feeds")}
    assert feeds == {
        "other.csv": ("other.csv", "read", 1),
        "shop-2026-11-01.csv": ("shop-*.csv", "superseded", 0),
        "shop-2026-11-02.csv": ("shop-*.csv", "read", 1),
    }
    assert catalog.load() == {}


def test_an_older_dated_feed_that_comes_late_replaces_nothing(catalog: Catalog) -> None:
    catalog.put("shop_20261102T0200.csv.gz", gzip.compress(b"id,name\n1,Kettle\n"))
    catalog.load()
    catalog.put("shop_20261101T0200.csv", GOOD)
    late = catalog.load()["shop_20261101T0200.csv"]
    assert (late["status"], late["detail"]) == ("superseded", "replaced by shop_20261102T0200.csv.gz")
    assert catalog.refine().products == 1


def test_a_dated_feed_that_is_broken_or_shrank_leaves_the_earlier_one_in_force(catalog: Catalog) -> None:
    catalog.put("shop-2026-11-01.csv", numbered(120))
    catalog.load()
    catalog.put("shop-2026-11-02.csv", numbered(3))
    catalog.put("shop-2026-11-03.csv", "\0" * 99)
    loaded = catalog.load()
    assert {name: feed["status"] for name, feed in loaded.items()} == {
        "shop-2026-11-02.csv": "refused",
        "shop-2026-11-03.csv": "unreadable",
    }
    assert catalog.refine().products == 120


def test_feeds_whose_mapping_names_one_source_replace_each_other(catalog: Catalog) -> None:
    for name, content in (("monday.csv", GOOD), ("tuesday.csv", "id,name\n3,Pot\n")):
        catalog.put(name, content)
        catalog.put(name.replace(".csv", ".mapping.yaml"), "source: acme")
        catalog.run()
    assert list(catalog.products()) == ["3"]


def test_a_feed_that_a_mapping_moves_to_a_source_with_a_newer_feed_is_replaced(catalog: Catalog) -> None:
    catalog.put("a-2026-11-01.csv", GOOD)
    catalog.put("b-2026-11-02.csv", "id,name\n3,Pot\n")
    catalog.put("b-2026-11-02.mapping.yaml", "source: acme")
    catalog.run()
    catalog.put("a-2026-11-01.mapping.yaml", "source: acme")
    refined = catalog.run()
    assert (refined.rows_in, list(catalog.products())) == (1, ["3"])


def test_one_mapping_serves_all_dated_feeds(catalog: Catalog) -> None:
    catalog.put("shop.mapping.yaml", "columns: {product_id: code, product_name: label}")
    catalog.put("shop-2026-11-01.csv", "code,label\nK1,Kettle\n")
    catalog.run()
    assert list(catalog.products()) == ["K1"]


@pytest.mark.parametrize("name", ["item-20261301.csv", "4026110112345.csv", "shop-1.2.csv", "2026.csv"])
def test_a_number_that_is_no_date_makes_no_source(catalog: Catalog, name: str) -> None:
    catalog.put(name, GOOD)
    assert catalog.load()[name]["source"] == name


def test_a_removed_feed_stays_away_until_it_changes_or_is_named(catalog: Catalog) -> None:
    path = catalog.put("demo.csv", GOOD)
    catalog.put("own.csv", "id,name\n2,Mug\n9,Pan\n")
    catalog.run()
    assert catalog.remove("demo.csv") == ["demo.csv"]
    assert catalog.refine().withdrawn == 1
    assert catalog.load() == {}
    assert list(catalog.products()) == ["2", "9"]
    assert catalog.run(path).products == 3
    catalog.remove("demo.csv")
    catalog.put("demo.csv", GOOD + "4,Pot\n")
    assert catalog.run().products == 4


def test_a_source_is_removed_with_all_its_feeds(catalog: Catalog) -> None:
    for day in (1, 2):
        catalog.put(f"shop-2026-11-0{day}.csv", GOOD)
        catalog.load()
    assert catalog.remove("shop-*.csv") == ["shop-2026-11-01.csv", "shop-2026-11-02.csv"]
    assert catalog.run().products == 0


def test_a_file_that_grows_is_left_for_the_next_run(catalog: Catalog) -> None:
    catalog.put("done.csv", GOOD)
    path = catalog.put("growing.csv", "id,name\n8,Pan\n")
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.02):
            with path.open("a") as file:
                file.write("9,Pot\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        loaded = catalog.load(quiet_seconds=0.3)
    finally:
        stop.set()
        writer.join()
    assert loaded["growing.csv"]["status"] == "incomplete"
    assert loaded["done.csv"]["row_count"] == 2
    # A file that was just finished is waited for.
    assert catalog.load(quiet_seconds=0.3)["growing.csv"]["status"] == "read"


def test_an_unexpected_error_leaves_the_warehouse_as_it_was(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
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

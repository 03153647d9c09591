import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline_tests.stages.catalog.conftest import Catalog

KETTLE = {"id": "1", "name": "Kettle", "brand": "Acme", "description": "Boils.", "price": 10}


def facts(catalog: Catalog) -> str:
    return str(catalog.products()["1"]["facts_hash"])


def test_a_new_price_changes_no_facts_and_a_new_description_does(catalog: Catalog) -> None:
    catalog.put("feed.jsonl", [KETTLE])
    catalog.run()
    before = facts(catalog)
    catalog.put("feed.jsonl", [KETTLE | {"price": 11, "rating": 4, "reviews": 3}])
    assert catalog.run().changed == 1
    assert (facts(catalog), catalog.products()["1"]["price"]) == (before, 11.0)
    catalog.put("feed.jsonl", [KETTLE | {"description": "Boils fast."}])
    catalog.run()
    assert facts(catalog) != before


def test_a_reject_has_its_reasons_and_its_text(catalog: Catalog) -> None:
    catalog.put("feed.csv", 'id,name\n1,Kettle\n2,\n3,---\n4,a,b\n5,"open\n')
    refined = catalog.run()
    assert (refined.rows_in, refined.products, refined.merged, refined.rejected) == (5, 1, 0, 4)
    rejects = {row["source_row"]: row for row in catalog.table("rejects")}
    assert rejects[2]["reasons"] == ["it has no product name"]
    assert rejects[3]["reasons"] == ["its product name has no letter: `---`"]
    assert rejects[4]["reasons"] == ["the row has 3 cells, the header 2"]
    assert rejects[5]["raw"] == '5,"open\n'


def test_a_product_that_left_its_feed_is_withdrawn(catalog: Catalog) -> None:
    catalog.put("feed.jsonl", [KETTLE, KETTLE | {"id": "2", "name": "Mug"}])
    catalog.run()
    catalog.put("feed.jsonl", [KETTLE])
    refined = catalog.run()
    assert (refined.products, refined.changed, refined.withdrawn) == (1, 0, 1)


def test_progress_counts_every_row(catalog: Catalog) -> None:
    from walmart_pipeline.stages.catalog import normalization

    catalog.put("feed.jsonl", [KETTLE | {"id": number} for number in range(4_500)])
    catalog.load()
    steps: list[int] = []
    with catalog.warehouse.writing() as db:
        normalization.refine(db, advance=steps.append)
    assert sum(steps) == 4_500
    assert max(steps) == 2_000


def test_thousands_of_repeated_products_are_each_merged_once(catalog: Catalog) -> None:
    rows = [{"id": number, "name": f"Kettle {number}"} for number in range(2_500)]
    catalog.put("a.jsonl", rows)
    catalog.put("b.jsonl", rows)
    refined = catalog.run()
    assert (refined.rows_in, refined.products, refined.merged) == (5_000, 2_500, 2_500)


maybe = st.none() | st.just("")
rows = st.fixed_dictionaries(
    {},
    optional={
        "id": maybe | st.sampled_from(["1", "2", 2, 2.0, "N/A", "x\u0000"]),
        "upc": maybe | st.sampled_from(["036000291452", "4006381333931", "036000291453", ["96385074"], "?"]),
        "name": maybe | st.sampled_from(["Kettle", "KETTLE", "Mug", "---", 7, ["Pot"]]) | st.text(max_size=3),
        "brand": maybe | st.sampled_from(["Acme", "generic", {"name": "Acme"}]),
        "price": maybe | st.sampled_from([1, "$2.00", "TBD", float("nan"), 10**400]),
        "specs": maybe | st.dictionaries(st.text(max_size=2), st.text(max_size=2) | st.booleans(), max_size=3),
        "description": maybe | st.text(max_size=5),
    },
)
broken = st.sampled_from(["{", "null", "[1]", '{"name": "\\ud800"}', "x\u0085y", '{"a": Infinity}', "{}", '"'])
feeds = st.lists(st.lists(rows.map(json.dumps) | broken, min_size=1, max_size=6), min_size=1, max_size=3)


def write(catalog: Catalog, content: list[list[str]]) -> None:
    for number, lines in enumerate(content):
        catalog.put(f"{number}.jsonl", "\n".join(lines))


def tables(catalog: Catalog) -> dict[str, Any]:
    return {name: catalog.table(name) for name in ("products", "rejects", "merges", "feeds")}


# A warehouse is made anew for each: 20 take some 6 seconds.
@settings(max_examples=20)
@given(feeds)
def test_every_row_ends_once_and_a_second_run_changes_nothing(content: list[list[str]]) -> None:
    with TemporaryDirectory() as folder:
        catalog = Catalog(Path(folder))
        write(catalog, content)
        refined = catalog.run()
        assert refined.rows_in == sum(map(len, content))
        assert refined.rows_in == refined.products + refined.merged + refined.rejected
        before = tables(catalog)
        ends = [
            (row["source_file"], row["source_row"])
            for name in ("products", "rejects", "merges")
            for row in before[name]
        ]
        assert len(set(ends)) == refined.rows_in
        assert all(row["raw"] and row["reasons"] and all(row["reasons"]) for row in before["rejects"])
        assert len({row["product_id"] for row in before["products"]}) == refined.products

        again = catalog.run()
        assert (again.changed, again.withdrawn) == (0, 0)
        assert tables(catalog) == before


@settings(max_examples=10)
@given(st.lists(rows, min_size=1, max_size=6), st.randoms())
def test_the_order_of_columns_and_attributes_makes_no_other_facts(records: list[dict[str, Any]], random: Any) -> None:
    def shuffled(record: dict[str, Any]) -> dict[str, Any]:
        names = random.sample(list(record), len(record))
        return {name: shuffled(record[name]) if isinstance(record[name], dict) else record[name] for name in names}

    found = []
    for content in (records, [shuffled(record) for record in records]):
        with TemporaryDirectory() as folder:
            catalog = Catalog(Path(folder))
            write(catalog, [[json.dumps(record) for record in content]])
            catalog.run()
            found.append({product_id: row["facts_hash"] for product_id, row in catalog.products().items()})
    assert found[0] == found[1]


def test_a_conflict_that_a_newer_row_settles_is_gone(catalog: Catalog) -> None:
    catalog.put("a.jsonl", [{"id": 1, "name": "Balm 6 pack", "description": "A pack of 4."}])
    catalog.run()
    assert catalog.products()["1"]["conflicts"] == {"Pack size": ["6", "4"]}
    catalog.put("b.jsonl", [{"id": 1, "name": "Balm 6 pack", "description": "A pack of 6 in a tin."}])
    catalog.run()
    assert catalog.products()["1"]["conflicts"] == {}

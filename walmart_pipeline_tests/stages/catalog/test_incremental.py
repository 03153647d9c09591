"""A catalog that was refined step by step is the one that a single pass over its feeds gives."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.stages.catalog import normalization
from walmart_pipeline_tests.conftest import warehouses_open
from walmart_pipeline_tests.stages.catalog.conftest import Catalog

RESULTS = ("products", "rejects", "merges", "feeds")


def results(catalog: Catalog) -> dict[str, Any]:
    tables = {name: catalog.table(name) for name in RESULTS}
    for row in tables["products"]:
        row.pop("updated_at")
    return tables


def refined_from_scratch(catalog: Catalog, folder: Path) -> dict[str, Any]:
    """What a new warehouse makes of the rows of the feeds in force."""
    folder.mkdir()
    other = Catalog(folder)
    feeds = [row | {"cleaned": None, "unmapped": []} for row in catalog.table("feeds")]
    with other.warehouse.writing() as db:
        db.append("catalog.feeds", feeds)
        db.append("catalog.raw_products", catalog.table("raw_products"))
    other.refine()
    return results(other)


rows = st.fixed_dictionaries(
    {"name": st.sampled_from(["Kettle", "Mug", "Pan", ""])},
    optional={
        "id": st.sampled_from(["1", "2", "3"]),
        "upc": st.sampled_from(["036000291452", "4006381333931", "?"]),
        "brand": st.sampled_from(["Acme", "Best"]),
        "price": st.sampled_from([1, 2]),
        "warranty": st.sampled_from(["1 year", "2 years"]),
        "mystery": st.just("?"),
        "other": st.just("?"),
    },
)
contents = st.lists(rows.map(json.dumps) | st.just("{"), max_size=6).map("\n".join)
names = st.sampled_from(["a.jsonl", "b.jsonl", "shop-2026-11-01.jsonl", "shop-2026-11-02.jsonl"])
mappings = st.sampled_from(["", "ignore: [mystery]", "columns: {brand: other}", "source: a.jsonl", "columns: 7"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), names, contents),
        st.tuples(st.just("map"), names, mappings),
        st.tuples(st.just("remove"), names, st.just("")),
        st.tuples(st.just("delete file"), names, st.just("")),
    ),
    min_size=1,
    max_size=3,
)


def follow(catalog: Catalog, kind: str, name: str, content: str) -> None:
    match kind:
        case "write":
            catalog.put(name, content)
        case "map":
            catalog.put(name.replace(".jsonl", ".mapping.yaml"), content)
        case "remove":
            catalog.remove(name)
        case "delete file":
            (catalog.inbox / name).unlink(missing_ok=True)


@settings(max_examples=12)
@given(st.lists(st.tuples(steps, st.booleans()), min_size=1, max_size=4))
def test_any_sequence_of_versions_removals_and_returns_gives_what_one_pass_gives(nights: list[Any]) -> None:
    with TemporaryDirectory() as folder, warehouses_open():
        catalog = Catalog(Path(folder))
        for changes, accept in nights:
            for change in changes:
                follow(catalog, *change)
            catalog.run(limit=None) if accept else catalog.run()
        once = refined_from_scratch(catalog, Path(folder) / "once")
        assert results(catalog) == once


def test_only_changed_rows_are_cleaned_again(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned: list[str] = []
    clean_row = normalization.clean_row

    def counted(raw: str, *args: Any, **named: Any) -> Any:
        cleaned.append(json.loads(raw)["id"])
        return clean_row(raw, *args, **named)

    monkeypatch.setattr(normalization, "clean_row", counted)
    feed = [{"id": str(number), "name": f"Kettle {number}"} for number in range(20)]
    catalog.put("shop-2026-11-01.jsonl", feed)
    catalog.put("other.jsonl", [{"id": "other", "name": "Mug"}])
    catalog.run()
    assert len(cleaned) == 21
    cleaned.clear()
    catalog.run()
    assert cleaned == []
    # The next day's feed: one row changed, one gone from the middle, one new at the top.
    catalog.put(
        "shop-2026-11-02.jsonl", [{"id": "new", "name": "Pan"}, feed[0] | {"name": "Pot"}, *feed[1:9], *feed[10:]]
    )
    refined = catalog.run()
    assert cleaned == ["new", "0"]
    assert (refined.products, refined.withdrawn) == (21, 1)


def test_a_change_of_one_feed_writes_only_its_products(catalog: Catalog) -> None:
    catalog.put("a.jsonl", [{"id": number, "name": f"Kettle {number}"} for number in range(50)])
    catalog.put("b.jsonl", [{"id": 49, "name": "Kettle"}, {"id": 50, "name": "Mug"}])
    catalog.run()
    catalog.put("b.jsonl", [{"id": 49, "name": "Kettle"}, {"id": 50, "name": "Cup"}])
    assert catalog.run().changed == 2
    catalog.put("b.jsonl", [{"id": 49, "name": "Kettle"}, {"id": 50, "name": "Cup"}, {"id": 51, "name": "Pan"}])
    assert catalog.run().changed == 1


@pytest.mark.drill
def test_a_run_that_was_killed_while_it_cleaned_is_made_good_by_the_next(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.put("feed.jsonl", [{"id": number, "name": f"Kettle {number}"} for number in range(6_000)])
    catalog.load()
    monkeypatch.setattr(normalization, "COMMIT_ROWS", 2_000)

    class KilledError(Exception):
        pass

    def dies(rows: int, seen: list[int] = []) -> None:  # noqa: B006 - counts over its calls
        seen.append(rows)
        if sum(seen) > 4_000:
            raise KilledError

    with pytest.raises(KilledError), catalog.warehouse.writing() as db:
        normalization.refine(db, advance=dies)
    assert catalog.products() == {}
    assert catalog.refine().products == 6_000


def test_a_warehouse_from_before_rows_were_kept_clean_keeps_its_products(catalog: Catalog) -> None:
    catalog.put("feed.csv", "id,name\n1,Kettle\n1,Kettle of steel\n2,\n3,Mug\n")
    catalog.run()
    before = results(catalog)
    with catalog.warehouse.writing() as db:
        for table in ("clean_rows", "product_rows"):
            db.execute(f"delete from catalog.{table}")
        db.execute("update catalog.feeds set cleaned = null")
        db.execute("insert into catalog.products by name select * replace ('gone' as product_id) from catalog.products")
    refined = catalog.refine()
    assert (refined.changed, refined.withdrawn) == (0, 2)
    assert results(catalog) == before

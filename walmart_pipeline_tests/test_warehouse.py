"""The warehouse: transactions, batches, differences, and the wait for another process."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from walmart_pipeline.warehouse import Warehouse, WarehouseError


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb")


def names(warehouse: Warehouse) -> list[str]:
    with warehouse.reading() as db:
        return [row["product_id"] for row in db.query("select product_id from catalog.products order by product_id")]


def test_an_error_leaves_nothing_of_the_transaction(warehouse: Warehouse) -> None:
    with warehouse.writing() as db:
        db.append("catalog.products", [{"product_id": "a"}])
    with pytest.raises(ZeroDivisionError), warehouse.writing() as db:
        db.append("catalog.products", [{"product_id": "b"}])
        raise ZeroDivisionError
    assert names(warehouse) == ["a"]


def test_what_was_before_a_checkpoint_is_kept_whatever_happens_next(warehouse: Warehouse) -> None:
    with pytest.raises(ZeroDivisionError), warehouse.writing() as db:
        db.append("catalog.products", [{"product_id": "a"}])
        db.checkpoint()
        db.append("catalog.products", [{"product_id": "b"}])
        raise ZeroDivisionError
    assert names(warehouse) == ["a"]


def test_pages_are_whole_and_in_order_though_the_tables_change_and_commit_in_between(warehouse: Warehouse) -> None:
    with warehouse.writing() as db:
        db.append("catalog.products", [{"product_id": f"{number:04}"} for number in range(2_500)])
        seen = []
        for page in db.pages("select product_id from catalog.products order by product_id", rows=1_000):
            seen.append([row["product_id"] for row in page])
            db.execute("delete from catalog.products")
            db.checkpoint()
    assert [len(page) for page in seen] == [1_000, 1_000, 500]
    assert [name for page in seen for name in page] == [f"{number:04}" for number in range(2_500)]


def test_upsert_replaces_the_same_key_and_adds_the_others(warehouse: Warehouse) -> None:
    with warehouse.writing() as db:
        db.append("catalog.products", [{"product_id": "a", "price": 1.0}, {"product_id": "b", "price": 1.0}])
        db.upsert("catalog.products", [{"product_id": "b", "price": 2.0}, {"product_id": "c"}], ["product_id"])
        found = db.query("select product_id, price from catalog.products order by product_id")
    assert [(row["product_id"], row["price"]) for row in found] == [("a", 1.0), ("b", 2.0), ("c", None)]


def test_sync_writes_only_what_differs(warehouse: Warehouse) -> None:
    wanted = (
        "select product_id, 'failed' as status, [price] as reasons, 0.0 as score, '' as content_hash, "
        "{stamp}::timestamptz as queued_at from catalog.products"
    )
    with warehouse.writing() as db:
        db.append("catalog.products", [{"product_id": name, "price": 1.0} for name in "abc"])
        first = db.sync(
            "quality.review_queue", wanted.format(stamp="'2026-01-01'"), key="product_id", stamp="queued_at"
        )
        db.execute("update catalog.products set price = 2 where product_id = 'b'")
        db.execute("delete from catalog.products where product_id = 'c'")
        second = db.sync(
            "quality.review_queue", wanted.format(stamp="'2026-02-01'"), key="product_id", stamp="queued_at"
        )
        months = db.query("select product_id, month(queued_at) as month from quality.review_queue order by product_id")
    assert (first, second) == ((3, 0), (1, 1))
    assert [(row["product_id"], row["month"]) for row in months] == [("a", 1), ("b", 2)]


def test_reading_before_anything_was_written_says_what_to_do(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="walmart-pipeline run"), warehouse.reading():
        pass


def test_a_warehouse_of_newer_code_is_refused(warehouse: Warehouse) -> None:
    with warehouse.writing() as db:
        db.execute("insert into main.migrations values (9999, '9999_future.sql')")
    with pytest.raises(WarehouseError, match="update the code"), warehouse.reading():
        pass


HOLD = """
import sys, time
from pathlib import Path
from walmart_pipeline.warehouse import Warehouse
with Warehouse(Path(sys.argv[1])).writing():
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(warehouse: Warehouse, seconds: float) -> subprocess.Popen[str]:
    """Another process that writes for so long."""
    arguments = [sys.executable, "-c", HOLD, str(warehouse.path), str(seconds)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_who_comes_second_waits(warehouse: Warehouse) -> None:
    with hold(warehouse, 1.5) as process:
        with Warehouse(warehouse.path, wait_seconds=60).writing() as db:
            assert db.count("catalog.products") == 0
        assert process.wait(10) == 0


def test_who_waits_in_vain_is_told_why(warehouse: Warehouse) -> None:
    with hold(warehouse, 60) as process:
        started = time.monotonic()
        impatient = Warehouse(warehouse.path, wait_seconds=0.5)
        with pytest.raises(WarehouseError, match="WALMART_WAREHOUSE_WAIT_SECONDS"), impatient.writing():
            pass
        process.kill()
        assert time.monotonic() - started < 30

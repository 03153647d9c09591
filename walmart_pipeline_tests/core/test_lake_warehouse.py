"""A lake: its files in a store over HTTP, what is said of one that can't be used, and a lock that is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import boto3
import psycopg
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from walmart_pipeline.automation import backup, restore
from walmart_pipeline.cli import doctor
from walmart_pipeline.core import lake_warehouse, warehouse_copy, warehouses
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.lake_warehouse import LakeWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row, Warehouse, WarehouseError

pytestmark = pytest.mark.scale

PASSWORD = "letmein-7"

COLUMNS = """
select schema_name, table_name, column_name, data_type
from duckdb_columns()
where database_name = current_database() and not internal
order by all
"""

NewLake: TypeAlias = Callable[[bool], LakeWarehouse]


def test_the_tables_of_a_new_lake_are_those_that_the_migrations_make_in_a_file(lakes: NewLake, tmp_path: Path) -> None:
    def columns(warehouse: Warehouse) -> list[Row]:
        with warehouse.reading() as db:
            return db.query(COLUMNS)

    file = FileWarehouse(tmp_path / "warehouse.duckdb")
    with file.writing():
        pass
    assert columns(lakes(True)) == columns(file)


def test_the_files_of_a_lake_are_in_a_store_that_speaks_s3(lakes: NewLake) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    access: dict[str, Any] = {"aws_access_key_id": "shop", "aws_secret_access_key": PASSWORD}
    try:
        store = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **access)
        store.create_bucket(Bucket="shop")
        settings = Settings(
            warehouse_url=lakes(False).catalog.name,
            warehouse_data="s3://shop/lake",
            aws_endpoint_url=f"http://{host}:{port}",
            **access,
        )
        warehouse = warehouses.of(settings)
        warehouse.check()
        products = [{"product_id": f"{number:03}", "options": {"Color": ["teal"]}} for number in range(100)]
        with warehouse.writing() as db:
            db.append("catalog.products", products)
            db.execute("update catalog.products set price = 2 where product_id < '050'")
        # Where it is, the lake knows.
        with warehouses.of(settings.model_copy(update={"warehouse_data": None})).reading() as db:
            assert db.value("select sum(price) from catalog.products where options['Color'] = ['teal']") == 100
        assert any(
            item["Key"].startswith("lake/catalog/products/")
            for item in store.list_objects_v2(Bucket="shop")["Contents"]
        )
    finally:
        server.stop()


@pytest.mark.parametrize(
    "url",
    [
        f"ducklake:postgres:dbname=lake host=127.0.0.1 port=1 user=lake password={PASSWORD}",
        f"ducklake:postgres:postgresql://lake:{PASSWORD}@127.0.0.1:1/lake",
        f"ducklake:postgres:{PASSWORD}",
        f"postgresql://lake:{PASSWORD}@127.0.0.1:1/lake",
    ],
)
def test_a_lake_that_does_not_answer_is_refused_without_its_password_and_never_replaced_by_a_file(
    url: str, tmp_path: Path
) -> None:
    settings = Settings(workspace=tmp_path, warehouse_url=url, warehouse_data=str(tmp_path))
    with pytest.raises(WarehouseError) as refused, warehouses.of(settings).writing():
        pass
    assert "lake" in str(refused.value)
    assert PASSWORD not in str(refused.value)
    assert PASSWORD not in repr(settings)
    assert list(tmp_path.iterdir()) == []


def test_a_lake_without_a_place_for_its_files_and_one_with_another_place_are_refused(
    lakes: NewLake, tmp_path: Path
) -> None:
    with pytest.raises(WarehouseError, match="WALMART_WAREHOUSE_DATA"):
        LakeWarehouse(lakes(False).catalog.name).check()
    with pytest.raises(WarehouseError, match="does not match"):
        LakeWarehouse(lakes(True).catalog.name, str(tmp_path)).check()


def test_a_missing_extension_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_warehouse, "find_spec", lambda name: None if "httpfs" in name else find_spec(name))
    lake = LakeWarehouse("ducklake:postgres:dbname=lake", "s3://shop/lake")
    with pytest.raises(WarehouseError, match=r"httpfs.*walmart-pipeline\[scale\]"):
        lake.check()


@pytest.mark.parametrize("whose", ["the lock's", "DuckDB's"])
def test_a_transaction_that_loses_a_connection_writes_nothing_and_the_next_one_does(lakes: NewLake, whose: str) -> None:
    """Another process would have the lock by then."""
    lake = lakes(True)
    kill = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and {} "
    kill += "and pid <> pg_backend_pid()"
    which = "application_name like 'process %'" if whose == "the lock's" else "application_name not like 'process %'"
    with pytest.raises(Exception, match=r"(?i)lost|connection|rollback"), lake.writing() as db:
        db.append("catalog.products", [{"product_id": f"{number}"} for number in range(100)])
        with psycopg.connect(lake.catalog.name.removeprefix("ducklake:postgres:")) as server:
            server.execute(kill.format(which))
    with lake.writing() as db:
        assert db.count("catalog.products") == 0
        db.append("catalog.products", [{"product_id": "a"}])
    with lake.reading() as db:
        assert db.count("catalog.products") == 1


def test_a_file_is_copied_to_a_lake_and_back_row_for_row_and_never_over_data(lakes: NewLake, tmp_path: Path) -> None:
    file, back, lake = FileWarehouse(tmp_path / "a.duckdb"), FileWarehouse(tmp_path / "b.duckdb"), lakes(True)
    violation = {"rule": "title.year", "severity": "major", "field": "title", "evidence": "2026", "message": "leave it"}
    now = datetime(2026, 11, 30, 12, 30, 15, 123456, UTC)
    with file.writing() as db:
        products = [
            {
                "product_id": f"{number:04}",
                "category": ["Home", "Kettles"],
                "attributes": {"Color": "teal", "it's": "a “quote”"},
                "options": {"Size": ["1 L", "2 L"], "none": []},
                "price": number / 7 if number % 3 else None,
                "updated_at": now,
            }
            for number in range(5_000)
        ]
        db.append("catalog.products", products)
        db.append("quality.scores", [{"product_id": "1", "violations": [violation], "publishable": True}, {}])
        db.append("catalog.feeds", [{"source_file": "a.csv", "mapping": '{"price": ["cost"]}', "unmapped": []}])
        db.append("quality.copies", [{"product_id": "1", "bands": [2**64 - 1, 0]}])
        db.append("insights.performance", [{"day": now.date(), "errors": {"timeout": 3}}])

    def rows(warehouse: Warehouse) -> dict[str, Any]:
        tables = ("catalog.products", "quality.scores", "catalog.feeds", "quality.copies", "insights.performance")
        with warehouse.reading() as db:
            return {table: sorted(map(repr, db.query(f"from {table}"))) for table in tables}

    there, again = warehouse_copy.copy(file, lake), warehouse_copy.copy(lake, back)
    assert there == again
    assert {table.name: table.rows for table in there}["catalog.products"] == 5_000
    assert rows(file) == rows(lake) == rows(back)
    with pytest.raises(WarehouseError, match=r"has data \(catalog\.feeds, catalog\.products"):
        warehouse_copy.copy(file, lake)


def test_many_rows_are_one_file_whatever_the_batches_in_which_they_come(lakes: NewLake) -> None:
    lake = lakes(True)
    with lake.writing() as db:
        assert db.append("catalog.products", ({"product_id": f"{number:04}"} for number in range(5_000))) == 5_000
    with lake.reading() as db:
        files = "select file_count from ducklake_table_info(current_database()) where table_name = 'products'"
        assert (db.count("catalog.products"), db.value(files)) == (5_000, 1)


def test_old_snapshots_are_forgotten_and_small_files_merged_and_a_rehearsal_changes_nothing(lakes: NewLake) -> None:
    lake = lakes(True)
    for first in range(0, 500, 100):
        with lake.writing() as db:
            db.append("catalog.products", [{"product_id": f"{number:03}"} for number in range(first, first + 100)])
    later = datetime.now(UTC) + timedelta(days=1)
    planned = lake.maintain(later, dry_run=True)
    assert planned.merged == 0
    done = lake.maintain(later, dry_run=False)
    assert done.snapshots == planned.snapshots >= 5
    assert done.merged == 5
    with lake.reading() as db:
        assert db.count("catalog.products") == 500
    # The files that were merged are removed a day later.
    assert done.removed == 0


def test_a_backup_holds_what_a_lake_has_and_is_restored_to_files(lakes: NewLake, tmp_path: Path) -> None:
    lake = lakes(True)
    with lake.writing() as db:
        db.append("catalog.products", [{"product_id": "a"}])
    settings = Settings(workspace=tmp_path / "shop", warehouse_url=lake.catalog.name)
    settings.workspace.mkdir()
    backup.create(settings, tmp_path / "backup")
    with pytest.raises(backup.BackupError, match="unset WALMART_WAREHOUSE_URL"):
        restore.restore(settings, tmp_path / "backup")
    other = Settings(workspace=tmp_path / "other")
    restore.restore(other, tmp_path / "backup")
    with warehouses.of(other).reading() as db:
        assert db.query("select product_id from catalog.products") == [{"product_id": "a"}]


def test_the_doctor_names_each_part_of_a_lake(lakes: NewLake, tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, warehouse_url=lakes(True).catalog.name, warehouse_data=None)
    found = {each.name: each for each in doctor.examine_warehouse(settings)}
    assert {name: each.state for name, each in found.items()} == {
        "lake extensions": "good",
        "lake catalog": "good",
        "lake files": "good",
        "warehouse": "good",
    }
    url = SecretStr(f"ducklake:postgres:host=127.0.0.1 port=1 password={PASSWORD}")
    away = settings.model_copy(update={"warehouse_url": url})
    *_, last = doctor.examine_warehouse(away)
    assert last.state == "bad"
    assert PASSWORD not in last.detail

"""A lake: its files in a store over HTTP, what is said of one that can't be used, and a lock that is lost."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import boto3
import psycopg
import pytest
from moto.server import ThreadedMotoServer

from walmart_pipeline.core import lake_warehouse, warehouses
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.lake_warehouse import LakeWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row, Warehouse, WarehouseError

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

"""The warehouse: transactions, batches, differences, and the wait for another process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from walmart_pipeline.core import schema
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.lake_warehouse import LakeWarehouse
from walmart_pipeline.core.records import Product
from walmart_pipeline.core.warehouse import Warehouse, WarehouseError, struct


@pytest.fixture(autouse=True)
def migrated_once() -> None:
    """Each file of these tests runs its own migrations."""


@pytest.fixture(params=["file", pytest.param("lake", marks=pytest.mark.scale)])
def nothing(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    """A warehouse of each kind that was never written."""
    if request.param == "file":
        return FileWarehouse(tmp_path / "warehouse.duckdb")
    lake: LakeWarehouse = request.getfixturevalue("lakes")(False)
    return lake


IN_A_FILE = pytest.mark.parametrize("warehouse", ["file"], indirect=True)


def address(warehouse: Warehouse) -> str:
    return warehouse.catalog.name if isinstance(warehouse, LakeWarehouse) else str(warehouse.path)


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
        db.append("catalog.products", [{"product_id": f"{number:04}"} for number in range(4_500)])
        seen = []
        for page in db.pages("select product_id from catalog.products order by product_id"):
            seen.append([row["product_id"] for row in page])
            db.execute("delete from catalog.products")
            db.checkpoint()
    assert [len(page) for page in seen] == [2_000, 2_000, 500]
    assert [name for page in seen for name in page] == [f"{number:04}" for number in range(4_500)]


def test_pages_by_key_are_whole_and_in_order_though_what_is_read_is_written_over_in_between(
    warehouse: Warehouse,
) -> None:
    """A loop over what is due stores its rows: they are no longer due when the next page is read."""
    due = "select product_id, product_name from catalog.products where price is null and brand = $brand"
    with warehouse.writing() as db:
        numbers = [number * 7 % 12_000 for number in range(12_000)]
        db.append("catalog.products", [{"product_id": f"{number:05}", "brand": "a"} for number in numbers])
        db.append("catalog.products", [{"product_id": "other", "brand": "b"}])
        seen = []
        for page in db.pages_by_key(due, {"brand": "a"}, key="product_id", rows=4_000):
            seen.append([row["product_id"] for row in page])
            db.upsert("catalog.products", [row | {"brand": "a", "price": 1.0} for row in page], ["product_id"])
            db.checkpoint()
    assert [len(page) for page in seen] == [4_000, 4_000, 2_000, 2_000]
    assert [name for page in seen for name in page] == [f"{number:05}" for number in range(12_000)]


def test_a_result_without_rows_has_no_pages(warehouse: Warehouse) -> None:
    with warehouse.writing() as db:
        assert list(db.pages_by_key("select product_id from catalog.products", key="product_id")) == []


WRITE_BATCHES = """
import sys
from walmart_pipeline.benchmarks import resource_usage
from walmart_pipeline.core import settings, warehouses
def rows(first):
    for number in range(first, first + 500):
        yield {"product_id": f"{number:06}", "description": f"{number} {number * 7919} " * 150}
with warehouses.at(sys.argv[1], settings.load()).writing() as db:
    for first in range(0, 60_000, 500):
        db.upsert("catalog.products", list(rows(first)), ["product_id"])
        db.checkpoint()
        if first in (4_000, 59_500):
            print(resource_usage.peak_rss_mb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory that was given back")
def test_memory_does_not_grow_with_the_batches_that_are_written(warehouse: Warehouse) -> None:
    """These 140 MB of text once took 450 MB: DuckDB kept them, and merged them as the loop went on."""
    written = subprocess.run(
        [sys.executable, "-c", WRITE_BATCHES, address(warehouse)], check=True, capture_output=True, text=True
    )
    early, late = map(int, written.stdout.split())
    assert late - early < 80


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


def test_reading_before_anything_was_written_gives_the_remedy(nothing: Warehouse) -> None:
    assert not nothing.exists()
    with pytest.raises(WarehouseError, match="walmart-pipeline run"), nothing.reading():
        pass
    with nothing.writing():
        pass
    assert nothing.exists()


def test_what_a_reader_has_open_stays_as_it_is_and_has_a_version_of_its_own(warehouse: Warehouse) -> None:
    with warehouse.writing() as db:
        db.append("catalog.products", [{"product_id": "a"}])
    with warehouse.reading() as db:
        first = db.version
        assert first == warehouse.version()
        if isinstance(warehouse, LakeWarehouse):
            with warehouse.writing() as other:
                other.append("catalog.products", [{"product_id": f"{number}"} for number in range(100)])
        assert db.count("catalog.products") == 1
    with warehouse.writing() as db:
        db.append("catalog.products", [{"product_id": "b"}])
    with warehouse.reading() as db:
        assert db.version == warehouse.version() != first


@pytest.fixture
def older(nothing: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """One migration behind, with a product in it; the test may still change the newest migration."""
    scripts = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, scripts)
    newest = max(scripts.glob("*.sql"))
    script = newest.read_text(encoding="utf-8")
    newest.unlink()
    monkeypatch.setattr(schema, "MIGRATIONS", scripts)
    with nothing.writing() as db:
        db.append("catalog.products", [{"product_id": "a"}])
    newest.write_text(script, encoding="utf-8")
    return nothing


def test_a_warehouse_one_migration_behind_is_migrated_before_it_is_read_and_a_copy_of_a_file_is_kept(
    older: Warehouse,
) -> None:
    """`run` once refused it and advised `run`, and `models list` ended in a traceback."""
    assert names(older) == ["a"]
    newest = int(max(schema.MIGRATIONS.glob("*.sql")).name[:4])
    with older.reading() as db:
        assert db.value("select max(version) from main.migrations") == newest
    if isinstance(older, LakeWarehouse):
        return
    (copy,) = older.path.parent.glob("warehouse.before-*.duckdb")
    with duckdb.connect(str(copy), read_only=True) as before:
        assert before.execute("select product_id from catalog.products").fetchall() == [("a",)]
        assert before.execute("select max(version) < ? from main.migrations", [newest]).fetchone() == (True,)


def test_a_migration_whose_number_is_below_the_newest_is_applied_too(older: Warehouse) -> None:
    """Numbers are given when work begins and migrations come in any order."""
    (schema.MIGRATIONS / "0000_late.sql").write_text("create table main.late (number integer);")
    with older.reading() as db:
        assert db.count("main.late") == 0


def test_a_migration_that_fails_leaves_the_warehouse_as_it_was(older: Warehouse) -> None:
    broken = max(schema.MIGRATIONS.glob("*.sql"))
    whole = broken.read_text(encoding="utf-8")
    broken.write_text("drop table catalog.products; select no_such_function();", encoding="utf-8")
    with pytest.raises(WarehouseError, match=r"(?s)as it was: 0.*\.sql.*no_such_function"), older.reading():
        pass
    broken.write_text(whole, encoding="utf-8")
    assert names(older) == ["a"]


@IN_A_FILE
def test_data_of_an_earlier_release_survives_all_migrations(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows in altered tables once made every migration of a used warehouse fail; empty ones never showed it."""
    scripts = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, scripts)
    later = [script for script in scripts.glob("*.sql") if script.name >= "0013"]
    for script in later:
        script.rename(script.with_suffix(".later"))
    monkeypatch.setattr(schema, "MIGRATIONS", scripts)
    with warehouse.writing() as db:
        tables = "select schema_name || '.' || table_name as name from duckdb_tables() where schema_name <> 'main'"
        for table in db.query(tables):
            db.append(table["name"], [{}])
        text = {"product_id": "a", "provider": "composer", "model": "facts", "status": "complete"}
        db.append("content.generated_content", [text | {"parser_version": "1", "key_features": ["Boils"]}])
        failed = {"product_id": "b", "provider": "ollama", "model": "llama@1", "status": "complete"}
        db.append(
            "content.generated_content", [failed | {"parser_version": "1", "key_features": ["A | B"], "fallback": "?"}]
        )
    for script in later:
        script.with_suffix(".later").rename(script)
    with warehouse.reading() as db:
        columns = "product_id, provider, model, written_by, parser_version"
        rows = db.query(f"select {columns} from content.generated_content where product_id is not null order by 1")
        writer = db.query("select provider, model from content.writers")
    assert [tuple(row.values()) for row in rows] == [
        ("a", "template", "template", "template", "2"),  # as the same code would write it today
        ("b", "ollama", "llama@1", "template", "1"),  # credited to its author, and parsed anew
    ]
    assert writer == [{"provider": "ollama", "model": "llama"}]


@IN_A_FILE
def test_products_of_an_earlier_release_are_read_without_options_and_conflicts(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, scripts)
    later = [script for script in scripts.glob("*.sql") if script.name >= "0018"]
    for script in later:
        script.rename(script.with_suffix(".later"))
    monkeypatch.setattr(schema, "MIGRATIONS", scripts)
    product = Product(product_id="a", product_name="Kettle", attributes={"Color": "teal"})
    with warehouse.writing() as db:
        db.append("catalog.products", [product.model_dump(exclude={"options", "conflicts"})])
    for script in later:
        script.with_suffix(".later").rename(script)
    with warehouse.reading() as db:
        (row,) = db.query(f"select {struct('products', Product)} as product from catalog.products")
    assert Product(**row["product"]) == product


def test_a_warehouse_of_newer_code_is_refused(warehouse: Warehouse) -> None:
    with warehouse.writing() as db:
        db.execute("insert into main.migrations values (9999, '9999_future.sql')")
    with pytest.raises(WarehouseError, match="newer walmart-pipeline"), warehouse.reading():
        pass
    with pytest.raises(WarehouseError, match="newer walmart-pipeline"), warehouse.writing():
        pass


HOLD = """
import sys, time
from walmart_pipeline.core import settings, warehouses
with warehouses.at(sys.argv[1], settings.load()).writing():
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(warehouse: Warehouse, seconds: float) -> subprocess.Popen[str]:
    """Another process that writes for so long."""
    arguments = [sys.executable, "-c", HOLD, address(warehouse), str(seconds)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@IN_A_FILE
def test_a_reader_waits_for_a_writer_and_names_the_process(warehouse: Warehouse, tmp_path: Path) -> None:
    count = "import sys; from walmart_pipeline.core import settings, warehouses\n"
    count += "with warehouses.at(sys.argv[1], settings.load()).reading() as db: print(db.count('catalog.products'))"
    with hold(warehouse, 3.5) as writer:
        reader = subprocess.run(
            [sys.executable, "-c", count, address(warehouse)], capture_output=True, text=True, check=True
        )
        assert writer.wait(10) == 0
    assert reader.stdout == "0\n"
    (line,) = reader.stderr.splitlines()
    assert line.startswith("waiting")
    assert f"process {writer.pid}" in line


def test_a_wait_in_vain_ends_with_who_is_writing_and_what_to_do(warehouse: Warehouse) -> None:
    with hold(warehouse, 60) as process:
        warehouse.wait_seconds = 0.5
        with pytest.raises(WarehouseError, match=f"process {process.pid}.*WALMART_WAREHOUSE_WAIT_SECONDS"):
            warehouse.writing().__enter__()
        process.kill()


BUSY = """
import sys, time
from walmart_pipeline.core import settings, warehouses
warehouse, number = warehouses.at(sys.argv[1], settings.load()), sys.argv[2]
for turn in range(20):
    with warehouse.writing() as db:
        db.append("catalog.products", [{"product_id": f"{number}-{turn}"}])
        time.sleep(0.05)
"""


def test_readers_get_in_between_writers_that_write_all_the_time_and_no_row_is_lost(warehouse: Warehouse) -> None:
    names_before: list[str] = []
    with warehouse.writing():
        pass
    writers = [subprocess.Popen([sys.executable, "-c", BUSY, address(warehouse), str(n)]) for n in range(2)]
    warehouse.wait_seconds = 60
    while any(writer.poll() is None for writer in writers):
        found = names(warehouse)
        assert set(names_before) <= set(found)
        names_before = found
    assert [writer.returncode for writer in writers] == [0, 0]
    assert len(names(warehouse)) == 40

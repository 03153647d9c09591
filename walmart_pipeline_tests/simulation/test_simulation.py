"""A day of a small catalog through the real daemon, and what its report says when something is missing."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.simulation import report, week
from walmart_pipeline.simulation.daemon import SimulationError
from walmart_pipeline.simulation.supplier import Supplier, file_of

PRODUCTS = 12


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a day: files arrive, the inbox sensor requests a run, the night comes."""
    home = tmp_path_factory.mktemp("simulation")
    week.run(home, days=1, products=PRODUCTS, seed=7, log=lambda event: None)
    return home


@pytest.mark.drill
@pytest.mark.timeout(1_800)
def test_a_day_through_the_real_daemon_goes_as_it_should(lived: Path) -> None:
    found = report.of(lived)
    assert found.unmet == []
    (day,) = found.days
    assert (day.runs, day.failed_runs, day.calls) == (2, 0, PRODUCTS)
    assert {each.subject for each in found.expectations} >= {"files", "products", "texts", "calls", "nights", "exports"}


def remove_text(home: Path) -> None:
    with FileWarehouse(home / "warehouse.duckdb").writing() as db:
        db.execute(
            "delete from content.generated_content where product_id = (select min(product_id) from catalog.products)"
        )


def pay_twice(home: Path) -> None:
    with closing(sqlite3.connect(home / "ledger.db")) as db:
        columns = ", ".join(name for _, name, *_ in db.execute("pragma table_info(calls)") if name != "id")
        db.execute(f"insert into calls ({columns}) select {columns} from calls limit 1")
        db.commit()


def change_price(home: Path) -> None:
    with FileWarehouse(home / "warehouse.duckdb").writing() as db:
        db.execute("update catalog.products set price = price + 1")


def export_twice(home: Path) -> None:
    file = home / "exports" / "listings.jsonl"
    file.write_text(file.read_text() * 2)


@pytest.mark.drill
@pytest.mark.timeout(1_800)
def test_what_is_missing_or_doubled_is_found_in_the_tables_and_named(lived: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(lived, home)
    for tamper in (remove_text, pay_twice, change_price, export_twice):
        tamper(home)
    unmet = {(each.subject, each.expected): each.found for each in report.of(home).unmet}
    assert unmet["texts", "0 products without a text of their present facts"].startswith("1: ")
    assert unmet["calls", "0 requests paid twice"].startswith("1: ")
    assert unmet["products", "0 with an old price"].startswith(f"{PRODUCTS}: ")
    assert any(subject == "exports" for subject, _ in unmet)


def test_the_users_ledger_models_and_keys_are_not_the_simulations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WALMART_LEDGER_URL", "postgresql://production/ledger")
    monkeypatch.setenv("WALMART_FACT_CHECK", "openai:gpt-4.1")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    given = week._environment(week._settings(tmp_path, ["http://127.0.0.1:1"], "json://127.0.0.1"))
    assert not {"WALMART_FACT_CHECK", "OPENAI_API_KEY"} & given.keys()
    with monkeypatch.context() as patch:
        for name in os.environ:
            patch.delenv(name)
        for name, value in given.items():
            patch.setenv(name, value)
        settings = Settings()
    assert settings.ledger == settings.reviews_url == f"sqlite:///{tmp_path}/ledger.db"
    assert settings.nightly_cron == "* * * * *"


def test_a_drift_that_nobody_would_see_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="day 6"):
        week.run(tmp_path, days=7, products=PRODUCTS, seed=7, log=lambda event: None)


def test_the_supplier_changes_only_what_it_says(tmp_path: Path) -> None:
    supplier = Supplier(60, seed=3)
    before = {product_id: dict(record) for product_id, record in supplier.products.items()}
    repriced, reweighed = supplier.reprice(5, before), supplier.reweigh(5)
    assert not set(repriced) & set(reweighed)
    for product_id, record in supplier.products.items():
        changed = {name for name, value in record.items() if value != before[product_id][name]}
        if product_id in repriced:
            assert changed == {"price"}
        elif product_id in reweighed:
            assert changed >= {"specs", "description"}
        else:
            assert not changed
    added = supplier.add(4)
    assert not set(added) & set(before)
    assert all(product_id in supplier.file(file_of(supplier.products[product_id])).decode() for product_id in added)

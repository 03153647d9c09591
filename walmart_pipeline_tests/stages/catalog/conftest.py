"""A warehouse in a temporary folder, and the catalog stage run over files in it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.stages.catalog import loading, normalization
from walmart_pipeline.stages.catalog.loading import ShrinkageLimit
from walmart_pipeline.stages.catalog.normalization import Refined

# The machine that runs the tests may be busy: how long an example takes says nothing about the code.
settings.register_profile("catalog", deadline=None)
settings.load_profile("catalog")

LIMIT = ShrinkageLimit(share=0.3, rows=10)


class Catalog:
    """An inbox and its warehouse."""

    def __init__(self, home: Path) -> None:
        self.inbox = home / "inbox"
        self.inbox.mkdir()
        self.warehouse = FileWarehouse(home / "warehouse.duckdb")

    def put(self, name: str, content: bytes | str | Iterable[Mapping[str, Any]]) -> Path:
        """A file in the inbox: bytes or text as given, rows as JSON lines."""
        path = self.inbox / name
        if not isinstance(content, bytes | str):
            content = "".join(json.dumps(row) + "\n" for row in content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self, *paths: Path, limit: ShrinkageLimit | None = LIMIT, quiet_seconds: float = 0) -> dict[str, Row]:
        """Load these paths, or the inbox: the entry of each feed that was read."""
        with self.warehouse.writing() as db:
            offered = loading.offered([str(path) for path in paths], self.inbox, quiet_seconds=quiet_seconds)
            entries = loading.load(db, offered, limit=limit, advance=lambda _: None)
        return {entry["source_file"]: entry for entry in entries}

    def remove(self, *names: str) -> list[str]:
        with self.warehouse.writing() as db:
            return loading.remove(db, names)

    def refine(self) -> Refined:
        with self.warehouse.writing() as db:
            return normalization.refine(db, advance=lambda _: None)

    def run(self, *paths: Path, limit: ShrinkageLimit | None = LIMIT) -> Refined:
        self.load(*paths, limit=limit)
        return self.refine()

    def table(self, name: str, order: str = "all") -> list[Row]:
        with self.warehouse.reading() as db:
            return db.query(f"select * from catalog.{name} order by {order}")

    def products(self) -> dict[str, Row]:
        return {row["product_id"]: row for row in self.table("products", "product_id")}

    def rows_of(self, name: str) -> int:
        with self.warehouse.reading() as db:
            return int(db.value("select count(*) from catalog.raw_products where source_file = ?", [name]))


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path)

"""What the tests of several stages share: a pipeline in a home of its own, on a real Dagster instance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from walmart_pipeline import runner
from walmart_pipeline.automation.run_summary import Summary
from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row, Warehouse
from walmart_pipeline_tests.paths import SAMPLE

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


class Pipeline:
    """The whole program in a home of its own."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home)
        self.warehouse = Warehouse(self.settings.warehouse)

    def ingest(self, records: Sequence[dict[str, Any]], name: str = "feed.jsonl") -> Path:
        """Put a feed of these records into the inbox."""
        path = self.settings.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return path

    def run(self, *catalog: Path, limit: int | None = None) -> Summary:
        """Run everything; the run must succeed."""
        summary = runner.run(
            self.settings, catalog=[str(path) for path in catalog], limit=limit, progress=LogProgress()
        )
        assert summary.error is None
        return summary

    def query(self, sql: str) -> list[Row]:
        with self.warehouse.reading() as db:
            return db.query(sql)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


@pytest.fixture(scope="session")
def sample_pipeline(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pipeline, Summary]:
    """The sample catalog after one run. For tests that only read."""
    made = Pipeline(tmp_path_factory.mktemp("sample"))
    return made, made.run(SAMPLE)

"""The whole pipeline on a lake: what comes out is what comes out of a file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from walmart_pipeline.core.lake_warehouse import LakeWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline_tests.conftest import KETTLE, Pipeline

FILES = ("listings.csv", "listings.jsonl", "listings.txt", "listings.xlsx")
COLORS = ("Navy", "Teal", "Sand", "Olive", "Coral", "Slate")


def _kettles(price: float) -> list[dict[str, object]]:
    return [
        KETTLE
        | {
            "item_id": f"K-{number}",
            "product_name": f"Brindlewick Harbor Electric Kettle, {1 + number / 10:.1f} L, Matte {color}",
            "specs": KETTLE["specs"] | {"Color": f"matte {color.lower()}", "Capacity": f"{1 + number / 10:.1f} L"},
            "price": price + number,
            "gtin": None,
        }
        for number, color in enumerate(COLORS)
    ]


@pytest.mark.scale
def test_file_and_lake_give_the_same_exports_byte_for_byte(
    empty_workspace: Path, tmp_path: Path, lakes: Callable[[bool], LakeWarehouse]
) -> None:
    exports = []
    for name, url in (("file", None), ("lake", lakes(True).catalog.name)):
        pipeline = Pipeline(shutil.copytree(empty_workspace, tmp_path / name))
        pipeline.use(Settings(workspace=pipeline.settings.workspace, warehouse_url=url))
        pipeline.ingest([*_kettles(30.0), {"item_id": "no-name"}])
        first = pipeline.run()
        # A price and a fact change, one product goes, another one comes.
        changed = _kettles(31.0)[1:]
        changed[0]["specs"] = KETTLE["specs"] | {"Wattage": "2000 W"}
        pipeline.ingest([*changed, KETTLE])
        second = pipeline.run()
        figures = {"accepted", "needs_review", "products", "planned", "rows_rejected", "examples"}
        exports.append(
            (
                [summary.model_dump(include=figures) for summary in (first, second)],
                {file: (pipeline.settings.exports / file).read_bytes() for file in FILES},
            )
        )
        assert pipeline.settings.warehouse.exists() == (url is None)
    assert exports[0] == exports[1]
    assert exports[0][1]["listings.jsonl"]

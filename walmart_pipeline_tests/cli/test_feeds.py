"""Feeds from a user's view: what `run` does with bad ones, and the commands `feeds list` and `feeds remove`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from walmart_pipeline.cli import app
from walmart_pipeline_tests.conftest import KETTLE, Pipeline, warehouses_open

pytestmark = pytest.mark.usefixtures("no_reports")


def command(pipeline: Pipeline, *arguments: object) -> Result:
    with warehouses_open():
        return CliRunner().invoke(app, [*map(str, arguments), "--home", str(pipeline.settings.workspace)])


def kettles(count: int) -> list[dict[str, Any]]:
    return [
        KETTLE | {"item_id": f"K-{number}", "gtin": None, "product_name": f"{KETTLE['product_name']}, No. {number}"}
        for number in range(count)
    ]


def write_csv(pipeline: Pipeline, rows: list[dict[str, Any]]) -> None:
    """A feed with these rows, or the header alone."""
    pipeline.settings.inbox.mkdir(parents=True, exist_ok=True)
    with (pipeline.settings.inbox / "feed.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(KETTLE)
        for row in rows:
            writer.writerow(json.dumps(cell) if isinstance(cell, list | dict) else cell for cell in row.values())


def exported(pipeline: Pipeline) -> set[str]:
    lines = (pipeline.settings.exports / "listings.jsonl").read_text(encoding="utf-8").splitlines()
    return {json.loads(line)["product_id"] for line in lines}


def test_a_feed_that_shrinks_too_far_stops_the_run_and_leaves_every_export_unless_that_is_accepted(
    pipeline: Pipeline,
) -> None:
    """The listings of all lost rows once left the exports with exit code 0, and the dataset never came back."""
    write_csv(pipeline, kettles(16))
    first = pipeline.run()
    before = {path.name: path.read_bytes() for path in pipeline.settings.exports.iterdir()}
    for rows in (0, 1):
        write_csv(pipeline, kettles(rows))
        shrunk = command(pipeline, "run")
        assert shrunk.exit_code == 1
        assert f"refused feed.csv: it has {rows} rows, but feed.csv had 16" in shrunk.output
        assert "--accept-shrinkage" in shrunk.output
        assert "volume" in shrunk.output
        assert {path.name: path.read_bytes() for path in pipeline.settings.exports.iterdir()} == before
    # A later run warns and goes on with the last good version.
    pipeline.ingest([KETTLE | {"item_id": "new"}], "other.jsonl")
    night = command(pipeline, "run")
    assert (night.exit_code, "refused feed.csv" in night.output) == (0, True)
    assert exported(pipeline) == {*(f"K-{number}" for number in range(16)), "new"}
    write_csv(pipeline, kettles(16))
    again = pipeline.run()
    assert (again.products, again.planned, again.examples) == (first.products + 1, 0, first.examples)
    write_csv(pipeline, kettles(1))
    assert command(pipeline, "run", "--accept-shrinkage").exit_code == 0
    assert exported(pipeline) == {"K-0", "new"}


def test_a_catalog_in_which_nothing_can_be_read_is_a_failure_that_names_each_file(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    folder = tmp_path / "feeds"
    folder.mkdir()
    (folder / "picture.csv").write_bytes(b"\0" * 99)
    (folder / "header.csv").write_text("id,name\n")
    done = command(pipeline, "run", "--catalog", folder)
    assert done.exit_code == 1
    for reason in ("picture.csv: it is a binary file", "header.csv: delimited", "it has no rows"):
        assert reason in " ".join(done.output.split())


def test_a_folder_without_feeds_is_a_failure(pipeline: Pipeline, tmp_path: Path) -> None:
    folder = tmp_path / "feeds"
    folder.mkdir()
    (folder / "letter.docx").write_text("Dear")
    for arguments in (["--catalog", folder], []):
        done = command(pipeline, "run", *arguments)
        assert done.exit_code == 1
        assert "there is no file whose name ends in .csv" in " ".join(done.output.split())


def test_a_missing_catalog_among_several_is_named_and_the_others_are_read(pipeline: Pipeline, tmp_path: Path) -> None:
    feed = pipeline.ingest([KETTLE])
    arguments = ["--catalog", feed, "--catalog", tmp_path / "none.csv"]
    done = command(pipeline, "run", *arguments)
    assert done.exit_code == 0
    assert "unreadable none.csv: there is no such file" in " ".join(done.output.split())
    # A path that was mistyped once is not shown for ever.
    assert "none.csv" not in command(pipeline, "run").output


def test_the_demo_leaves_a_catalog_by_one_command(pipeline: Pipeline, tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    demo.mkdir()
    (demo / "demo.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kettles(2)))
    pipeline.run(demo)
    pipeline.ingest([KETTLE | {"item_id": "own", "product_name": "Brindlewick Kettle of my own"}], "own.jsonl")
    pipeline.run()
    listed = json.loads(command(pipeline, "feeds", "list", "--json").stdout)
    assert [(row["feed"], row["source"], row["status"], row["rows"], row["products"]) for row in listed] == [
        ("demo.jsonl", "demo.jsonl", "read", 2, 2),
        ("own.jsonl", "own.jsonl", "read", 1, 1),
    ]
    assert "demo.jsonl  demo.jsonl  read" in command(pipeline, "feeds", "list").stdout
    unknown = command(pipeline, "feeds", "remove", "fed.jsonl")
    assert (unknown.exit_code, "no feed or source fed.jsonl" in unknown.output) == (1, True)
    done = command(pipeline, "feeds", "remove", "demo.jsonl")
    assert (done.exit_code, done.output.split()[-2:]) == (0, ["removed", "demo.jsonl"])
    assert exported(pipeline) == {"own"}
    assert pipeline.query("select product_id from catalog.products") == [{"product_id": "own"}]
    assert command(pipeline, "run", "--catalog", demo).exit_code == 1
    assert exported(pipeline) == {"own"}
    pipeline.run(demo / "demo.jsonl")
    assert exported(pipeline) == {"own", "K-0", "K-1"}

"""The command line, as a person and as a program use it."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from walmart_pipeline.automation.run_summary import Summary
from walmart_pipeline.cli import app
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.judge.judge import source_listing
from walmart_pipeline_tests.conftest import KETTLE, Pipeline, warehouses_open
from walmart_pipeline_tests.llm.fake_ollama import fake_ollama
from walmart_pipeline_tests.paths import COMMAND, SAMPLE, SHARED, needs_shared

pytestmark = pytest.mark.usefixtures("no_reports")

FACTS = {
    "rows_in",
    "rows_merged",
    "rows_rejected",
    "products",
    "planned",
    "accepted",
    "needs_review",
    "failed",
    "calls",
    "cost_usd",
    "examples",
    "modelfiles",
    "report",
    "seconds",
}


def command(*arguments: str | Path, stdin: str = "", **environment: str) -> Result:
    """Run a command in this process: another takes a second to start, and seven to import what a run needs."""
    own = {name: None for name in os.environ if name.startswith(("WALMART_", "OLLAMA_"))}
    with warehouses_open():
        done = CliRunner().invoke(
            app,
            [str(argument) for argument in arguments],
            input=stdin,
            env={**own, "WALMART_FEED_QUIET_SECONDS": "0", **environment},
        )
    # A program of its own would end in a traceback.
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return done


def write_kettles(path: Path, count: int) -> Path:
    """A feed of products that differ by their number."""
    rows = [
        KETTLE | {"item_id": str(number), "gtin": None, "product_name": f"{KETTLE['product_name']}, No. {number}"}
        for number in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_run_prints_the_facts_for_a_program_and_progress_for_a_person(tmp_path: Path) -> None:
    feed = write_kettles(tmp_path / "feed.jsonl", 3)
    done = command("run", "--catalog", feed, "--home", tmp_path / "home", "--limit", "2", "--json")
    facts = json.loads(done.stdout)
    assert done.exit_code == 0
    assert facts.keys() >= FACTS
    assert (facts["rows_in"], facts["planned"], facts["accepted"]) == (3, 2, 2)
    assert "writing listings" in done.stderr


def test_broken_feeds_are_named_and_the_good_one_is_processed(tmp_path: Path) -> None:
    feeds = tmp_path / "feeds"
    feeds.mkdir()
    (feeds / "good.jsonl").write_text(json.dumps(KETTLE) + "\n")
    (feeds / "empty.csv").write_bytes(b"")
    (feeds / "header.csv").write_text("product_id,title\n")
    (feeds / "binary.csv").write_bytes(random.Random(1).randbytes(5_000))
    (feeds / "folder.csv").mkdir()
    (feeds / "truncated.parquet").write_bytes(b"PAR1 and no more")
    with (feeds / "wide.csv").open("w", newline="") as file:
        names = ["product_id", "title", *(f"column_{number}" for number in range(100_000))]
        csv.writer(file).writerows([names, ["W-1", "Wide Lamp", *(["x"] * 100_000)]])
    named = [feeds / "missing.csv", feeds / "folder.csv", feeds]
    options = [part for path in named for part in ("--catalog", path)]
    done = command("run", *options, "--home", tmp_path / "home", "--json")
    facts = json.loads(done.stdout)
    assert done.exit_code == 0, done.stderr
    assert "missing.csv" in done.stderr
    assert {feed["source_file"]: feed["status"] for feed in facts["feeds"]} == {
        "good.jsonl": "read",
        "wide.csv": "read",
        "empty.csv": "unreadable",
        "header.csv": "empty",
        "binary.csv": "unreadable",
        "truncated.parquet": "unreadable",
        "missing.csv": "unreadable",
    }
    assert (facts["rows_in"], facts["products"], facts["accepted"]) == (2, 2, 1)


def test_a_catalog_that_does_not_exist_is_wrong_usage(tmp_path: Path) -> None:
    done = command("run", "--catalog", tmp_path / "none.csv", "--home", tmp_path)
    assert done.exit_code == 2
    assert "none.csv" in done.stderr


def test_a_policy_that_does_not_exist_fails_with_the_names_there_are(tmp_path: Path) -> None:
    done = command("run", "--catalog", SAMPLE, "--home", tmp_path, "--policy", "walmart-1962")
    assert done.exit_code == 1
    assert "walmart-2025" in done.stderr


def test_a_run_that_is_stopped_keeps_what_it_wrote_and_reports_it(tmp_path: Path) -> None:
    feed = write_kettles(tmp_path / "feed.jsonl", 400)
    answer = Listing(title="Brindlewick Harbor Kettle", description=KETTLE["description"]).model_dump_json()

    def slowly(_: list[dict[str, str]]) -> str:
        time.sleep(0.1)
        return answer

    with fake_ollama(slowly) as server:
        arguments = ["--provider", "ollama", "--base-url", server.url, "--model", "writer", "--home", tmp_path / "home"]
        process = subprocess.Popen([COMMAND, "run", "--catalog", feed, *arguments], stderr=subprocess.PIPE, text=True)
        while count_texts(tmp_path / "home") == 0:
            assert process.poll() is None
            time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "run again to continue" in " ".join(message.split())
    assert 0 < count_texts(tmp_path / "home") < 400


def count_texts(home: Path) -> int:
    warehouse = FileWarehouse(home / "warehouse.duckdb", wait_seconds=60)
    if not warehouse.path.exists():
        return 0
    with warehouse.reading() as db:
        return db.count("content.generated_content")


def test_a_run_that_waits_for_the_warehouse_names_the_process(tmp_path: Path) -> None:
    feed = tmp_path / "feed.jsonl"
    feed.write_text(json.dumps(KETTLE) + "\n")
    arguments = [COMMAND, "run", "--catalog", feed, "--home", tmp_path, "--plan-only"]
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing():
        process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        message = next(line for line in process.stderr if "waiting for" in line)
    assert f"process {os.getpid()}" in message
    process.stderr.read()
    assert process.wait(60) == 0


def test_score_judges_pairs_from_any_source(tmp_path: Path) -> None:
    product = Product(product_id="K-1", product_name=KETTLE["product_name"], description=KETTLE["description"])
    pairs = [
        {"product": product.model_dump(), "listing": source_listing(product).model_dump()},
        {"product": product.model_dump(), "listing": {"title": ""}},
    ]
    source = tmp_path / "pairs.jsonl"
    source.write_text("\n".join([*map(json.dumps, pairs), "not a pair"]))
    done = command("score", "--input", source, "--output", tmp_path / "reports.jsonl")
    assert done.exit_code == 0
    reports = [json.loads(line) for line in (tmp_path / "reports.jsonl").read_text().splitlines()]
    assert [report.get("product_id") for report in reports] == ["K-1", "K-1", None]
    assert reports[1]["score"] == 0
    assert reports[2]["line"] == 3
    assert "error" in reports[2]


def test_score_reads_and_writes_pipes(tmp_path: Path) -> None:
    line = json.dumps({"product": {"product_id": "1", "product_name": "Lamp"}, "listing": {"title": "Lamp"}})
    done = subprocess.run(
        [COMMAND, "score", "--input", "-", "--policy", "walmart-classic"],
        input=line,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["policy"].startswith("walmart-classic@")


def test_export_writes_the_formats_that_were_requested(
    sample_pipeline: tuple[Pipeline, Summary], sample_copy: Pipeline, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    formats = ["--format", "csv", "--format", "jsonl"]
    done = command("export", *formats, "--folder", folder, "--home", sample_copy.settings.workspace, "--json")
    assert done.exit_code == 0, done.stderr
    assert {written["rows"] for written in json.loads(done.stdout)} == {sample_pipeline[1].accepted}
    beside = {"listings.provenance.jsonl", "manifest.json", "SHA256SUMS"}
    assert {path.name for path in folder.iterdir()} == {"listings.csv", "listings.jsonl", *beside}


def test_export_in_an_unknown_format_is_wrong_usage() -> None:
    assert command("export", "--format", "pdf").exit_code == 2


def test_export_without_a_warehouse_gives_the_remedy(tmp_path: Path) -> None:
    done = command("export", "--format", "csv", "--home", tmp_path)
    assert done.exit_code == 1
    assert "walmart-pipeline run" in done.stderr


def test_results_go_to_stdout_where_a_pipe_or_a_file_takes_them(sample_copy: Pipeline) -> None:
    """`models list | cat` and `generate … > file` once gave nothing."""
    home = ["--home", sample_copy.settings.workspace]
    for arguments in (
        "models list",
        "dataset list",
        "dataset show v1",
        "policy list",
        "policy check walmart-2025",
        "doctor",
        "export --format csv",
        "generate --name Lamp --provider template",
        "run",
    ):
        done = command(*arguments.split(), *([] if arguments.startswith("policy") else home))
        assert len(done.stdout.split()) > 3, arguments


def test_a_warehouse_of_a_newer_version_is_an_error_in_one_line(sample_copy: Pipeline) -> None:
    """`models list` once ended in a traceback."""
    with sample_copy.warehouse.writing() as db:
        db.execute("insert into main.migrations values (9999, '9999_future.sql')")
    for arguments in ("models list", "export --format csv", "run"):
        done = command(*arguments.split(), "--home", sample_copy.settings.workspace)
        assert done.exit_code == 1, arguments
        assert "newer walmart-pipeline" in done.stderr, arguments
    # It reads the datasets' own files.
    assert command("dataset", "list", "--home", sample_copy.settings.workspace).exit_code == 0


def test_doctor_reports_what_is_configured_and_no_secret(tmp_path: Path) -> None:
    secrets = {"OPENAI_API_KEY": "sk-planted-secret", "OLLAMA_BASE_URL": "http://user:planted-secret@127.0.0.1:9/"}
    done = command("doctor", "--home", tmp_path, "--json", **secrets)
    assert done.exit_code == 0, done.stderr
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert findings["OPENAI_API_KEY"]["detail"] == "set"
    assert findings["Ollama"]["remedy"]
    assert "planted-secret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("named", "state", "detail"),
    [("writer", "good", "ollama:writer at"), ("nobody", "bad", "nobody"), ("", "bad", "name a provider")],
)
def test_doctor_looks_for_the_model_that_checks_facts(tmp_path: Path, named: str, state: str, detail: str) -> None:
    with fake_ollama(lambda _: "") as server:
        settings = {"WALMART_FACT_CHECK": f"ollama:{named}", "OLLAMA_BASE_URL": server.url}
        done = command("doctor", "--home", tmp_path, "--json", **settings)
    assert done.exit_code == (1 if state == "bad" else 0), done.stderr
    (found,) = (each for each in json.loads(done.stdout) if each["name"] == "fact check")
    assert found["state"] == state
    assert detail in found["detail"]
    assert server.asked == []


def test_doctor_looks_for_the_queue_and_shows_no_password(tmp_path: Path) -> None:
    done = command("doctor", "--home", tmp_path, "--json", WALMART_CELERY_BROKER="redis://:hunter2@127.0.0.1:9/0")
    (found,) = (finding for finding in json.loads(done.stdout) if finding["name"] == "queue")
    assert (found["state"], found["detail"]) == ("bad", "no answer at redis://127.0.0.1:9/0")
    assert "hunter2" not in done.stdout + done.stderr


def test_doctor_names_a_bad_setting(tmp_path: Path) -> None:
    done = command("doctor", "--home", tmp_path, WALMART_WAREHOUSE_WAIT_SECONDS="soon")
    assert done.exit_code == 2
    assert "warehouse_wait_seconds" in done.stderr


def test_modelfile_check_names_every_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "Modelfile"
    path.write_text("PARAMETER temperature hot\nPARAMETER top_k 1.5\nMESSAGE tool x\n")
    done = command("modelfile", "check", path)
    assert done.exit_code == 1
    for line in (1, 2, 3):
        assert f"{path}:{line}: error" in done.stdout
    assert "FROM" in done.stdout


def names(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command below a group, as it is typed."""
    for name, each in group.commands.items():
        yield (*path, name)
        if isinstance(each, click.Group):
            yield from names(each, *path, name)


def test_every_command_explains_itself() -> None:
    commands = list(names(typer.main.get_group(app)))
    assert ("run",) in commands
    for name in commands:
        done = command(*name, "--help")
        assert done.exit_code == 0, name
        assert "Usage" in done.stdout


@needs_shared
@pytest.mark.parametrize("name", ["general_895.jsonl", "browse_223.csv", "electronics_2554.csv"])
def test_a_real_catalog_is_accounted_for_row_by_row(name: str, pipeline: Pipeline) -> None:
    first = pipeline.run(SHARED / "data" / name)
    assert first.rows_in == int(name.rpartition("_")[2].partition(".")[0])
    assert first.rows_in == first.products + first.rows_merged + first.rows_rejected
    assert first.products == first.accepted + first.needs_review + first.failed
    if name == "browse_223.csv":
        second = pipeline.run(SHARED / "data" / name)
        assert second.planned == 0
        assert second.accepted == first.accepted

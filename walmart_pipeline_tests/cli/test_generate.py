"""`walmart-pipeline generate`, and the pull that it and `run` offer: as a person and as a program use them."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline_tests.cli.test_cli import command
from walmart_pipeline_tests.conftest import KETTLE
from walmart_pipeline_tests.generation.test_model_provider import GOOD, SHOUTING
from walmart_pipeline_tests.llm.fake_ollama import FakeOllama, fake_ollama
from walmart_pipeline_tests.paths import COMMAND

FACTS = {
    "product_name": KETTLE["product_name"],
    "brand": KETTLE["brand"],
    "category": KETTLE["category"],
    "attributes": KETTLE["specs"],
    "features": KETTLE["features"],
    "description": KETTLE["description"],
}
FLAGS = [
    *("--name", FACTS["product_name"], "--brand", FACTS["brand"], "--category", " > ".join(FACTS["category"])),
    *(part for feature in FACTS["features"] for part in ("--feature", feature)),
    *(part for name, value in FACTS["attributes"].items() for part in ("--attribute", f"{name}={value}")),
    *("--description", FACTS["description"]),
]


def generate(home: Path, *arguments: str | Path, stdin: str = "") -> Result:
    return command("generate", *arguments, stdin=stdin, WALMART_HOME=str(home))


def in_a_terminal(home: Path, *arguments: str | Path, types: str = "") -> tuple[int, str]:
    """Exit code and all that a person saw, who typed this."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WALMART_", "OLLAMA_"))}
    environment = kept | {"WALMART_HOME": str(home), "COLUMNS": "140", "TERM": "xterm"}
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *arguments], stdin=slave, stdout=slave, stderr=slave, env=environment, text=True
    )
    os.close(slave)
    os.write(master, types.encode())
    seen = b""
    while True:
        try:
            piece = os.read(master, 65_536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(master)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode("utf-8", "replace"))
    return process.wait(), plain.replace("\r\n", "\n")


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with fake_ollama(lambda _: GOOD.model_dump_json()) as running:
        yield running


def ollama(server: FakeOllama, model: str = "writer") -> list[str]:
    return ["--provider", "ollama", "--base-url", server.url, "--model", model]


def test_flags_and_json_describe_the_same_product(tmp_path: Path) -> None:
    given = tmp_path / "product.json"
    given.write_text(json.dumps(FACTS))
    runs = [
        generate(tmp_path, "--provider", "template", "--json", *FLAGS),
        generate(tmp_path, "--provider", "template", "--json", "--input", given),
        generate(tmp_path, "--provider", "template", "--json", "--input", "-", stdin=json.dumps(FACTS)),
    ]
    answers = [json.loads(run.stdout) for run in runs]
    for run, answer in zip(runs, answers, strict=True):
        assert run.exit_code == 0, run.stderr
        assert answer.keys() == {"listing", "report", "completion"}
        # The writer varies its sentences from product to product, and this one has no identifier.
        assert answer["listing"] == answers[0]["listing"]
        assert (answer["listing"]["title"], answer["listing"]["key_features"]) == (GOOD.title, GOOD.key_features)
        assert answer["report"]["publishable"]
        assert answer["completion"]["provider"] == "template"


def test_a_person_reads_the_listing_and_its_report(tmp_path: Path) -> None:
    done = generate(tmp_path, "--provider", "template", *FLAGS)
    assert done.exit_code == 0
    shown = " ".join(done.stdout.replace("│", " ").split())
    for part in (
        GOOD.title,
        *GOOD.key_features,
        "Home > Kitchen > Kettles",
        "of 100",
        "grounding",
        "Written by template",
    ):
        assert part in shown


def test_a_text_that_breaks_a_rule_is_shown_with_the_words_that_break_it(tmp_path: Path) -> None:
    with fake_ollama(lambda _: SHOUTING.model_dump_json()) as server:
        facts = json.dumps({"product_name": "Brindlewick Kettle"})  # too few for the template writer to stand in
        done = generate(tmp_path, *ollama(server), "--input", "-", stdin=facts)
    assert done.exit_code == 0
    assert "can't be published" in done.stdout
    assert "title.promotional" in done.stdout
    assert "FREE SHIPPING" in done.stdout


def test_an_answer_is_in_the_ledger_and_not_requested_twice(server: FakeOllama, tmp_path: Path) -> None:
    first = generate(tmp_path, *ollama(server), "--json", *FLAGS)
    again = generate(tmp_path, *ollama(server), "--json", *FLAGS)
    assert json.loads(first.stdout)["listing"] == json.loads(again.stdout)["listing"] == GOOD.model_dump()
    assert len(server.asked) == 1
    with Ledger(Settings(workspace=tmp_path).ledger) as ledger:
        assert ledger.counts() == (1, 0)


def test_facts_that_carry_no_listing_end_with_their_reason(tmp_path: Path) -> None:
    done = generate(tmp_path, "--provider", "template", "--json", "--name", "Kettle")
    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    assert (answer["listing"], answer["report"], answer["completion"]["status"]) == (None, None, "declined")
    assert answer["completion"]["error"] in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        ((), "", "--name"),
        (("--name", "Kettle", "--input", "-"), "{}", "--input"),
        (("--input", "nowhere.json"), "", "nowhere.json"),
        (("--input", "-"), "{", "not JSON"),
        (("--input", "-"), "[]", "not a JSON object"),
        (("--input", "-"), '{"product_name": "K", "colour": "red"}', "colour"),
        (("--name", " "), "", "product_name"),
        (("--name", "Kettle", "--attribute", "Color"), "", "NAME=VALUE"),
    ],
)
def test_a_product_that_is_none_is_wrong_usage(
    arguments: tuple[str, ...], stdin: str, message: str, tmp_path: Path
) -> None:
    done = command("generate", "--home", tmp_path, *arguments, stdin=stdin)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_terminal_shows_the_answer_as_it_is_written_and_it_is_kept_whole(server: FakeOllama, tmp_path: Path) -> None:
    code, seen = in_a_terminal(tmp_path, "generate", *ollama(server), *FLAGS)
    assert code == 0, seen
    assert "writer writes" in seen
    assert GOOD.model_dump_json()[:60] in seen.replace("\n", "")
    with Ledger(Settings(workspace=tmp_path).ledger) as ledger:
        assert ledger.counts() == (1, 0)
    whole = json.loads(generate(tmp_path, *ollama(server), "--json", *FLAGS).stdout)
    assert Listing.model_validate(whole["listing"]) == GOOD
    _, again = in_a_terminal(tmp_path, "generate", *ollama(server), *FLAGS)
    assert "answered from the ledger" in again
    assert len(server.asked) == 1


def test_an_answer_that_is_asked_to_be_mended_is_shown_twice(tmp_path: Path) -> None:
    def says(messages: list[dict[str, str]]) -> str:
        mends = messages[-2]["role"] == "assistant"
        return (GOOD if mends else SHOUTING).model_dump_json()

    with fake_ollama(says) as server:
        code, seen = in_a_terminal(tmp_path, "generate", *ollama(server), *FLAGS)
    assert code == 0, seen
    assert "writer repairs its answer" in seen
    assert "can be published" in seen


@pytest.mark.parametrize("as_they_are", [True, False])
def test_what_a_model_writes_cannot_steer_the_terminal(as_they_are: bool, tmp_path: Path) -> None:
    evil = GOOD.model_copy(update={"title": GOOD.title + "\x1b]0;owned\x07"})
    text = evil.model_dump_json()
    if as_they_are:
        text = text.replace("\\u001b", "\x1b").replace("\\u0007", "\x07")
    with fake_ollama(lambda _: text) as server:
        _, seen = in_a_terminal(tmp_path, "generate", *ollama(server), "--name", "Brindlewick Kettle")
    assert "owned" in seen
    assert "\x1b" not in seen
    assert "\x07" not in seen


LAYERS: list[dict[str, Any]] = [
    {"status": "pulling manifest"},
    {"status": "pulling 8eeb52dfb3bb", "digest": "sha256:8eeb", "total": 4_000_000_000},
    {"status": "pulling 8eeb52dfb3bb", "digest": "sha256:8eeb", "total": 4_000_000_000, "completed": 1_000_000_000},
    {"status": "pulling 8eeb52dfb3bb", "digest": "sha256:8eeb", "total": 4_000_000_000, "completed": 4_000_000_000},
    {"status": "verifying sha256 digest"},
    {"status": "writing manifest"},
]


@pytest.fixture
def empty(server: FakeOllama) -> FakeOllama:
    """An Ollama that has no model yet."""
    server.models = set()
    server.pulls = LAYERS
    return server


def test_a_person_is_offered_to_pull_a_missing_model(empty: FakeOllama, tmp_path: Path) -> None:
    code, seen = in_a_terminal(tmp_path, "generate", *ollama(empty, "llama3.1:8b"), *FLAGS, types="y\n")
    assert code == 0, seen
    assert f"llama3.1:8b is not on {empty.url}. Pull it now? [y/N]" in seen
    assert "100%" in seen
    assert "4.0/4.0 GB" in seen
    assert empty.models == {"llama3.1:8b"}


def test_declining_the_pull_gives_the_command_for_later(empty: FakeOllama, tmp_path: Path) -> None:
    code, seen = in_a_terminal(tmp_path, "generate", *ollama(empty, "llama3.1:8b"), *FLAGS, types="\n")
    assert code == 1
    assert "ollama pull llama3.1:8b" in seen
    assert empty.models == set()


def test_the_pipeline_offers_the_pull_too(empty: FakeOllama, tmp_path: Path) -> None:
    feed = tmp_path / "feed.jsonl"
    feed.write_text(json.dumps(KETTLE) + "\n")
    code, seen = in_a_terminal(
        tmp_path / "home", "run", "--catalog", feed, *ollama(empty, "llama3.1:8b"), "--plan-only", types="y\n"
    )
    assert code == 0, seen
    assert "Pull it now?" in seen
    assert empty.models == {"llama3.1:8b"}


def test_a_program_pulls_without_being_asked(empty: FakeOllama, tmp_path: Path) -> None:
    done = generate(tmp_path, *ollama(empty, "llama3.1:8b"), "--pull", "--json", *FLAGS)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["listing"] == GOOD.model_dump()
    assert "4,000,000,000 of 4,000,000,000 bytes, 100%" in done.stderr


def test_a_program_that_did_not_ask_for_it_pulls_nothing(empty: FakeOllama, tmp_path: Path) -> None:
    done = generate(tmp_path, *ollama(empty, "llama3.1:8b"), *FLAGS)
    assert done.exit_code == 1
    assert "ollama pull llama3.1:8b" in done.stderr
    assert empty.models == set()


def test_an_ollama_without_any_model_is_offered_the_base_model(empty: FakeOllama, tmp_path: Path) -> None:
    done = generate(tmp_path, "--provider", "ollama", "--base-url", empty.url, "--pull", "--json", *FLAGS)
    assert done.exit_code == 0, done.stderr
    assert empty.models == {"llama3.1:8b"}


def test_a_pull_that_fails_gives_the_reason(empty: FakeOllama, tmp_path: Path) -> None:
    empty.pulls = [{"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"}]
    done = generate(tmp_path, *ollama(empty, "nosuch"), "--pull", *FLAGS)
    assert done.exit_code == 1
    assert "file does not exist" in done.stderr


def test_a_server_that_is_down_is_reported_with_its_remedy_and_not_pulled_to(tmp_path: Path) -> None:
    done = generate(
        tmp_path, "--provider", "ollama", "--base-url", "http://127.0.0.1:9", "--model", "m", "--pull", *FLAGS
    )
    assert done.exit_code == 1
    assert "ollama serve" in done.stderr

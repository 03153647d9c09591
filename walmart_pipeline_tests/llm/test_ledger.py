"""The ledger: what is kept, what is found again, and what happens when it can't be written."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from walmart_pipeline.llm.calls import Answer, CallError, ErrorClass
from walmart_pipeline.llm.ledger import Call, Ledger
from walmart_pipeline.llm.ledger_database import LedgerError
from walmart_pipeline.llm.ledger_statistics import LedgerStatistics, LedgerUsage
from walmart_pipeline_tests.llm.dispatch.endpoints import ANSWER, request
from walmart_pipeline_tests.paths import PROJECT


def call(number: int, answer: Answer | None = ANSWER, error_class: ErrorClass | None = None) -> Call:
    asked = request(number)
    outcome = CallError(error_class, f"{error_class}: no", billed=answer) if error_class else answer or ANSWER
    return Call.of(
        asked, asked.request_hash, "http://one", outcome=outcome, attempt=1, seconds_queued=0.1, seconds_served=2.5
    )


def hashes(*numbers: int) -> list[str]:
    return [request(number).request_hash for number in numbers]


def test_an_answer_is_found_again_by_another_run(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.record(call(1))
    with Ledger(url) as ledger:
        found = ledger.lookup(hashes(1, 2))
    assert list(found) == hashes(1)
    assert found[hashes(1)[0]].answer == ANSWER
    assert found[hashes(1)[0]].seconds_served == 2.5


def test_a_final_failure_is_found_and_one_that_may_pass_is_not(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.record(call(1, None, "rejected"))
        ledger.record(call(2, None, "server"))
        ledger.record(call(3, ANSWER, "malformed"))
        ledger.record(call(4, None, "unauthorized"))
    with Ledger(url) as ledger:
        found = ledger.lookup(hashes(1, 2, 3, 4))
    assert list(found) == hashes(1)
    assert (found[hashes(1)[0]].error_class, found[hashes(1)[0]].error) == ("rejected", "rejected: no")


def test_the_latest_answer_counts(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.record(call(1))
        ledger.record(call(1, Answer("newer")))
    with Ledger(url) as ledger:
        answer = ledger.lookup(hashes(1))[hashes(1)[0]].answer
    assert answer and answer.text == "newer"


def test_more_hashes_than_a_statement_takes_are_found(url: str) -> None:
    many = range(2_500)
    with Ledger(url) as ledger:
        for number in many:
            ledger.record(call(number))
    with Ledger(url) as ledger:
        assert len(ledger.lookup(hashes(*many))) == 2_500


def test_a_caller_is_told_when_its_call_is_committed(url: str) -> None:
    committed = threading.Event()
    with Ledger(url) as ledger, Ledger(url) as other:
        ledger.record(call(1), lambda error: error or committed.set())
        assert committed.wait(10)
        assert list(other.lookup(hashes(1))) == hashes(1)


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
def test_a_connection_that_closes_while_an_answer_is_stored_loses_nothing(url: str) -> None:
    closed: list[int] = []

    def close(connection: Any, _: object, statement: str, *__: object) -> None:
        if statement.lower().startswith("insert into calls") and not closed:
            closed.append(connection.connection.dbapi_connection.info.backend_pid)
            with psycopg.connect(url, autocommit=True) as other:
                other.execute("select pg_terminate_backend(%s, 10000)", closed)

    stored: SimpleQueue[Exception | None] = SimpleQueue()
    sa.event.listen(sa.Engine, "before_cursor_execute", close)
    try:
        with Ledger(url) as ledger:
            ledger.record(call(1), stored.put)
            assert stored.get(timeout=60) is None
            assert closed
            assert list(ledger.lookup(hashes(1))) == hashes(1)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", close)


def test_the_prompt_is_not_kept(tmp_path: Path) -> None:
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        ledger.record(call(1))
    row = sqlite3.connect(tmp_path / "ledger.db").execute("select * from calls").fetchone()
    assert "a kettle" not in repr(row)


def test_a_call_that_cannot_be_kept_is_told_to_its_caller_and_to_everyone_after(tmp_path: Path) -> None:
    errors: list[Exception | None] = []
    told = threading.Event()
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("drop table calls")
    ledger.record(call(1), lambda error: (errors.append(error), told.set())[0])
    assert told.wait(10)
    assert isinstance(errors[0], LedgerError)
    assert "no such table" in str(errors[0])
    assert ANSWER.text not in str(errors[0])
    with pytest.raises(LedgerError):
        ledger.record(call(2))
    with pytest.raises(LedgerError):
        ledger.close()


def test_a_ledger_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("this is no database, and long enough to be sure of it" * 30)
    with pytest.raises(LedgerError, match="can't be opened"):
        Ledger(f"sqlite:///{tmp_path}/ledger.db")


HALF, NUL = "\ud83d", "\x00"


@pytest.mark.parametrize("text", [f"half a pair of surrogates: {HALF}", f"a NUL: {NUL}"])
def test_whatever_a_server_answers_is_stored(url: str, text: str) -> None:
    """A lone surrogate once ended the writer's thread, and the run waited for it for ever; PostgreSQL refused a NUL."""
    with Ledger(url) as ledger:
        ledger.record(call(1, Answer(text)))
        ledger.record(replace(call(2, None, "rejected"), error=text))
    with Ledger(url) as ledger:
        found = ledger.lookup(hashes(1, 2))
    answer, error = found[hashes(1)[0]].answer, found[hashes(2)[0]].error
    assert answer and answer.text == error
    assert json.loads(f'"{error}"') == text, "escaped as JSON does it, nothing is lost"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_end_of_the_writer_is_an_error_for_everyone_who_waits(tmp_path: Path) -> None:
    errors: SimpleQueue[Exception | None] = SimpleQueue()
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    beyond_sqlite = replace(call(1), attempt=2**70)
    ledger.record(beyond_sqlite, errors.put)
    assert isinstance(errors.get(timeout=10), LedgerError)
    with pytest.raises(LedgerError, match="writer ended"):
        ledger.close()
    with pytest.raises(LedgerError):
        ledger.record(call(2))


def test_what_a_run_cost_is_summed_without_a_scan_of_all_calls(tmp_path: Path) -> None:
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        ledger.record(call(1))
        ledger.close()
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        assert ledger.spent(datetime.now(UTC) - timedelta(minutes=1)) == (1, ANSWER.cost_usd)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        query = "explain query plan select count(*), sum(cost_usd) from calls where called_at >= '2026-01-01'"
        assert "COVERING INDEX" in str(connection.execute(query).fetchall())


WRITER = """
import sys
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline_tests.llm.test_ledger import call
with Ledger(sys.argv[1]) as ledger:
    for number in range(int(sys.argv[2]), int(sys.argv[2]) + 1_000):
        ledger.record(call(number))
"""


def test_several_processes_write_to_the_same_ledger(url: str) -> None:
    """They open it at the same moment, so that they also meet while the table is made."""
    root = PROJECT
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, str(start)], cwd=root) for start in (0, 1_000, 2_000)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    with Ledger(url) as ledger:
        assert len(ledger.lookup(hashes(*range(3_000)))) == 3_000


def test_usage_counts_calls_failures_tokens_and_the_answers_that_cost_nothing(url: str) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    with Ledger(url) as ledger:
        for each in (call(1), call(2), call(3, None, "timeout")):
            ledger.record(each)
        ledger.record_hits([(replace(request(1), purpose="repair"), ANSWER)])
    with LedgerStatistics(url) as statistics:
        used = statistics.usage(before)
        assert statistics.usage(datetime.now(UTC) + timedelta(minutes=1)) == LedgerUsage()
        (calls,), (hits,) = [*statistics.calls_since(before)], [*statistics.hits_since(before)]
    assert (used.calls, used.failed_calls, used.cache_hits) == (3, 1, 1)
    assert used.prompt_tokens == 2 * ANSWER.prompt_tokens
    assert (used.cost_usd, used.saved_usd) == (2 * ANSWER.cost_usd, ANSWER.cost_usd)
    assert [each["status"] for each in calls] == ["complete", "complete", "failed"]
    assert all(each["called_at"] > before and "answer" not in each for each in calls)
    assert (hits[0]["purpose"], hits[0]["tokens"]) == ("repair", ANSWER.prompt_tokens + ANSWER.completion_tokens)


def test_a_ledger_of_an_earlier_version_gets_the_columns_that_it_lacks(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger(url) as ledger:
        ledger.record(call(1))
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute("alter table calls drop column purpose")
    with Ledger(url) as ledger:
        ledger.record(call(2))
    with LedgerStatistics(url) as statistics:
        (calls,) = statistics.calls_since(datetime.now(UTC) - timedelta(minutes=1))
    assert [each["purpose"] for each in calls] == [None, "listing"]

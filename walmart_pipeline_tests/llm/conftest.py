"""A ledger's database for the tests of calls: SQLite and a real Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new/ledger.db"
        return
    import psycopg

    uri = request.getfixturevalue("postgres")
    yield uri
    with psycopg.connect(uri) as connection:
        tables = "calls, cache_hits, batch_requests, batches, workers, claims, endpoint_shares, run_budgets"
        connection.execute(f"drop table if exists {tables}")

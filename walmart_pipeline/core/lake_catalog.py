"""The catalog of a DuckLake, asked in Postgres itself: what the lake has, and the lock of those who write."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from pydantic import SecretStr

from walmart_pipeline.core.warehouse import ANNOUNCE_SECONDS, WarehouseBusyError, WarehouseError

if TYPE_CHECKING:
    import psycopg

logger = logging.getLogger(__name__)

SCHEME = "ducklake:postgres:"
INSTALL = "install walmart-pipeline[scale]"

# Of the advisory locks of a database: `walm` in ASCII, and the first of our own.
LOCK = (0x77616C6D, 1)

CONNECT_SECONDS = 10

# The lock's connection is silent while its owner computes: no server may end it for that, and a machine that has gone
# is noticed after a minute, not after the two hours of TCP.
LOCK_SETTINGS = """
set idle_session_timeout = 0;
set tcp_keepalives_idle = 30;
set tcp_keepalives_interval = 10;
set tcp_keepalives_count = 3;
"""

HOLDER = """
select application_name
from pg_locks
join pg_stat_activity using (pid)
where locktype = 'advisory' and classid = %s and objid = %s and granted
    and pg_locks.database = (select oid from pg_database where datname = current_database())
"""

STATE = """
select
    (select max(snapshot_id) from ducklake_snapshot) as snapshot,
    (select value from ducklake_metadata where key = 'data_path') as data,
    exists (select from ducklake_table where table_name = 'migrations' and end_snapshot is null) as has_tables
"""


class LakeState(NamedTuple):
    """What the catalog says of the lake. data: where its files are."""

    snapshot: int
    data: str
    has_tables: bool


class LakeCatalog:
    """A database of Postgres. url: `ducklake:postgres:` and a connection string, which may have a password."""

    def __init__(self, url: str) -> None:
        if not url.startswith(SCHEME):
            raise WarehouseError(f"WALMART_WAREHOUSE_URL begins with {SCHEME}: {SCHEME}dbname=lake host=db user=lake")
        if find_spec("psycopg") is None:
            raise WarehouseError(f"a lake needs psycopg: {INSTALL}")
        import psycopg
        from psycopg import conninfo

        try:
            parts = conninfo.conninfo_to_dict(url.removeprefix(SCHEME))
        except psycopg.ProgrammingError:
            # Its message has what it could not read, which may be the password.
            raise WarehouseError(
                f"after {SCHEME}, WALMART_WAREHOUSE_URL has a connection string of Postgres: dbname=lake host=db …"
            ) from None
        password = parts.pop("password", None)
        self.password = SecretStr(str(password)) if password else None
        self._conninfo = conninfo.make_conninfo("", **parts)
        self.name = f"{SCHEME}{self._conninfo}"

    def state(self) -> LakeState | None:
        """What there is; None if there is no lake yet. Raises WarehouseError if Postgres does not answer."""
        import psycopg
        from psycopg.rows import class_row

        with self._connected() as connection, connection.cursor(row_factory=class_row(LakeState)) as cursor:
            try:
                return cursor.execute(STATE).fetchone()
            except psycopg.errors.UndefinedTable:
                return None

    @contextmanager
    def locked(self, wait_seconds: float) -> Iterator[Callable[[], None]]:
        """Be the only one who writes. Yields what raises WarehouseError once that is no longer so.

        The server releases the lock when the process dies. Raises WarehouseBusyError after `wait_seconds`.
        """
        import psycopg

        with self._connected() as connection:

            def still_locked() -> None:
                try:
                    connection.execute("select 1")
                except psycopg.OperationalError as error:
                    raise WarehouseError(f"the connection to {self.name} was lost: its lock is gone") from error

            connection.execute(LOCK_SETTINGS)
            self._lock(connection, wait_seconds)
            try:
                yield still_locked
            finally:
                # The server ends a closed connection a little later: who writes next would find the lock taken.
                with suppress(psycopg.OperationalError):
                    connection.execute("select pg_advisory_unlock(%s, %s)", LOCK)

    def _lock(self, connection: psycopg.Connection, wait_seconds: float) -> None:
        import psycopg

        until = time.monotonic() + wait_seconds
        for patience in (0.0, min(ANNOUNCE_SECONDS, wait_seconds), wait_seconds):
            left = min(patience, until - time.monotonic())
            with suppress(psycopg.errors.LockNotAvailable):
                # In the server's queue, where who came first is served first; 0 would be for ever.
                connection.execute(f"set lock_timeout = {max(1, round(left * 1000))}")
                connection.execute("select pg_advisory_lock(%s, %s)", LOCK)
                return
            found = connection.execute(HOLDER, LOCK).fetchone()
            holder = found[0] if found else "another process"
            if time.monotonic() < until and patience >= ANNOUNCE_SECONDS:
                logger.warning("waiting for %s, which writes to %s", holder, self.name)
        raise WarehouseBusyError(
            f"{self.name} is in use by {holder}: try again when that is done, or raise WALMART_WAREHOUSE_WAIT_SECONDS"
        )

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        """A connection of our own, beside DuckDB's."""
        import psycopg

        try:
            connection = psycopg.connect(
                self._conninfo,
                password=self.password.get_secret_value() if self.password else None,
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                application_name=f"process {os.getpid()} on {socket.gethostname()}"[:63],
            )
        except psycopg.OperationalError as error:
            raise WarehouseError(f"the catalog of the lake does not answer at {self.name}: {error}") from None
        with connection:
            yield connection

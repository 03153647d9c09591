"""Whose fault it is that an answer is missing.

Belongs here: the errors that are the model's own, and which error a request ended in. Does not: what follows from it
(models, evaluation).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from walmart_pipeline.llm.ledger import calls_table, open_engine

# The model ran on or refused, or its prompt left no room for the product. All others are the server's or the way's.
OWN_FAULTS = frozenset(("malformed", "too_long", "declined"))


def last_errors(url: str, hashes: Sequence[str], since: datetime) -> dict[str, str | None]:
    """Error class of the last call of each request since then, and of one that the ledger holds for final.

    A request that is absent was not asked: the budget did not hold it, or the run was stopped.
    """
    import sqlalchemy as sa

    if not hashes:
        return {}
    calls = calls_table(sa.MetaData()).c
    counts = sa.or_(calls.called_at >= since, calls.status == "final")
    query = sa.select(calls.request_hash, calls.error_class).where(calls.request_hash.in_(hashes), counts)
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            return {row.request_hash: row.error_class for row in connection.execute(query.order_by(calls.id))}
    finally:
        engine.dispose()

"""Batches at a provider and their requests, stored in the ledger's database."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa

from walmart_pipeline.llm.calls import Request
from walmart_pipeline.llm.ledger import LOOKUP_HASHES, Call, as_row
from walmart_pipeline.llm.ledger_database import open_engine, transaction
from walmart_pipeline.llm.ledger_tables import calls_table
from walmart_pipeline.llm.pricing import Price

Log: TypeAlias = Callable[[str], None]
Fate: TypeAlias = Literal[
    "waiting",  # in a batch that is not collected
    "answered",  # the ledger has its answer or a final failure
    "unanswered",  # failed or expired in the batch: becomes a live call
    "returned",  # the batch was rejected as a whole, or is unknown by now
    "not_submitted",  # the batch never reached the provider
]

# A batch that was rejected as a whole may succeed later (OpenAI: enqueued tokens), or never (a model without batches).
RETURNS_AT_MOST = 3


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that is not collected, and what its requests share.

    label: ours. batch_id: the provider's, None until it is known. price: of its calls at the time of submission.
    """

    label: str
    batch_id: str | None
    provider: str
    endpoint: str
    model: str
    digest: str | None
    prompt_version: str
    parameters: dict[str, Any]
    price: Price
    announced_at: datetime

    @property
    def name(self) -> str:
        """The provider's id, or our label until it is known."""
        return self.batch_id or self.label


class BatchStore(AbstractContextManager["BatchStore"]):
    """Batches in SQLite or Postgres. url: the ledger's. Every method is one transaction and raises LedgerError."""

    def __init__(self, url: str) -> None:
        metadata = sa.MetaData()
        self._calls = calls_table(metadata)
        self._batches = _batches(metadata)
        self._requests = _requests(metadata)
        self._engine = open_engine(url, metadata)

    def register(self, sample: Request, endpoint: str, price: Price, product_ids: Mapping[str, str]) -> str:
        """Store a batch before it is sent. Returns its label.

        sample: one of its requests. product_ids: request hash to product id.
        """
        label = uuid.uuid4().hex
        batch = {
            "label": label,
            "provider": sample.provider,
            "endpoint": endpoint,
            "model": sample.model,
            "digest": sample.digest,
            "prompt_version": sample.prompt_version,
            "parameters": dict(sample.parameters),
            "price": price.model_dump(),
            "announced_at": datetime.now(UTC),
        }
        rows = [
            {"label": label, "request_hash": key, "product_id": product_id, "fate": "waiting"}
            for key, product_id in product_ids.items()
        ]
        with transaction(self._engine) as connection:
            connection.execute(sa.insert(self._batches), batch)
            connection.execute(sa.insert(self._requests), rows)
        return label

    def submitted(self, label: str, batch_id: str) -> None:
        """Store the provider's id of a batch."""
        batches, requests = self._batches.c, self._requests.c
        with transaction(self._engine) as connection:
            known = sa.update(self._batches).where(batches.label == label)
            connection.execute(known.values(batch_id=batch_id, ended=None))
            # Another process may have marked it as not submitted in the meantime.
            again = sa.update(self._requests).where(requests.label == label, requests.fate == "not_submitted")
            connection.execute(again.values(fate="waiting"))

    def uncollected(self, endpoint: str) -> list[Batch]:
        """Batches of this endpoint that are not collected, oldest first."""
        batches = self._batches.c
        query = (
            sa.select(*(batches[name] for name in Batch.__dataclass_fields__))
            .where(batches.ended.is_(None), batches.endpoint == endpoint)
            .order_by(batches.announced_at)
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return [_batch(row) for row in rows]

    def waiting(self, label: str) -> dict[str, str]:
        """Request hash to product id of a batch's waiting requests."""
        requests = self._requests.c
        query = sa.select(requests.request_hash, requests.product_id).where(
            requests.label == label, requests.fate == "waiting"
        )
        with transaction(self._engine) as connection:
            return {row.request_hash: row.product_id for row in connection.execute(query)}

    def record(self, label: str, calls: Sequence[Call]) -> None:
        """Add calls of a batch to the ledger and settle their requests in one transaction."""
        if not calls:
            return
        requests = self._requests.c
        settled = (
            sa.update(self._requests)
            .where(requests.label == label, requests.request_hash == sa.bindparam("answers"))
            .values(fate=sa.bindparam("becomes"))
        )
        fates = [
            {"answers": call.request_hash, "becomes": "unanswered" if call.status == "failed" else "answered"}
            for call in calls
        ]
        with transaction(self._engine) as connection:
            connection.execute(sa.insert(self._calls), [as_row(call) for call in calls])
            connection.execute(settled, fates)

    def end(self, label: str, ended: str, *, rest: Literal["unanswered", "returned", "not_submitted"]) -> int:
        """Mark a batch as ended, with its final state. Returns how many waiting requests become `rest`."""
        batches, requests = self._batches.c, self._requests.c
        left = sa.update(self._requests).where(requests.label == label, requests.fate == "waiting").values(fate=rest)
        over = sa.update(self._batches).where(batches.label == label).values(ended=ended, ended_at=datetime.now(UTC))
        with transaction(self._engine) as connection:
            connection.execute(over)
            return int(connection.execute(left).rowcount)

    def pending(self, hashes: Iterable[str]) -> tuple[dict[str, str], set[str]]:
        """Of these requests: the waiting ones, with the name of their batch; and those that need a live call.

        The latter were left unanswered by a batch, or returned by several.
        """
        waiting: dict[str, str] = {}
        live: set[str] = set()
        returned: dict[str, int] = {}
        for key, fate, batch in self._fates(list(hashes)):
            if fate == "waiting":
                waiting[key] = batch
            elif fate == "unanswered":
                live.add(key)
            elif fate == "returned":
                returned[key] = returned.get(key, 0) + 1
        live |= {key for key, times in returned.items() if times >= RETURNS_AT_MOST}
        return waiting, live - waiting.keys()

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def _fates(self, hashes: list[str]) -> list[tuple[str, Fate, str]]:
        batches, requests = self._batches.c, self._requests.c
        query = (
            sa.select(requests.request_hash, requests.fate, sa.func.coalesce(batches.batch_id, batches.label))
            .join(self._batches, batches.label == requests.label)
            .where(requests.request_hash.in_(sa.bindparam("hashes", expanding=True)))
        )
        pages = [hashes[start : start + LOOKUP_HASHES] for start in range(0, len(hashes), LOOKUP_HASHES)]
        with transaction(self._engine) as connection:
            return [(row[0], row[1], row[2]) for page in pages for row in connection.execute(query, {"hashes": page})]


def add_tables(metadata: sa.MetaData) -> None:
    """Add the tables of batches, for a copy of the whole database."""
    _batches(metadata)
    _requests(metadata)


def _batches(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "batches",
        metadata,
        sa.Column("label", sa.String(32), primary_key=True),
        sa.Column("batch_id", sa.Text),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("digest", sa.Text),
        sa.Column("prompt_version", sa.Text, nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("price", sa.JSON, nullable=False),
        sa.Column("ended", sa.Text),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
    )


def _requests(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "batch_requests",
        metadata,
        sa.Column("label", sa.String(32), primary_key=True),
        sa.Column("request_hash", sa.String(32), primary_key=True, index=True),
        sa.Column("product_id", sa.Text, nullable=False),
        sa.Column("fate", sa.Text, nullable=False),
    )


def _batch(row: Mapping[Any, Any]) -> Batch:
    announced = row["announced_at"]
    # SQLite keeps no time zone; what was written was UTC.
    announced_at = announced if announced.tzinfo else announced.replace(tzinfo=UTC)
    return Batch(**{**row, "price": Price(**row["price"]), "announced_at": announced_at})

"""The tables of a ledger. Times that workers compare are seconds of the database's clock."""

from __future__ import annotations

import sqlalchemy as sa


def calls_table(metadata: sa.MetaData) -> sa.Table:
    """The table of calls."""
    identity = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Table(
        "calls",
        metadata,
        sa.Column("id", identity, primary_key=True),
        sa.Column("request_hash", sa.String(32), nullable=False, index=True),
        sa.Column("product_id", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("digest", sa.Text),
        sa.Column("prompt_version", sa.Text, nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("error_class", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("prompt_tokens", sa.Integer, nullable=False),
        sa.Column("completion_tokens", sa.Integer, nullable=False),
        sa.Column("cost_usd", sa.Double, nullable=False),
        sa.Column("seconds_queued", sa.Double, nullable=False),
        sa.Column("seconds_served", sa.Double, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purpose", sa.Text),
        # Covers `spent`: what a run cost is summed without a scan of all calls.
        sa.Index("ix_calls_called_at_cost_usd", "called_at", "cost_usd"),
    )


def cache_hits_table(metadata: sa.MetaData) -> sa.Table:
    """The table of answers that were taken from the ledger, with what they had cost."""
    identity = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Table(
        "cache_hits",
        metadata,
        sa.Column("id", identity, primary_key=True),
        sa.Column("product_id", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("tokens", sa.Integer, nullable=False),
        sa.Column("cost_usd", sa.Double, nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False, index=True),
    )


def workers_table(metadata: sa.MetaData) -> sa.Table:
    """The table of dispatchers at work."""
    return sa.Table(
        "workers",
        metadata,
        sa.Column("worker_id", sa.String(32), primary_key=True),
        sa.Column("heartbeat_at", sa.Double, nullable=False),
    )


def claims_table(metadata: sa.MetaData) -> sa.Table:
    """The table of requests that a worker is about to send, or has sent."""
    return sa.Table(
        "claims",
        metadata,
        sa.Column("request_hash", sa.String(32), primary_key=True),
        sa.Column("worker_id", sa.String(32), nullable=False),
    )


def run_budgets_table(metadata: sa.MetaData) -> sa.Table:
    """The table of what the workers of a run have drawn of its budget: spent, reserved, or at hand."""
    return sa.Table(
        "run_budgets",
        metadata,
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("drawn_usd", sa.Double, nullable=False),
    )


def shares_table(metadata: sa.MetaData) -> sa.Table:
    """The table of what each worker may take of an endpoint's limit.

    live_until: it counts as a worker until then. expires_at: until then, what it was granted is not free.
    """
    return sa.Table(
        "endpoint_shares",
        metadata,
        sa.Column("resource", sa.Text, primary_key=True),
        sa.Column("worker_id", sa.String(32), primary_key=True),
        sa.Column("granted", sa.Double, nullable=False),
        sa.Column("live_until", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
    )

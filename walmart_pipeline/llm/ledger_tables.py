"""The tables of a ledger."""

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

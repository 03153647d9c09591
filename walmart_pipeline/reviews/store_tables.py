"""The tables of the Studio's store, where people's work is kept."""

from __future__ import annotations

import sqlalchemy as sa


def add_tables(metadata: sa.MetaData) -> None:
    """Add all of them, for a copy of the whole database."""
    for table in (decisions_table, texts_table, preferences_table, keys_table, spending_table):
        table(metadata)


def decisions_table(metadata: sa.MetaData) -> sa.Table:
    """The table of decisions, in the order of their numbers."""
    # SQLite numbers only a column of exactly this type by itself.
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Table(
        "studio_decisions",
        metadata,
        sa.Column("number", number, primary_key=True, autoincrement=True),
        sa.Column("decision_id", sa.String, nullable=False, unique=True),
        sa.Column("product_id", sa.String, nullable=False),
        sa.Column("content_hash", sa.String),
        sa.Column("facts_hash", sa.String),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("stars", sa.Integer),
        sa.Column("listing", sa.JSON),
        sa.Column("user_preferences", sa.JSON, nullable=False),
        sa.Column("undoes", sa.String, unique=True),
        # 1, 2, … for the verdicts of a product; null for ratings. The optimistic lock: a second 2 is refused.
        sa.Column("version", sa.Integer),
        sa.UniqueConstraint("product_id", "version"),
    )


def texts_table(metadata: sa.MetaData) -> sa.Table:
    """The table of texts that writers saved."""
    return sa.Table(
        "studio_texts",
        metadata,
        sa.Column("text_id", sa.String, primary_key=True),
        sa.Column("product_id", sa.String),
        sa.Column("author", sa.String, nullable=False, index=True),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("listing", sa.JSON, nullable=False),
        sa.Column("origin", sa.JSON, nullable=False),
    )


def preferences_table(metadata: sa.MetaData) -> sa.Table:
    """The table of preferences, by user."""
    return sa.Table(
        "studio_preferences",
        metadata,
        sa.Column("author", sa.String, primary_key=True),
        sa.Column("preferences", sa.JSON, nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
    )


def keys_table(metadata: sa.MetaData) -> sa.Table:
    """The table of sealed keys, by user and provider."""
    return sa.Table(
        "studio_keys",
        metadata,
        sa.Column("author", sa.String, primary_key=True),
        sa.Column("provider", sa.String, primary_key=True),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
    )


def spending_table(metadata: sa.MetaData) -> sa.Table:
    """The table of what each user's texts cost a day."""
    return sa.Table(
        "studio_spending",
        metadata,
        sa.Column("author", sa.String, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("spent_usd", sa.Double, nullable=False),
        sa.Column("reserved_usd", sa.Double, nullable=False),
    )

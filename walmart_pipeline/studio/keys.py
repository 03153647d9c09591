"""Keys of model servers that users keep: sealed with WALMART_STUDIO_KEY, readable by their owner's sessions only."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import SecretStr

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.llm.ledger_database import open_engine, transaction
from walmart_pipeline.reviews.store_tables import keys_table

if TYPE_CHECKING:
    import sqlalchemy as sa
    from cryptography.fernet import Fernet

NO_SEAL = (
    "keys can't be kept here: an admin can allow it with WALMART_STUDIO_KEY, made by "
    '`python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"`'
)


class StudioKeyError(UserError):
    """A key can't be kept or read."""


class KeptKeys:
    """Sealed keys in the Studio's store.

    url: of SQLAlchemy, as `Settings.reviews_url`. seal: a Fernet key; without one nothing is kept. Raises LedgerError,
    and StudioKeyError for a seal that is no Fernet key.
    """

    def __init__(self, url: str, seal: SecretStr | None) -> None:
        import sqlalchemy as sa

        self._fernet = _fernet(seal)
        metadata = sa.MetaData()
        self._table = keys_table(metadata)
        self._engine = open_engine(url, metadata, survives_power_cut=True)

    @property
    def can_keep(self) -> bool:
        """Whether there is a seal."""
        return self._fernet is not None

    def keep(self, author: str, provider: str, key: SecretStr) -> None:
        """Keep a user's key in place of an earlier one. Raises StudioKeyError without a seal."""
        import sqlalchemy as sa

        if self._fernet is None:
            raise StudioKeyError(NO_SEAL)
        # With its owner inside: a row that somebody copies to another name opens nothing.
        content = json.dumps([author, provider, key.get_secret_value()]).encode()
        row = {"author": author, "provider": provider, "saved_at": datetime.now(UTC)}
        row["sealed"] = self._fernet.encrypt(content).decode()
        with transaction(self._engine) as connection:
            connection.execute(sa.delete(self._table).where(self._owned(author, provider)))
            connection.execute(sa.insert(self._table), row)

    def key(self, author: str, provider: str) -> SecretStr | None:
        """Return a user's key, or None. Raises StudioKeyError if another seal closed it."""
        import sqlalchemy as sa
        from cryptography.fernet import InvalidToken

        query = sa.select(self._table.c.sealed).where(self._owned(author, provider))
        with transaction(self._engine) as connection:
            sealed = connection.scalar(query)
        if sealed is None or self._fernet is None:
            return None
        try:
            owner, of, key = json.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken:
            raise StudioKeyError(
                f"your key for {provider} was kept under another WALMART_STUDIO_KEY: enter it again, or forget it"
            ) from None
        return SecretStr(key) if (owner, of) == (author, provider) else None

    def forget(self, author: str, provider: str) -> None:
        """Delete a user's key."""
        import sqlalchemy as sa

        with transaction(self._engine) as connection:
            connection.execute(sa.delete(self._table).where(self._owned(author, provider)))

    def close(self) -> None:
        """Close its connections."""
        self._engine.dispose()

    def _owned(self, author: str, provider: str) -> sa.ColumnElement[bool]:
        return (self._table.c.author == author) & (self._table.c.provider == provider)


def _fernet(seal: SecretStr | None) -> Fernet | None:
    from cryptography.fernet import Fernet

    if seal is None:
        return None
    try:
        return Fernet(seal.get_secret_value())
    except ValueError:
        raise StudioKeyError(f"WALMART_STUDIO_KEY is no Fernet key: {NO_SEAL.partition(': ')[2]}") from None

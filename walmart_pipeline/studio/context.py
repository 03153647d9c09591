"""What every page gets: settings, the warehouse to read, the store of decisions, and the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.reviews.store import ReviewStore
from walmart_pipeline.studio import snapshot
from walmart_pipeline.studio.access import User


@dataclass(frozen=True)
class StudioContext:
    """The same for all pages of one user's request."""

    settings: Settings
    store: ReviewStore
    user: User

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """Open a copy of the warehouse read-only, made anew if it has changed and no run holds it.

        Raises WarehouseError if there is none yet.
        """
        with snapshot.reader(self.settings).reading() as db:
            yield db

    @property
    def is_outdated(self) -> datetime | None:
        """The time that the latest reading was of, if a run held the warehouse; None if it was of now."""
        return snapshot.reader(self.settings).outdated

"""What every page gets: settings, the warehouse to read, the store of decisions, and the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Warehouse
from walmart_pipeline.reviews.store import ReviewStore
from walmart_pipeline.studio.access import User

# A run holds the warehouse for seconds at a time.
WAIT_SECONDS = 120.0


@dataclass(frozen=True)
class StudioContext:
    """The same for all pages of one user's request."""

    settings: Settings
    store: ReviewStore
    user: User

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """Open the warehouse read-only; waits while a run writes. Keep it short: a run waits for readers as well.

        Raises WarehouseError if there is none yet.
        """
        with Warehouse(self.settings.warehouse, WAIT_SECONDS).reading() as db:
            yield db

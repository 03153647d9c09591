"""Which cases are on whose screens, so that people who review at the same time get different ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

# A tab that is closed says nothing: after so long without a click its case is free.
FREE_AFTER_SECONDS = 300.0


class OpenCases:
    """The open case of each session; shared by all of this process. It only advises: the store decides conflicts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, tuple[str, str, float]] = {}
        self._lock = threading.Lock()

    def show(self, session: str, user: str, product_id: str) -> None:
        """Note what a session has open now."""
        with self._lock:
            self._note(session, user, product_id)

    def take_free(self, session: str, user: str, product_ids: Sequence[str]) -> str | None:
        """Open the first of these that nobody else has open, or the first of all if somebody has each. Returns it."""
        with self._lock:
            taken = self._elsewhere(session)
            chosen = next((each for each in product_ids if each not in taken), next(iter(product_ids), None))
            self._note(session, user, chosen)
        return chosen

    def elsewhere(self, session: str) -> dict[str, str]:
        """The products that other sessions have open, with their users."""
        with self._lock:
            return self._elsewhere(session)

    def _note(self, session: str, user: str, product_id: str | None) -> None:
        now = self._clock()
        self._open = {name: each for name, each in self._open.items() if each[2] > now - FREE_AFTER_SECONDS}
        self._open.pop(session, None)
        if product_id is not None:
            self._open[session] = product_id, user, now

    def _elsewhere(self, session: str) -> dict[str, str]:
        since = self._clock() - FREE_AFTER_SECONDS
        found = [each for name, each in self._open.items() if name != session and each[2] > since]
        return {product_id: user for product_id, user, _ in found}

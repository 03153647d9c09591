"""Which cases are on whose screens, so that people who review at the same time get different ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

# A tab that is closed says nothing: after so long without a click its case is free.
FREE_AFTER_SECONDS = 300.0


class OpenCases:
    """The open case of each user; shared by all of this process. It only advises: the store decides conflicts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def show(self, user: str, product_id: str) -> None:
        """Note what a user has opened last."""
        with self._lock:
            self._note(user, product_id)

    def take_free(self, user: str, product_ids: Sequence[str]) -> str | None:
        """Open the first of these that nobody else has open, or the first of all if somebody has each. Returns it."""
        with self._lock:
            taken = self._of_others(user)
            chosen = next((each for each in product_ids if each not in taken), next(iter(product_ids), None))
            self._note(user, chosen)
        return chosen

    def of_others(self, user: str) -> dict[str, str]:
        """The products that others have open, with their names."""
        with self._lock:
            return self._of_others(user)

    def _note(self, user: str, product_id: str | None) -> None:
        self._open.pop(user, None)
        if product_id is not None:
            self._open[user] = product_id, self._clock()

    def _of_others(self, user: str) -> dict[str, str]:
        since = self._clock() - FREE_AFTER_SECONDS
        return {product_id: name for name, (product_id, at) in self._open.items() if name != user and at > since}

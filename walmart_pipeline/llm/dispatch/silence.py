"""The timeout of a call that is silent."""

from __future__ import annotations

import asyncio

# A timer that fires later than this was held up with the whole process: on two cores with 15 busy processes an event
# loop was late by 24 ms at the median, and by up to 0.2 s.
LATE_SECONDS = 0.02


class SilenceTimeout:
    """Ends a block after so many seconds without a word.

    Where this process itself did not run when they were over (paused, or starved of CPU), answers may lie unread: the
    block gets the time that was lost on top, at most as long as it had.
    """

    def __init__(self, timeout: asyncio.Timeout, seconds: float) -> None:
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._arm(seconds)

    def restart(self, seconds: float) -> None:
        """Wait so long from now on."""
        self.cancel()
        self._arm(seconds)

    def cancel(self) -> None:
        """Wait for ever."""
        self._timer.cancel()

    def _arm(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer = self._loop.call_later(seconds, self._over)

    def _over(self) -> None:
        now = self._loop.time()
        late = now - self._timer.when()
        # Halved each time: on a machine that is always late, a call that hangs ends all the same.
        if min(late, self._seconds) > LATE_SECONDS:
            self._arm(min(late, self._seconds / 2))
        else:
            self._timeout.reschedule(now)

"""How a long step says how far it is.

Belongs here: what a step calls, and the form of it for a log. Does not: the terminal's bars (cli).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

# Every five seconds: eight hours leave some 6,000 lines in the event log; a line a product would leave millions.
LOG_SECONDS = 5.0

Advance = Callable[[int], None]


class Progress(Protocol):
    """Shows the steps of a run."""

    def step(self, label: str, total: int | None, log: Callable[[str], None]) -> AbstractContextManager[Advance]:
        """A step of `total` pieces, or of a number not known yet; the block calls what it gets with the pieces done.

        log: where a line goes if this progress writes lines.
        """
        ...


class LogProgress:
    """A line at most every few seconds, and one at the end of a step: for Dagster's log."""

    @contextmanager
    def step(self, label: str, total: int | None, log: Callable[[str], None]) -> Iterator[Advance]:
        """See Progress."""
        started = told = time.monotonic()
        done = 0

        def advance(pieces: int) -> None:
            nonlocal done, told
            done += pieces
            now = time.monotonic()
            if now - told >= LOG_SECONDS:
                told = now
                rate = done / (now - started)
                left = f" of {total:,}, {(total - done) / rate:.0f} s left" if total and rate else ""
                log(f"{label}: {done:,}{left}, {rate:,.0f} a second")

        yield advance
        log(f"{label}: {done:,} in {time.monotonic() - started:.1f} s")

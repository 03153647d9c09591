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


class Advance(Protocol):
    """Told how many pieces are done since the last call, and what is worth saying of them."""

    def __call__(self, pieces: int, note: str = "") -> None: ...  # noqa: D102


class Progress(Protocol):
    """Shows the steps of a run."""

    def step(self, label: str, total: int | None, log: Callable[[str], None]) -> AbstractContextManager[Advance]:
        """A step of `total` pieces, or of a number not known yet; the block calls what it gets with the pieces done.

        log: where a line goes if this progress writes lines.
        """
        ...


class LogProgress:
    """A line at most every few seconds, and one at the end of a step.

    write: where the lines go; without it to the log of the step, which is Dagster's.
    """

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._write = write

    @contextmanager
    def step(self, label: str, total: int | None, log: Callable[[str], None]) -> Iterator[Advance]:
        """See Progress."""
        tell = self._write or log
        started = told = time.monotonic()
        done, last_note = 0, ""

        def advance(pieces: int, note: str = "") -> None:
            nonlocal done, told, last_note
            done, last_note = done + pieces, note
            now = time.monotonic()
            if now - told >= LOG_SECONDS:
                told = now
                rate = done / (now - started)
                left = f" of {total:,}, {(total - done) / rate:.0f} s left" if total and rate else ""
                tell(f"{label}: {done:,}{left}, {rate:,.1f} a second{_after(note)}")

        yield advance
        tell(f"{label}: {done:,} in {time.monotonic() - started:.1f} s{_after(last_note)}")


def _after(note: str) -> str:
    return f", {note}" if note else ""

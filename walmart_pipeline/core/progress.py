"""Progress of long steps: the interface that steps call, and lines in a log. The terminal's bars are in cli."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

# Eight hours make some 6,000 lines in the event log; a line per product would make millions.
LOG_SECONDS = 5.0


class Advance(Protocol):
    """Called with the number of items done since the last call, and a note about them."""

    def __call__(self, count: int, /, note: str = "") -> None: ...  # noqa: D102


class Progress(Protocol):
    """Reports the steps of a run."""

    def step(self, label: str, total: int | None, log: Callable[[str], None]) -> AbstractContextManager[Advance]:
        """Begin a step of `total` items, None if unknown; the block reports items to the result.

        log: receives the lines of a progress that writes lines to the step's log.
        """
        ...


class LogProgress:
    """Writes a line at most every LOG_SECONDS, and one at the end of a step.

    write: receives the lines; by default the step's log, which is Dagster's.
    """

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._write = write

    @contextmanager
    def step(self, label: str, total: int | None, log: Callable[[str], None]) -> Iterator[Advance]:
        """See Progress."""
        write = self._write or log
        started = written = time.monotonic()
        done, last_note = 0, ""

        def advance(count: int, note: str = "") -> None:
            nonlocal done, written, last_note
            done, last_note = done + count, note
            now = time.monotonic()
            if now - written >= LOG_SECONDS:
                written = now
                rate = done / (now - started)
                left = f" of {total:,}, {(total - done) / rate:.0f} s left" if total and rate else ""
                write(f"{label}: {done:,}{left}, {rate:,.1f} a second{_after(note)}")

        yield advance
        write(f"{label}: {done:,} in {time.monotonic() - started:.1f} s{_after(last_note)}")


def _after(note: str) -> str:
    return f", {note}" if note else ""

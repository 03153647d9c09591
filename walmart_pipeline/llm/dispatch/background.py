"""The event loop's thread, for a caller that is no coroutine.

Belongs here: starting it, the way in and out of it, and ending it so that nothing is left behind. Does not: which
requests go in (dispatcher.py), or what happens to them inside (core.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from random import Random

from walmart_pipeline.llm.calls import Client, Request
from walmart_pipeline.llm.dispatch.budget import Budget
from walmart_pipeline.llm.dispatch.commit_waiter import Recorder
from walmart_pipeline.llm.dispatch.core import Core, Validate
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits, Outcome


class Background:
    """A Core at work in a thread of its own. All methods are for the caller's side."""

    def __init__(
        self,
        clients: Sequence[Client],
        ledger: Recorder,
        limits: DispatchLimits,
        budget: Budget,
        validate: Validate | None,
    ) -> None:
        self._clients = clients
        self._limits = limits
        self._out: SimpleQueue[Outcome | BaseException] = SimpleQueue()
        self._stopping, self._closing = asyncio.Event(), asyncio.Event()
        self._started: Future[tuple[asyncio.AbstractEventLoop, Core]] = Future()

        async def serve() -> None:
            core = Core(clients, ledger, limits, budget, validate, self._out.put, self._out.put, Random())  # noqa: S311
            self._started.set_result((asyncio.get_running_loop(), core))
            await self._stopping.wait()
            await core.drain(limits.grace_seconds)
            await self._closing.wait()
            for client in self._clients:
                await client.close()

        self._thread = ThreadPoolExecutor(1, thread_name_prefix="dispatcher")
        self._served = self._thread.submit(asyncio.run, serve())
        self._served.add_done_callback(self._ended)
        self._loop, self.core = self._started.result()

    def offer(self, requests: Iterable[tuple[str, Request]], *, urgent: bool) -> None:
        """Requests with their hashes. urgent: to be asked before what waits."""
        self._loop.call_soon_threadsafe(partial(self.core.offer, list(requests), urgent=urgent))

    def arrived(self, *, wait: bool) -> list[Outcome]:
        """Outcomes since the last look; waits for one if there is none. Raises what went wrong inside."""
        outcomes = []
        try:
            arrival = self._out.get(block=wait)
            while True:
                if isinstance(arrival, BaseException):
                    raise arrival
                outcomes.append(arrival)
                arrival = self._out.get_nowait()
        except Empty:
            return outcomes

    def now(self) -> float:
        """The event loop's seconds."""
        return time.monotonic()

    def stop(self) -> None:
        """No further call; calls in flight have the grace time. Returns at once, also inside a signal handler."""
        self._tell(self.core.stop, "the run was stopped")
        self._tell(self._stopping.set)

    def close(self) -> None:
        """Stop, and wait until nothing is in flight and the thread has ended. Interrupted, it waits no longer."""
        self.stop()
        self._tell(self._closing.set)
        try:
            self._served.result()
        except KeyboardInterrupt:
            self._tell(self.core.abandon)
            self._served.result()
            raise
        finally:
            self._thread.shutdown()

    def _tell(self, what: Callable[..., object], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *arguments)

    def _ended(self, served: Future[None]) -> None:
        if error := served.exception():
            self._out.put(error)
            if not self._started.done():
                self._started.set_exception(error)

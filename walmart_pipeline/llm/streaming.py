"""Answers, told while they are written, to a person who waits for one.

Belongs here: what a watcher is told, and a client made to tell it. Does not: showing it (cli).
Calls go through the dispatcher and into the ledger like any others; only how an answer comes over the wire differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from walmart_pipeline.llm.calls import Answer, Client, Request


class Watcher(Protocol):
    """Told in the thread that makes the calls."""

    def asked(self, request: Request) -> None:
        """A call is made; the pieces up to the next one are its."""
        ...

    def piece(self, text: str) -> None:
        """More of the answer's text. It may turn out incomplete, and be asked for once more."""
        ...


@dataclass(frozen=True)
class Watched:
    """A client that streams where it is asked for whole answers."""

    client: Client
    watcher: Watcher

    @property
    def provider(self) -> str:
        """See Client."""
        return self.client.provider

    @property
    def model(self) -> str:
        """See Client."""
        return self.client.model

    @property
    def endpoint(self) -> str:
        """See Client."""
        return self.client.endpoint

    async def digest(self) -> str | None:
        """See Client."""
        return await self.client.digest()

    async def complete(self, request: Request) -> Answer:
        """One whole answer, told as it comes."""
        return await self.stream(request, self.watcher.piece)

    async def stream(self, request: Request, tell: Callable[[str], object]) -> Answer:
        """See Client."""
        self.watcher.asked(request)
        return await self.client.stream(request, tell)

    async def check(self) -> str:
        """See Client."""
        return await self.client.check()

    async def models(self) -> list[str]:
        """See Client."""
        return await self.client.models()

    async def close(self) -> None:
        """See Client."""
        await self.client.close()

"""An Ollama for tests that are no coroutines: its event loop runs in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from walmart_pipeline_tests.llm.model_server import serving


@contextmanager
def ollama_in_thread(
    chat: Callable[[web.Request], Awaitable[web.StreamResponse]],
    tags: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> Iterator[str]:
    """Address of a server that answers until the block ends."""
    started, loop, ending = threading.Event(), asyncio.new_event_loop(), asyncio.Event()
    urls: list[str] = []

    async def reply(value: Any) -> web.StreamResponse:
        return web.json_response(value)

    async def serve() -> None:
        handlers = {
            "POST /api/chat": chat,
            "GET /api/tags": tags,
            "POST /api/show": lambda _: reply({"capabilities": ["completion"]}),
            "GET /api/version": lambda _: reply({"version": "0.33.0"}),
        }
        async with serving(handlers) as running:
            urls.append(running.url)
            started.set()
            await ending.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()
        loop.close()

"""A model server on loopback whose answers a test decides."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from aiohttp import web

from walmart_pipeline.llm.calls import CallError, Message, Request
from walmart_pipeline.llm.clients.transport import Timeouts

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

TIMEOUTS = Timeouts(read=5, connect=2, pool=5)
SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}


@dataclass
class Server:
    """Where it is, and what it was asked: method and path, headers, JSON body."""

    url: str
    asked: list[tuple[str, Mapping[str, str], Any]] = field(default_factory=list)

    def bodies(self, path: str) -> list[Any]:
        return [body for asked, _, body in self.asked if asked.endswith(path)]


@asynccontextmanager
async def serving(handlers: Mapping[str, Handler]) -> AsyncIterator[Server]:
    """handlers: by method and path, such as `POST /api/chat`; anything else is 404."""
    server = Server("")

    async def answer(request: web.Request) -> web.StreamResponse:
        asked = f"{request.method} {request.path}"
        is_json = request.content_type == "application/json"
        server.asked.append(
            (asked, request.headers, await request.json() if is_json and request.can_read_body else None)
        )
        if asked not in handlers:
            return web.Response(status=404, text="404 page not found")
        return await handlers[asked](request)

    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()


def says(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Handler:
    """Always answer this JSON."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response(value, status=status, headers=headers)

    return handler


def writes(*pieces: bytes, content_type: str = "application/x-ndjson") -> Handler:
    """Answer these bytes, each sent by itself."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    return handler


async def hangs(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


async def hangs_up(request: web.Request) -> web.StreamResponse:
    """Close the connection without a word."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def hangs_up_halfway(request: web.Request) -> web.StreamResponse:
    """Promise more bytes than it sends."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"half":')
    assert request.transport is not None
    request.transport.close()
    return response


def asking(model: str, *messages: Message, schema: Mapping[str, Any] | None = SCHEMA, **parameters: Any) -> Request:
    """A request for a listing."""
    return Request(
        product_id="1",
        provider="test",
        model=model,
        digest=None,
        prompt_version="1",
        messages=messages or (Message("system", "You write listings."), Message("user", "A steel kettle")),
        schema=schema,
        parameters=parameters,
    )


async def error_of(call: Awaitable[Any]) -> CallError:
    """The CallError that a call ends in."""
    try:
        result = await call
    except CallError as error:
        return error
    raise AssertionError(f"the call went well: {result!r}")


def all_that_is_told(error: BaseException) -> str:
    """Everything that a log could hold of an exception: text, repr and traceback of it and of what led to it."""
    told = "".join(traceback.format_exception(error))
    chain: list[BaseException | None] = [error]
    while chain:
        link = chain.pop()
        if link is not None:
            told += f"{link}{link!r}{vars(link)!r}"
            chain += [link.__cause__, link.__context__]
    return told

"""An OpenAI on loopback: files, batches, and a model that says what a test decides."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from aiohttp import web

from walmart_pipeline_tests.llm.model_server import Handler, serving

# What the model says to a conversation.
Says: TypeAlias = Callable[[list[dict[str, str]]], str]
Line: TypeAlias = dict[str, Any]
Server = TypeVar("Server", bound="FakeOpenAI")


class FakeOpenAI:
    """What OpenAI keeps, by id, and what it was asked. handlers: by method and path, for `serving`."""

    def __init__(self, says: Says = lambda _: "") -> None:
        self.url = ""
        self.says = says
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self._numbers = 0
        self.live: list[list[dict[str, str]]] = []
        self.handlers: dict[str, Handler] = {
            "POST /v1/files": self.upload,
            "POST /v1/batches": self.create,
            "GET /v1/batches": self.listed,
            "POST /v1/chat/completions": self.complete,
        }

    async def complete(self, request: web.Request) -> web.StreamResponse:
        messages = (await request.json())["messages"]
        self.live.append(messages)
        return web.json_response(completion(self.says(messages)))

    async def upload(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        assert form["purpose"] == "batch"
        file = form["file"]
        assert isinstance(file, web.FileField)
        file_id = self.keep(file.file.read())
        return web.json_response(
            {"id": file_id, "object": "file", "bytes": 1, "created_at": 1, "filename": "f", "purpose": "batch"}
        )

    async def create(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        batch_id = f"batch-{self._numbers}"
        self._numbers += 1
        batch = asked | {"id": batch_id, "object": "batch", "created_at": 1, "status": "validating"}
        self.batches[batch_id] = batch

        async def retrieve(request: web.Request) -> web.StreamResponse:
            return web.json_response(batch)

        async def cancel(request: web.Request) -> web.StreamResponse:
            batch["status"] = "cancelling"
            return web.json_response(batch)

        self.handlers[f"GET /v1/batches/{batch_id}"] = retrieve
        self.handlers[f"POST /v1/batches/{batch_id}/cancel"] = cancel
        return web.json_response(batch)

    async def listed(self, request: web.Request) -> web.StreamResponse:
        """Newest first, two to a page."""
        ids = list(reversed(self.batches))
        start = ids.index(request.query["after"]) + 1 if "after" in request.query else 0
        page = ids[start : start + 2]
        more = len(ids) > start + 2
        return web.json_response({"object": "list", "data": [self.batches[id_] for id_ in page], "has_more": more})

    def keep(self, content: bytes) -> str:
        file_id = f"file-{len(self.files)}"
        self.files[file_id] = content

        async def download(request: web.Request) -> web.StreamResponse:
            return web.Response(body=content, content_type="application/octet-stream")

        self.handlers[f"GET /v1/files/{file_id}/content"] = download
        return file_id

    def sent(self, batch_id: str) -> list[Line]:
        content = self.files[self.batches[batch_id]["input_file_id"]]
        return [json.loads(line) for line in content.splitlines()]

    def end(
        self,
        batch_id: str,
        status: str = "completed",
        *,
        output: list[Any] | None = None,
        errors: list[Any] | None = None,
    ) -> None:
        """End a batch. output: lines of its file; without them every question is answered as `says` says."""
        if output is None:
            output = [answered(line["custom_id"], self.says(line["body"]["messages"])) for line in self.sent(batch_id)]
        self.batches[batch_id] |= {
            "status": status,
            "output_file_id": self._written(output),
            "error_file_id": self._written(errors or []),
        }

    def forget(self, batch_id: str) -> None:
        del self.batches[batch_id]
        del self.handlers[f"GET /v1/batches/{batch_id}"]

    def _written(self, lines: list[Any]) -> str | None:
        content = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        return self.keep(content) if lines else None


def completion(content: str, reason: str = "stop") -> dict[str, Any]:
    return {
        "choices": [{"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10},
    }


def answered(custom_id: str, content: str, reason: str = "stop") -> Line:
    response = {"status_code": 200, "request_id": "r", "body": completion(content, reason)}
    return {"id": "b", "custom_id": custom_id, "response": response, "error": None}


def refused(custom_id: str, status: int, message: str, **error: str) -> Line:
    response = {"status_code": status, "request_id": "r", "body": {"error": {"message": message, **error}}}
    return {"id": "b", "custom_id": custom_id, "response": response, "error": None}


def expired(custom_id: str) -> Line:
    error = {"code": "batch_expired", "message": "This request could not be executed before the window expired."}
    return {"id": "b", "custom_id": custom_id, "response": None, "error": error}


@contextmanager
def fake_openai(says: Says) -> Iterator[FakeOpenAI]:
    """In a thread of its own, for callers that are no coroutines."""
    with in_a_thread(FakeOpenAI(says)) as server:
        yield server


@contextmanager
def in_a_thread(server: Server) -> Iterator[Server]:
    """Any kind of fake OpenAI, running."""
    started, loop = threading.Event(), asyncio.new_event_loop()
    ending = asyncio.Event()

    async def serve() -> None:
        async with serving(server.handlers) as running:
            server.url = f"{running.url}/v1"
            started.set()
            await ending.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()
        loop.close()

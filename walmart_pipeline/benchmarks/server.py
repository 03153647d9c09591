"""Model server for benchmarks and failure drills: both dialects, a fixed latency, planned faults.

    python -m walmart_pipeline.benchmarks.server '{"latency": 0.2, "slots": 4}'

Listens on 127.0.0.1 only. POST /v1/chat/completions speaks OpenAI's dialect; POST /api/chat and the calls that list,
show, create and copy models speak Ollama's. GET /stats returns the counters, POST /reset sets another behaviour and
clears them.

Faults are drawn from a hash of the request and its n-th attempt, so that every run meets the same ones. The answer is
a listing made of the facts in the request: it is not a language model and says nothing about quality.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from aiohttp import web

from walmart_pipeline.benchmarks import factual_listing
from walmart_pipeline.benchmarks.model_store import ModelStore

# A streamed answer's first token comes after this share of the latency, as after the reading of a prompt.
FIRST_TOKEN_SHARE = 0.2
# Characters of a piece of a streamed answer.
PIECE = 400
PROMPT_TOKENS, COMPLETION_TOKENS = 160, 230


@dataclass(frozen=True)
class Behaviour:
    """What the server does. Shares are of the calls.

    refused: 429 (503 in Ollama's dialect) with Retry-After. malformed: truncated JSON. shouting: a whole answer that
    breaks a rule of every policy. slots: calls served at once; all others wait without a byte, as Ollama's and
    llama-server's do. max_in_flight and requests_per_second refuse what is above. poison: a request with this text is
    answered 400 each time. streams: send an answer in pieces where the request asks for it. lean, terse: poor listings,
    see `factual_listing.write`.
    """

    latency: float = 0.2
    slots: int = 0
    max_in_flight: int = 0
    requests_per_second: float = 0.0
    retry_after: float = 1.0
    refused: float = 0.0
    failed: float = 0.0
    hanging: float = 0.0
    dropped: float = 0.0
    malformed: float = 0.0
    shouting: float = 0.0
    poison: str = ""
    streams: bool = True
    lean: bool = False
    terse: str = ""


FAULTS = ("refused", "failed", "hanging", "dropped", "malformed", "shouting")


class RefusedCallError(Exception):
    """The call ends with an HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ModelServer(AbstractContextManager["ModelServer"]):
    """Client side: a server in a process of its own, for a `with` block.

    log: a file with a line for each call's end (`answered`, or the fault) and the request's hash; it survives a kill.
    """

    def __init__(self, behaviour: Behaviour | None = None, *, log: Path | None = None) -> None:
        self._behaviour = behaviour or Behaviour()
        self._log = log
        self._port = 0
        self.start()

    def start(self) -> None:
        """Start the process; after `kill`, on the same port."""
        command = [sys.executable, "-m", __name__, json.dumps(asdict(self._behaviour)), "--port", str(self._port)]
        if self._log:
            command += ["--log", str(self._log)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        assert self._process.stdout  # noqa: S101  (a pipe was asked for)
        line = self._process.stdout.readline()
        if not line:
            raise OSError(f"the model server did not start (exit code {self._process.wait()})")
        self.url = line.strip()
        self._port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """Kill the process, as a crash would."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def reset(self, behaviour: Behaviour) -> None:
        """Set another behaviour, also after a `kill`, and clear the counters."""
        self._behaviour = behaviour
        body = json.dumps(asdict(behaviour)).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/reset", body)).close()  # noqa: S310

    def stats(self) -> dict[str, Any]:
        """Counters: calls, answered, answered_again, wasted_seconds, peak_in_flight, and one for each fault."""
        with urllib.request.urlopen(f"{self.url}/stats") as answer:  # noqa: S310
            return dict(json.load(answer))

    def __exit__(self, *_: object) -> None:
        self.kill()


class Application:
    """Server side: the handlers and their counters."""

    def __init__(self, behaviour: Behaviour, log: Path | None) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if log else None
        self._models = ModelStore()
        self._reset(behaviour)

    def _reset(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._slots = asyncio.Semaphore(behaviour.slots) if behaviour.slots else None
        self._counts: Counter[str] = Counter(dict.fromkeys(("calls", "answered", *FAULTS, "poisoned"), 0))
        self._attempts: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._in_flight = self._peak_in_flight = 0
        self._wasted = 0.0
        self._tokens, self._refilled = behaviour.requests_per_second, time.monotonic()

    def routes(self) -> list[web.RouteDef]:
        """The handlers by method and path."""
        return [
            web.post("/v1/chat/completions", self._openai),
            web.post("/api/chat", self._ollama),
            _fixed("GET", "/v1/models", {"object": "list", "data": [{"id": "drill", "object": "model"}]}),
            web.get("/api/tags", self._tags),
            _fixed("GET", "/api/version", {"version": "0.33.0"}),
            web.post("/api/show", self._show),
            web.post("/api/create", self._create),
            web.post("/api/copy", self._copy),
            web.get("/stats", self._stats),
            web.post("/reset", self._on_reset),
        ]

    async def _openai(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        try:
            async with self._served(request, body["messages"]) as (text, _):
                usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS}
                if not (body.get("stream") and self._behaviour.streams):
                    await asyncio.sleep(self._behaviour.latency)
                    choice = {"finish_reason": "stop", "message": {"role": "assistant", "content": text}}
                    return await _sent(request, {"choices": [choice | {"index": 0}], "usage": usage})
                stream = await _streaming(request, "text/event-stream")
                await asyncio.sleep(self._behaviour.latency * FIRST_TOKEN_SHARE)
                for number, piece in enumerate(_pieces(text)):
                    await _event(stream, {"choices": [{"index": 0, "delta": {"content": piece}}]})
                    if number == 0:
                        await asyncio.sleep(self._behaviour.latency * (1 - FIRST_TOKEN_SHARE))
                await _event(stream, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
                await _event(stream, {"choices": [], "usage": usage})
                await stream.write_eof(b"data: [DONE]\n\n")
                return stream
        except RefusedCallError as refused:
            headers = {"Retry-After": f"{self._behaviour.retry_after:g}"} if refused.status == 429 else None
            return web.json_response({"error": {"message": str(refused)}}, status=refused.status, headers=headers)

    async def _ollama(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        try:
            model = self._models.get(body["model"])
            async with self._served(request, body["messages"], model.messages if model else ()) as (text, waited):
                seconds = self._behaviour.latency
                final = {
                    "done": True,
                    "done_reason": "stop",
                    "total_duration": int((seconds + waited) * 1e9),
                    "prompt_eval_count": PROMPT_TOKENS,
                    "prompt_eval_duration": int(seconds * FIRST_TOKEN_SHARE * 1e9),
                    "eval_count": COMPLETION_TOKENS,
                    "eval_duration": int(seconds * (1 - FIRST_TOKEN_SHARE) * 1e9),
                }
                if not (body.get("stream", True) and self._behaviour.streams):
                    await asyncio.sleep(seconds)
                    return await _sent(request, {"message": {"role": "assistant", "content": text}, **final})
                stream = await _streaming(request, "application/x-ndjson")
                await asyncio.sleep(seconds * FIRST_TOKEN_SHARE)
                for number, piece in enumerate(_pieces(text)):
                    await _line(stream, {"message": {"role": "assistant", "content": piece}, "done": False})
                    if number == 0:
                        await asyncio.sleep(seconds * (1 - FIRST_TOKEN_SHARE))
                await _line(stream, {"message": {"role": "assistant", "content": ""}, **final})
                await stream.write_eof()
                return stream
        except RefusedCallError as refused:
            status = 503 if refused.status == 429 else refused.status
            return web.json_response({"error": str(refused)}, status=status)

    async def _tags(self, _: web.Request) -> web.Response:
        return web.json_response(self._models.tags())

    async def _show(self, request: web.Request) -> web.Response:
        shown = self._models.show((await request.json())["model"])
        return web.json_response(shown or {"error": "model not found"}, status=200 if shown else 404)

    async def _create(self, request: web.Request) -> web.Response:
        return web.json_response(self._models.create(await request.json()))

    async def _copy(self, request: web.Request) -> web.Response:
        body = await request.json()
        return web.Response(status=200 if self._models.copy(body["source"], body["destination"]) else 404)

    @asynccontextmanager
    async def _served(
        self, request: web.Request, messages: list[dict[str, str]], built_in: Sequence[dict[str, str]] = ()
    ) -> AsyncIterator[tuple[str, float]]:
        """The answer's text and the seconds that the call waited for its slot, which it holds meanwhile.

        built_in: the model's own messages before those of the request.
        """
        key = hashlib.sha1(json.dumps(messages).encode(), usedforsecurity=False).hexdigest()
        self._counts["calls"] += 1
        self._in_flight += 1
        self._peak_in_flight = max(self._peak_in_flight, self._in_flight)
        try:
            fault = self._fault(key, messages)
            arrived = time.monotonic()
            async with self._slot():
                waited = time.monotonic() - arrived
                if fault in ("failed", "hanging", "dropped"):
                    self._record(fault, key)
                    await self._break(request, fault)
                text = factual_listing.write(
                    [*built_in, *messages],
                    shouting=fault == "shouting",
                    lean=self._behaviour.lean,
                    terse=self._behaviour.terse,
                )
                yield (text[: len(text) // 2] if fault == "malformed" else text), waited
            if fault == "malformed":
                self._record(fault, key)
            else:
                if fault:
                    self._counts[fault] += 1
                self._answers[key] += 1
                self._record("answered", key)
        finally:
            self._in_flight -= 1

    def _fault(self, key: str, messages: list[dict[str, str]]) -> str | None:
        """The fault of this attempt. Raises RefusedCallError."""
        behaviour = self._behaviour
        if behaviour.poison and any(behaviour.poison in message["content"] for message in messages):
            self._record("poisoned", key)
            raise RefusedCallError(400, "this request can't be processed")
        refused = RefusedCallError(429, "server busy, please try again")
        if (behaviour.max_in_flight and self._in_flight > behaviour.max_in_flight) or self._is_above_rate():
            self._record("refused", key)
            raise refused
        self._attempts[key] += 1
        drawn = hashlib.md5(f"{key}{self._attempts[key]}".encode(), usedforsecurity=False).digest()
        position = int.from_bytes(drawn[:4], "big") / 2**32
        edges = accumulate(getattr(behaviour, name) for name in FAULTS)
        fault = next((name for name, edge in zip(FAULTS, edges, strict=True) if position < edge), None)
        if fault == "refused":
            self._record("refused", key)
            raise refused
        return fault

    async def _break(self, request: web.Request, fault: str) -> None:
        if fault == "hanging":
            await asyncio.sleep(3_600)
        await asyncio.sleep(self._behaviour.latency)
        if fault == "dropped" and request.transport:
            request.transport.close()
        raise RefusedCallError(500, "internal error")

    def _is_above_rate(self) -> bool:
        """Whether a token bucket that holds one second's calls is empty; else a call is taken out of it."""
        rate, now = self._behaviour.requests_per_second, time.monotonic()
        if not rate:
            return False
        self._tokens = min(rate, self._tokens + (now - self._refilled) * rate)
        self._refilled = now
        if self._tokens < 1:
            return True
        self._tokens -= 1
        return False

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._slots is None:
            yield
            return
        async with self._slots:
            began = time.monotonic()
            try:
                yield
            except asyncio.CancelledError:
                self._wasted += time.monotonic() - began
                raise

    def _record(self, what: str, key: str) -> None:
        self._counts[what] += 1
        if self._log is not None:
            os.write(self._log, f"{what} {key}\n".encode())

    async def _stats(self, _: web.Request) -> web.Response:
        more = {
            "answered_again": self._answers.total() - len(self._answers),
            "peak_in_flight": self._peak_in_flight,
            "wasted_seconds": round(self._wasted, 3),
        }
        return web.json_response({**self._counts, **more})

    async def _on_reset(self, request: web.Request) -> web.Response:
        self._reset(Behaviour(**await request.json()))
        return web.json_response({})


def _pieces(text: str) -> list[str]:
    return [text[start : start + PIECE] for start in range(0, len(text), PIECE)]


async def _streaming(request: web.Request, content_type: str) -> web.StreamResponse:
    stream = web.StreamResponse(headers={"Content-Type": content_type})
    await stream.prepare(request)
    return stream


async def _sent(request: web.Request, value: Any) -> web.StreamResponse:
    """A whole answer, written here and now: only then is the call counted as answered."""
    response = web.json_response(value)
    await response.prepare(request)
    await response.write_eof()
    return response


async def _event(stream: web.StreamResponse, value: Any) -> None:
    await stream.write(b"data: " + json.dumps(value).encode() + b"\n\n")


async def _line(stream: web.StreamResponse, value: Any) -> None:
    await stream.write(json.dumps(value).encode() + b"\n")


def _fixed(method: str, path: str, value: Any) -> web.RouteDef:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response(value)

    return web.route(method, path, handler)


async def serve(behaviour: Behaviour, port: int, log: Path | None) -> None:
    """Serve until the process is ended; the first line on stdout is the server's URL."""
    app = web.Application(client_max_size=64 << 20)
    app.add_routes(Application(behaviour, log).routes())
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096, reuse_address=True).start()
    sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    """Run the server by its command line."""
    parser = argparse.ArgumentParser(prog="python -m walmart_pipeline.benchmarks.server")
    parser.add_argument("behaviour", nargs="?", default="{}", help="JSON object of what differs from the defaults")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--log", type=Path)
    given = parser.parse_args()
    asyncio.run(serve(Behaviour(**json.loads(given.behaviour)), given.port, given.log))


if __name__ == "__main__":
    main()

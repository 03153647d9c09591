"""An Ollama on loopback, in a thread of its own, whose model says what a test decides."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

# What the model says to a conversation: the text of its answer, or an HTTP status and an error.
Says: TypeAlias = Callable[[list[dict[str, str]]], str | tuple[int, str]]


@dataclass
class FakeOllama:
    """Where it is, and the conversations that it was asked."""

    url: str
    says: Says
    asked: list[list[dict[str, str]]] = field(default_factory=list)
    digest: str = "a" * 64


@contextmanager
def fake_ollama(says: Says) -> Iterator[FakeOllama]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/api/tags":
                model = {"name": "writer:latest", "model": "writer:latest", "digest": server.digest}
                self._answer(200, {"models": [model]})
            else:
                self._answer(200, {"version": "0.33.0"})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/api/chat":
                self._answer(200, {"capabilities": ["completion"]})
                return
            server.asked.append(body["messages"])
            said = server.says(body["messages"])
            if isinstance(said, tuple):
                self._answer(said[0], {"error": said[1]})
                return
            message = {"role": "assistant", "content": said}
            usage = {"prompt_eval_count": 100, "eval_count": 50}
            self._answer(200, {"message": message, "done": True, "done_reason": "stop", **usage})

        def _answer(self, status: int, value: Any) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests print nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = FakeOllama(f"http://127.0.0.1:{httpd.server_address[1]}", says)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()

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


# Characters of a piece of a streamed answer.
PIECE = 40


@dataclass
class FakeOllama:
    """Where it is, and the conversations that it was asked."""

    url: str
    says: Says
    asked: list[list[dict[str, str]]] = field(default_factory=list)
    digest: str = "a" * 64
    models: set[str] = field(default_factory=lambda: {"writer:latest"})
    # What a pull tells before it succeeds; an `error` ends it.
    pulls: list[dict[str, Any]] = field(default_factory=list)
    authorized: list[str | None] = field(default_factory=list)


@contextmanager
def fake_ollama(says: Says) -> Iterator[FakeOllama]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        _streaming = False

        def parse_request(self) -> bool:
            parsed = super().parse_request()
            if parsed:
                server.authorized.append(self.headers["Authorization"])
            return parsed

        def do_GET(self) -> None:
            if self.path == "/api/tags":
                listed = [{"name": name, "model": name, "digest": server.digest} for name in sorted(server.models)]
                self._answer(200, {"models": listed})
            else:
                self._answer(200, {"version": "0.33.0"})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/api/pull":
                self._pull(body["model"])
                return
            if self.path != "/api/chat":
                self._answer(200, {"capabilities": ["completion"]})
                return
            server.asked.append(body["messages"])
            said = server.says(body["messages"])
            if isinstance(said, tuple):
                self._answer(said[0], {"error": said[1]})
                return
            usage = {"prompt_eval_count": 100, "eval_count": 50}
            final = {"done": True, "done_reason": "stop", **usage}
            if not body["stream"]:
                self._answer(200, {"message": {"role": "assistant", "content": said}, **final})
                return
            pieces = [said[start : start + PIECE] for start in range(0, len(said), PIECE)]
            self._stream([{"message": {"role": "assistant", "content": piece}, "done": False} for piece in pieces])
            self._stream([{"message": {"role": "assistant", "content": ""}, **final}], last=True)

        def _pull(self, model: str) -> None:
            self._stream(server.pulls)
            if not any("error" in step for step in server.pulls):
                server.models.add(model if ":" in model else f"{model}:latest")
                self._stream([{"status": "success"}])
            self._stream([], last=True)

        def _stream(self, lines: list[dict[str, Any]], *, last: bool = False) -> None:
            """Lines of JSON, each a chunk of its own."""
            if not self._streaming:
                self._streaming = True
                self.send_response(200)
                self.send_header("Content-Type", "application/x-ndjson")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
            for line in lines:
                data = json.dumps(line).encode() + b"\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            if last:
                self._streaming = False
                self.wfile.write(b"0\r\n\r\n")

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

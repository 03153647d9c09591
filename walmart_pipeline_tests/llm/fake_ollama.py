"""An Ollama on loopback, in a thread of its own, whose model says what a test decides.

It keeps models as Ollama does (v0.33): what is made from a base has the base's parameters beside its own, and its
system text and messages where it has none; parameters are not judged when they are stored, but when the model is asked.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

# What the model says to a conversation: the text of its answer, or an HTTP status and an error.
Says: TypeAlias = Callable[[list[dict[str, str]]], str | tuple[int, str]]


# Characters of a piece of a streamed answer.
PIECE = 40

# A Says that returns it is cut as Ollama cuts a model that repeats itself: HTTP 200 and `done: false`.
REPEATS = "again again again"

NUMBERS = ("temperature", "top_p", "top_k", "repeat_penalty", "num_ctx", "num_predict", "seed")


@dataclass
class Model:
    """A model that was made here."""

    parent: str
    parameters: dict[str, Any]
    system: str = ""
    template: str = ""
    messages: list[dict[str, str]] = field(default_factory=list)
    adapters: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        said = [self.parent, self.parameters, self.system, self.template, self.messages, self.adapters]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass
class FakeOllama:
    """Where it is, and the conversations that it was asked."""

    url: str
    says: Says
    asked: list[list[dict[str, str]]] = field(default_factory=list)
    digest: str = "a" * 64
    models: set[str] = field(default_factory=lambda: {"writer:latest"})
    # Of these, the ones that answer no chat.
    embedding: set[str] = field(default_factory=set)
    # What a pull tells before it succeeds, and how long it takes after that; an `error` ends it.
    pulls: list[dict[str, Any]] = field(default_factory=list)
    pull_seconds: float = 0.0
    authorized: list[str | None] = field(default_factory=list)
    # Of the models above, those that were made here or have more than weights.
    made: dict[str, Model] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    # The bodies of creates, and how the next one ends: `success`, `error` (under HTTP 200), `silence` (no last line).
    creates: list[dict[str, Any]] = field(default_factory=list)
    create_ends: str = "success"
    # Whatever was stored last, changed behind the back of whoever stored it.
    tamper: Callable[[Model], None] = lambda model: None

    def find(self, name: str) -> str | None:
        """A model's name as it is kept: names match in any case, and `latest` may be left out."""
        full = name.lower() if ":" in name else f"{name.lower()}:latest"
        return next((known for known in self.models if known.lower() == full), None)

    def digest_of(self, name: str) -> str:
        """SHA-256 of a model's manifest."""
        return self.made[name].digest if name in self.made else self.digest


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
                listed = [
                    {"name": name, "model": name, "digest": server.digest_of(name)} for name in sorted(server.models)
                ]
                self._answer(200, {"models": listed})
            else:
                self._answer(200, {"version": "0.33.0"})

        def do_HEAD(self) -> None:
            self._nothing(200 if self.path.rpartition(":")[2] in server.blobs else 404)

        def do_DELETE(self) -> None:
            name = server.find(self._body()["model"])
            if name:
                server.models.discard(name)
                server.made.pop(name, None)
            self._nothing(200 if name else 404)

        def do_POST(self) -> None:
            if self.path.startswith("/api/blobs/sha256:"):
                self._blob(self.path.rpartition(":")[2])
                return
            body = self._body()
            match self.path:
                case "/api/pull":
                    self._pull(body["model"])
                case "/api/create":
                    self._create(body)
                case "/api/show":
                    self._show(body["model"])
                case "/api/copy":
                    self._copy(body["source"], body["destination"])
                case _:
                    self._chat(body)

        def _chat(self, body: dict[str, Any]) -> None:
            made = server.made.get(server.find(body["model"]) or "")
            untyped = [name for name, value in made.parameters.items() if _is_untyped(name, value)] if made else []
            if untyped:
                self._answer(500, {"error": f'option "{untyped[0]}" must be of another type'})
                return
            server.asked.append(body["messages"])
            said = server.says(body["messages"])
            if isinstance(said, tuple):
                self._answer(said[0], {"error": said[1]})
                return
            usage = {"prompt_eval_count": 100, "eval_count": 50}
            final = {"done": False} if said == REPEATS else {"done": True, "done_reason": "stop", **usage}
            if not body["stream"]:
                self._answer(200, {"message": {"role": "assistant", "content": said}, **final})
                return
            pieces = [said[start : start + PIECE] for start in range(0, len(said), PIECE)]
            self._stream([{"message": {"role": "assistant", "content": piece}, "done": False} for piece in pieces])
            self._stream([{"message": {"role": "assistant", "content": ""}, **final}], last=True)

        def _pull(self, model: str) -> None:
            self._stream(server.pulls)
            time.sleep(server.pull_seconds)
            if not any("error" in step for step in server.pulls):
                server.models.add(model if ":" in model else f"{model}:latest")
                self._stream([{"status": "success"}])
            self._stream([], last=True)

        def _create(self, body: dict[str, Any]) -> None:
            server.creates.append(body)
            base = server.find(body["from"])
            if base is None:
                # Ollama would now download it; here nothing can be downloaded.
                self._stream([{"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"}])
                self._stream([], last=True)
                return
            self._stream([{"status": "using existing layer"}])
            missing = [digest for digest in body.get("adapters", {}).values() if digest[7:] not in server.blobs]
            if missing or server.create_ends == "error":
                why = f"blob {missing[0]} not found" if missing else "no space left on device"
                self._stream([{"error": why}], last=True)
                return
            if server.create_ends == "silence":
                self._stream([{"status": "writing manifest"}], last=True)
                return
            above = server.made.get(base, Model("", {}))
            name = body["model"] if ":" in body["model"] else f"{body['model']}:latest"
            made = Model(
                parent=base,
                parameters={**above.parameters, **body.get("parameters", {})},
                system=body.get("system") or above.system,
                template=body.get("template") or above.template,
                messages=body.get("messages") or above.messages,
                adapters=[digest[7:] for digest in body.get("adapters", {}).values()],
            )
            server.tamper(made)
            name = server.find(name) or name
            server.models.add(name)
            server.made[name] = made
            self._stream([{"status": "writing manifest"}, {"status": "success"}], last=True)

        def _show(self, model: str) -> None:
            name = server.find(model)
            if name is None:
                self._answer(404, {"error": f"model '{model}' not found"})
                return
            made = server.made.get(name, Model("", {}))
            shown: dict[str, Any] = {
                "capabilities": ["embedding" if name in server.embedding else "completion"],
                "details": {"parent_model": made.parent},
            }
            shown["modelfile"] = "".join(
                [
                    f"FROM /models/blobs/sha256-{server.digest}\n",
                    *(f"ADAPTER /models/blobs/sha256-{digest}\n" for digest in made.adapters),
                ]
            )
            if made.parameters:
                shown["parameters"] = _shown(made.parameters)
            if made.system:
                shown["system"] = made.system
            if made.messages:
                shown["messages"] = made.messages
            self._answer(200, shown)

        def _copy(self, source: str, destination: str) -> None:
            name = server.find(source)
            if name is None:
                self._answer(404, {"error": f'model "{source}" not found'})
                return
            server.models.add(destination)
            if name in server.made:
                server.made[destination] = server.made[name]
            self._nothing(200)

        def _blob(self, digest: str) -> None:
            content = self._content()
            if digest in server.blobs:
                self._nothing(200)
            elif hashlib.sha256(content).hexdigest() != digest:
                self._answer(400, {"error": "digest does not match"})
            else:
                server.blobs[digest] = content
                self._nothing(201)

        def _content(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def _body(self) -> Any:
            return json.loads(self._content())

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

        def _nothing(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Tests print nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = FakeOllama(f"http://127.0.0.1:{httpd.server_address[1]}", says)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def _is_untyped(name: str, value: Any) -> bool:
    return isinstance(value, str) if name in NUMBERS else name == "stop" and not isinstance(value, list)


def _shown(parameters: dict[str, Any]) -> str:
    """As Ollama writes them: Go's literals, a line each, in the random order of a Go map."""
    return "\n".join(
        f"{name:<30} {json.dumps(each) if isinstance(each, str) else f'{each:g}'}"
        for name, value in random.sample(list(parameters.items()), len(parameters))
        for each in (value if isinstance(value, list) else [value])
    )

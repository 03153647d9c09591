"""Walmart's Marketplace API on loopback, as documented: tokens, feeds, their status, the item spec."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from walmart_pipeline_tests.stages.delivery.publishable import product_type, spec_content

CLIENT_ID, CLIENT_SECRET = "a-client-id", "a-client-secret"


@dataclass
class FakeMarketplace:
    """What it holds; `faults` are its next answers to all but requests for tokens: status and headers.

    item_errors: codes of the errors of an item, by SKU. working_on: SKUs that it has not decided on yet.
    """

    url: str = ""
    item_errors: dict[str, list[str]] = field(default_factory=dict)
    working_on: set[str] = field(default_factory=set)
    feeds: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    faults: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, Any, dict[str, str]]:
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append(f"{request.command} {parts.path}")
        if not request.headers["WM_QOS.CORRELATION_ID"] or not request.headers["WM_SVC.NAME"]:
            return 400, _error("MISSING_HEADER"), {}
        if parts.path == "/v3/token":
            return self._token(request, body)
        if self.faults:
            status, headers = self.faults.pop(0)
            return status, _error("FAULT"), headers
        if request.headers["WM_SEC.ACCESS_TOKEN"] != self.tokens[-1]:
            return 401, _error("UNAUTHORIZED"), {}
        match [request.command, *parts.path.strip("/").split("/")]:
            case ["POST", "v3", "feeds"]:
                return self._take(query, body)
            case ["GET", "v3", "feeds", feed_id] if "@" not in feed_id:
                return self._status(unquote(feed_id), int(query["offset"]), int(query["limit"]))
            case ["POST", "v3", "items", "spec"]:
                return self._spec(json.loads(body))
        return 404, _error("NOT_FOUND"), {}

    def _token(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, Any, dict[str, str]]:
        login = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers["Authorization"] != f"Basic {login}" or body != b"grant_type=client_credentials":
            return 401, _error("INVALID_CLIENT"), {}
        self.tokens.append(f"a-token-{len(self.tokens)}")
        return 200, {"access_token": self.tokens[-1], "token_type": "Bearer", "expires_in": 900}, {}

    def _take(self, query: dict[str, str], body: bytes) -> tuple[int, Any, dict[str, str]]:
        # The one part of a multipart body lies between its headers and the closing boundary.
        content = json.loads(body.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0])
        feed_id = f"FEED{len(self.feeds)}@AX8BCgA"
        self.feeds[feed_id] = {
            "type": query["feedType"],
            "skus": [item["Orderable"]["sku"] for item in content["MPItem"]],
        }
        return 200, {"feedId": feed_id}, {}

    def _status(self, feed_id: str, offset: int, limit: int) -> tuple[int, Any, dict[str, str]]:
        if feed_id not in self.feeds or limit > 50:
            return 400, _error("INVALID_REQUEST"), {}
        skus = self.feeds[feed_id]["skus"]
        items = [self._item(sku) for sku in skus[offset : offset + limit]]
        details = {"itemDetails": {"itemIngestionStatus": items}}
        return 200, {"feedId": feed_id, "feedStatus": "PROCESSED", "itemsReceived": len(skus)} | details, {}

    def _item(self, sku: str) -> dict[str, Any]:
        if sku in self.working_on:
            return {"sku": sku, "ingestionStatus": "INPROGRESS", "ingestionErrors": {}}
        errors = [
            {"type": "DATA_ERROR", "code": code, "field": "productId", "description": "It is wrong."}
            for code in self.item_errors.get(sku, ())
        ]
        status = "DATA_ERROR" if errors else "SUCCESS"
        return {"sku": sku, "ingestionStatus": status, "ingestionErrors": {"ingestionError": errors} if errors else {}}

    def _spec(self, wanted: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        names = wanted["productTypes"]
        if len(names) > 20:
            return 400, _error("TOO_MANY_TYPES"), {}
        schema = spec_content(wanted["version"], **{name: product_type() for name in names if name != "Nothing"})
        if "Nothing" in names:
            return 207, {"schema": schema} | _error("INVALID_PRODUCT_TYPE"), {}
        return 200, {"schema": schema}, {}


def _error(code: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "description": "So it is."}]}


@contextmanager
def fake_marketplace() -> Iterator[FakeMarketplace]:
    fake = FakeMarketplace()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content, headers = fake.answer(self, body)
            if status == 0:
                # Closed without an answer.
                return
            data = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _do  # noqa: N815 - http.server calls them by these names

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

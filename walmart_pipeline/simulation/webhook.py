"""The receiver of alerts in a simulated week: a webhook on loopback that keeps each message as a line of a file."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Webhook(AbstractContextManager["Webhook"]):
    """Takes what apprise's `json://` sends. file: gets a line of JSON for each message."""

    def __init__(self, file: Path) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with file.open("ab") as messages:
                    messages.write(body.replace(b"\n", b" ") + b"\n")
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        file.touch()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

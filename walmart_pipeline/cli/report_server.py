"""Serves a workspace's reports to browsers on this machine, beside Dagster's UI: a file:// link is dead there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from walmart_pipeline.core.settings import Settings

# The folders of a workspace with something to read.
SERVED = ("reports", "datasets")
# Types by suffix: pages and plots. The datasets themselves, the products of a retailer, are not for a browser.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
LOOPBACK = ("127.0.0.1", "localhost")


class ReportHandler(SimpleHTTPRequestHandler):
    """GET and HEAD of the pages and plots below SERVED; everything else is not found."""

    def __init__(self, *arguments: object, workspace: Path) -> None:
        self.workspace = workspace.resolve()
        super().__init__(*arguments)  # type: ignore[arg-type] # the server passes what its base class expects

    def send_head(self):  # type: ignore[no-untyped-def] # typeshed's return type is private
        """Refuse requests by another host name: a page of the internet may have pointed its own name here."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host not in LOOPBACK or Path(self.translate_path(self.path)).is_dir():
            self.send_error(404)
            return None
        return super().send_head()

    def translate_path(self, path: str) -> str:
        """Map a URL to a file that may be served; anything else to a file that does not exist."""
        wanted = (self.workspace / unquote(urlsplit(path).path).lstrip("/")).resolve()
        folders = [(self.workspace / name).resolve() for name in SERVED]
        is_served = wanted.suffix in TYPES and any(wanted.is_relative_to(folder) for folder in folders)
        return str(wanted if is_served else self.workspace / "no such report")

    def guess_type(self, path: str | os.PathLike[str]) -> str:
        """Return the type by TYPES."""
        return TYPES.get(Path(path).suffix, "application/octet-stream")

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing: the terminal shows Dagster's log."""


def server(workspace: Path, port: int) -> ThreadingHTTPServer:
    """Listen on the loopback interface. Raises OSError if the port is taken."""
    return ThreadingHTTPServer(("127.0.0.1", port), partial(ReportHandler, workspace=workspace))


def start(settings: Settings) -> str | None:
    """Serve the reports in a process that ends with this one. Returns why not, or None.

    Nothing is started where `reports_url` names another machine: then something else serves them.
    """
    url = urlsplit(settings.reports_url)
    if url.hostname not in LOOPBACK:
        return None
    port = url.port or 80
    try:
        server(settings.workspace, port).server_close()
    except OSError as error:
        return f"port {port} is taken ({error.strerror}): links to reports lead there; set WALMART_REPORTS_URL"
    arguments = [sys.executable, "-m", __name__, str(settings.workspace), str(port)]
    child = subprocess.Popen(arguments, stdin=subprocess.PIPE)  # noqa: S603 - our own module
    if child.stdin:
        # The child ends when this end of the pipe is closed: by the end of the program that this process becomes.
        os.set_inheritable(child.stdin.fileno(), True)
    return None


def main() -> None:
    """Serve until standard input ends."""
    served = server(Path(sys.argv[1]), int(sys.argv[2]))
    threading.Thread(target=served.serve_forever, daemon=True).start()
    try:
        sys.stdin.read()
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()

"""Serves a workspace's reports to browsers, where a file:// link of Dagster's UI is dead; its health; the manual."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from collections.abc import Collection
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from walmart_pipeline.automation import documentation
from walmart_pipeline.automation.health import Health, HealthMonitor
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
HEALTH = "/health"


class ReportHandler(SimpleHTTPRequestHandler):
    """GET and HEAD of the health, and of the pages and plots below SERVED, and of the manual at `/docs`.

    `/health` has every check, `/health/warehouse` and so on one of them: 200 if it is well, else 503.
    hosts: names by which reports are served.
    """

    def __init__(self, *arguments: object, workspace: Path, hosts: Collection[str], health: HealthMonitor) -> None:
        self.workspace = workspace.resolve()
        self.hosts = hosts
        self.health = health
        super().__init__(*arguments)  # type: ignore[arg-type] # the server passes what its base class expects

    def send_head(self):  # type: ignore[no-untyped-def] # typeshed's return type is private
        """Refuse requests by another host name: a page of the internet may have pointed its own name here."""
        path = urlsplit(self.path).path.rstrip("/")
        if path == HEALTH or path.startswith(f"{HEALTH}/"):
            # By any name: a load balancer uses an address, and there is nothing to hide.
            return self._send_health(path.removeprefix(HEALTH).removeprefix("/"))
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host in self.hosts and path == documentation.PAGE:
            return self._send(200, TYPES[".html"], documentation.page().encode())
        if host not in self.hosts or Path(self.translate_path(self.path)).is_dir():
            self.send_error(404)
            return None
        return super().send_head()

    def _send_health(self, check: str) -> io.BytesIO | None:
        found = self.health.current()
        if check and check not in found.checks:
            self.send_error(404)
            return None
        if check:
            chosen = {check: found.checks[check]}
            found = Health(healthy=chosen[check].ok, checked_at=found.checked_at, checks=chosen)
        body = found.model_dump_json(indent=2).encode() + b"\n"
        return self._send(200 if found.healthy else 503, "application/json", body)

    def _send(self, status: int, type: str, body: bytes) -> io.BytesIO:
        self.send_response(status)
        for name, value in {"Content-Type": type, "Cache-Control": "no-store"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

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


def server(settings: Settings, port: int, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """Listen on an address, by default of this machine only. Raises OSError if the port is taken."""
    hosts = {*LOOPBACK, urlsplit(settings.reports_url).hostname or "localhost"}
    handler = partial(ReportHandler, workspace=settings.workspace, hosts=hosts, health=HealthMonitor(settings))
    return ThreadingHTTPServer((host, port), handler)


def start(settings: Settings) -> str | None:
    """Serve the reports in a process that ends with this one. Returns why not, or None.

    Nothing is started where `reports_url` names another machine: then something else serves them.
    """
    url = urlsplit(settings.reports_url)
    if url.hostname not in LOOPBACK:
        return None
    port = url.port or 80
    try:
        server(settings, port).server_close()
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
    served = server(Settings(workspace=Path(sys.argv[1])), int(sys.argv[2]))
    threading.Thread(target=served.serve_forever, daemon=True).start()
    try:
        sys.stdin.read()
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()

"""The reports over HTTP: pages and plots of the workspace, and nothing else of it."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_pipeline.automation import documentation
from walmart_pipeline.cli import report_server
from walmart_pipeline.core.settings import Settings


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    for name, text in {
        "reports/evaluation.html": "<p>9 points better</p>",
        "reports/plot.svg": "<svg/>",
        "datasets/v1/DATACARD.md": "# Data card",
        "datasets/v1/training_data.json": "[]",
        "warehouse.duckdb": "rows",
        "secret.html": "key",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "reports" / "link.html").symlink_to(tmp_path / "secret.html")
    server = report_server.server(Settings(workspace=tmp_path), 0)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def get(port: int, path: str, *, host: str = "127.0.0.1", method: str = "GET") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers={"Host": f"{host}:{port}"})
    answer = connection.getresponse()
    found = answer.status, str(answer.getheader("Content-Type")), answer.read().decode()
    connection.close()
    return found


def test_pages_plots_and_data_cards_open_in_a_browser(port: int) -> None:
    assert get(port, "/reports/evaluation.html?a=1") == (200, "text/html; charset=utf-8", "<p>9 points better</p>")
    assert get(port, "/reports/plot.svg")[:2] == (200, "image/svg+xml")
    assert get(port, "/datasets/v1/DATACARD.md", host="localhost")[:2] == (200, "text/plain; charset=utf-8")


def test_the_manual_opens_without_the_internet_at_the_section_of_every_group_of_assets(port: int) -> None:
    """Its links to files, which are not served, are no links there."""
    status, kind, page = get(port, "/docs")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert all(f'id="{section}"' in page for section in documentation.SECTIONS.values())
    assert not re.search(r'src=|href="(?!https://)', page)
    assert get(port, "/docs", host="pointed.here.example")[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/reports/",
        "/reports",
        "/warehouse.duckdb",
        "/secret.html",
        "/reports/../secret.html",
        "/reports/%2e%2e/secret.html",
        "/reports/link.html",
        "/datasets/v1/training_data.json",
        "/../../etc/passwd",
        "/reports/none.html",
    ],
)
def test_nothing_else_of_the_workspace_or_the_machine_is_served(port: int, path: str) -> None:
    assert get(port, path)[0] == 404


def test_another_name_for_this_machine_and_writing_are_refused(port: int) -> None:
    """A page of the internet can point its own host name here; a browser then sends that name."""
    assert get(port, "/reports/evaluation.html", host="attacker.example")[0] == 404
    assert get(port, "/reports/evaluation.html", method="POST")[0] == 501


def test_a_taken_port_is_reported_and_another_machines_reports_are_left_to_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert "is taken" in (report_server.start(Settings(reports_url=url)) or "")
    assert report_server.start(Settings(reports_url="https://reports.example")) is None

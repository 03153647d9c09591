"""The Studio as users start it, on a free port, and a browser to look at it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from walmart_pipeline_tests.conftest import CHROMIUM

START_SECONDS = 120
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def studio(workspace: Path, *, port: int | None = None, **environment: str) -> Iterator[str]:
    """Start it. Yields its address."""
    port = port or free_port()
    program = str(Path(sys.executable).with_name("walmart-pipeline"))
    process = subprocess.Popen(
        [program, "studio", "--port", str(port), "--home", str(workspace)],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(process, f"{url}/_stcore/health")
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(START_SECONDS)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    ends = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < ends:
        try:
            with urllib.request.urlopen(url):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise AssertionError(f"the Studio did not start: exit code {process.poll()}")


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def settle(page: Page) -> None:
    """Wait until the page shows what the latest action did."""
    page.wait_for_timeout(150)
    page.wait_for_selector(IDLE, timeout=180_000)

"""A run in a process of its own that is killed while it asks a server of the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from aiohttp import web

from walmart_pipeline_tests.llm.model_server import Handler
from walmart_pipeline_tests.paths import PROJECT


def run_and_be_killed(code: str, handlers: dict[str, Handler], path: str, *, first: bool) -> None:
    """Run code that is killed at its request to this path: before (`first`) or after the server has carried it out."""
    handler = handlers[path]

    async def kills(request: web.Request) -> web.StreamResponse:
        if not first:
            await handler(request)
        os.kill(process.pid, signal.SIGKILL)
        return web.Response()

    handlers[path] = kills
    process = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT)
    assert process.wait(60) == -signal.SIGKILL
    handlers[path] = handler

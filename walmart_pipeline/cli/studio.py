"""The commands `studio` and `studio users`."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from walmart_pipeline.cli.options import Home, settings_from
from walmart_pipeline.cli.terminal import console
from walmart_pipeline.core.warehouse import Warehouse

app = typer.Typer(invoke_without_command=True)


@app.callback(invoke_without_command=True)
def studio(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port of the Studio.")] = 8501,
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that others can reach needs sign-in.")
    ] = "127.0.0.1",
    home: Home = None,
) -> None:
    """Start the Studio: write, review, rate, export and understand listings in the browser."""
    from walmart_pipeline.core import workspace
    from walmart_pipeline.studio import server

    if context.invoked_subcommand:
        return
    chosen = settings_from(workspace=home)
    command = server.command(chosen, host=host, port=port)
    workspace.prepare(chosen)
    if chosen.warehouse.exists():
        # The Studio itself only reads: a warehouse of an older version is migrated here.
        with Warehouse(chosen.warehouse, chosen.warehouse_wait_seconds).reading():
            pass
    # Ignored in a background job of a shell: then nothing would stop it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    console.print(f"The Studio at http://{host}:{port} — stop it with Ctrl-C")
    os.execv(sys.executable, command)  # noqa: S606

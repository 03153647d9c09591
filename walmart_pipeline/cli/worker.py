"""The command `worker`: takes steps of runs from the queue."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from walmart_pipeline.cli.options import Home, fail, settings_from

app = typer.Typer()


@app.command()
def worker(
    name: Annotated[str | None, typer.Option(help="Name in the log of a run. Default: of this process.")] = None,
    home: Home = None,
) -> None:
    """Take steps of runs from the queue that WALMART_CELERY_BROKER names, one at a time; start one for each core.

    It needs the settings and the workspace of the runs. SIGTERM ends it after the step at hand.
    """
    from walmart_pipeline.core import workspace

    settings = settings_from(workspace=home)
    if settings.celery_broker is None:
        fail("no queue is named: set WALMART_CELERY_BROKER, such as redis://localhost:6379/0")
    workspace.prepare(settings)
    try:
        from walmart_pipeline.automation import celery_queue
    except ModuleNotFoundError as error:
        fail(f"{error.name} is not installed: pip install 'walmart-pipeline[scale]'")
    celery_queue.work(settings.celery_broker.get_secret_value(), name or f"worker-{os.getpid()}")

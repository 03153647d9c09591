"""Offers to pull a missing Ollama model before a run, with progress."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from walmart_pipeline.cli.terminal import console
from walmart_pipeline.core.settings import Settings

if TYPE_CHECKING:
    from walmart_pipeline.llm.clients.ollama import PullProgress

Report: TypeAlias = "Callable[[str, PullProgress], None]"

# Between two lines of a log; an hour's download makes 360.
LINE_SECONDS = 10.0


def offer(settings: Settings, *, pull: bool) -> None:
    """Pull the model that a run needs if an Ollama server lacks it.

    pull: without confirmation. Otherwise ask in a terminal; if there is none, or the user declines, do nothing: the run
    then fails with the remedy.
    """
    if not pull and not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    from walmart_pipeline.generation import ollama_models

    absent = ollama_models.missing(settings)
    if absent is None:
        return
    question = f"{absent.model} is not on {', '.join(absent.endpoints)}. Pull it now?"
    if not pull and not typer.confirm(question, default=False, err=True):
        return
    with _bars() if console.is_terminal else _lines() as report:
        ollama_models.pull(settings, absent, report)
    console.print(f"{absent.model} is pulled", markup=False, soft_wrap=True)


@contextmanager
def _bars() -> Iterator[Report]:
    with Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=24), TaskProgressColumn(), DownloadColumn(),
        console=console,
    ) as bars:  # fmt: skip
        layers: dict[tuple[str, str], TaskID] = {}

        def report(endpoint: str, step: PullProgress) -> None:
            if not step.total:
                bars.console.print(step.status, style="dim", markup=False)
                return
            layer = endpoint, step.status
            if layer not in layers:
                layers[layer] = bars.add_task(escape(step.status), total=step.total)
            bars.update(layers[layer], completed=step.completed)

        yield report


@contextmanager
def _lines() -> Iterator[Report]:
    """Print a line for each new step, and one every LINE_SECONDS in between."""
    status, printed = "", 0.0

    def report(endpoint: str, step: PullProgress) -> None:
        nonlocal status, printed
        now = time.monotonic()
        ended = step.total > 0 and step.completed == step.total
        if step.status == status and now - printed < LINE_SECONDS and not ended:
            return
        status, printed = step.status, now
        share = f": {step.completed:,} of {step.total:,} bytes, {step.completed / step.total:.0%}" if step.total else ""
        console.print(f"{endpoint}: {status}{share}", markup=False, highlight=False, soft_wrap=True)

    yield report

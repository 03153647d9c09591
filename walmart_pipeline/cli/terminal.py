"""Progress bars, and the summaries of runs as tables."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich import progress as progress_bars
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from walmart_pipeline.automation.retrain_summary import Retraining
from walmart_pipeline.automation.run_summary import Summary
from walmart_pipeline.core.progress import Advance, LogProgress, Progress

# Messages and progress.
console = Console(stderr=True)

# Results. Lines are not wrapped in files and pipes.
output = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 240)

REASONS_SHOWN = 8


class ConsoleHandler(logging.Handler):
    """Prints log messages above the progress bars."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message; see logging.Handler."""
        console.print(self.format(record), markup=False, highlight=False, soft_wrap=True)


class Bars:
    """Shows a progress bar for each long step of a run."""

    def __init__(self) -> None:
        self._bars = progress_bars.Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TaskProgressColumn(show_speed=True),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
        )

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    @contextmanager
    def step(self, label: str, total: int | None, log: Callable[[str], None]) -> Iterator[Advance]:
        """See walmart_pipeline.core.progress.Progress."""
        task = self._bars.add_task(label, total=total, note="")

        def advance(count: int, note: str = "") -> None:
            self._bars.update(task, advance=count, note=escape(note))

        yield advance
        self._bars.update(task, total=self._bars.tasks[task].completed)


def progress() -> AbstractContextManager[Progress]:
    """Progress bars in a terminal; lines if stderr is a file or a pipe."""
    if console.is_terminal:
        return Bars()
    return nullcontext(LogProgress(lambda line: console.print(line, markup=False)))


def show(summary: Summary) -> None:
    """Print the summary of a run."""
    for feed in summary.feeds:
        if feed.status not in ("read", "superseded", "removed"):
            console.print(f"[yellow]{feed.status}[/] {escape(feed.source_file)}: {escape(feed.detail)}", soft_wrap=True)
    _show_notice(summary)
    table = _facts("Summary")
    equation = f"{summary.products:,} products + {summary.rows_merged:,} merged + {summary.rows_rejected:,} rejected"
    table.add_row("rows in", f"{summary.rows_in:,} = {equation}")
    table.add_row("rejected", _listed(summary.rejects_by_reason))
    table.add_row("written now", f"{summary.planned:,} planned, {summary.calls:,} model calls, ${summary.cost_usd:.2f}")
    table.add_row(
        "texts",
        f"[green]{summary.accepted:,} accepted[/] · [yellow]{summary.needs_review:,} need review[/] · "
        f"[red]{summary.failed:,} failed[/]",
    )
    table.add_row("written by", _listed(summary.accepted_by_writer))
    if summary.stand_ins:
        table.add_row("", f"[yellow]{summary.stand_ins:,} by the template writer in place of a model[/]")
    if summary.waiting_by_batch:
        table.add_row("waiting in a batch", _listed(summary.waiting_by_batch))
    table.add_row("bands", _listed(summary.bands))
    table.add_row("need review", _listed(summary.review_by_reason))
    table.add_row("dataset", f"{summary.examples:,} examples")
    table.add_row("Modelfiles", escape("\n".join(summary.modelfiles)) or "none")
    if summary.examples_missing:
        missing = ", ".join(f"{tier}: {count:,} more" for tier, count in summary.examples_missing.items())
        table.add_row("not built", f"{missing} examples needed")
    table.add_row("exports", escape("\n".join(summary.exports)) or "none")
    table.add_row("report", escape(summary.report or "none"))
    table.add_row("time", f"{summary.seconds:,.1f} s, Dagster run {summary.run_id[:8]}")
    output.print(table)
    if summary.error:
        console.print(f"[red]failed[/] {escape(summary.error)}", soft_wrap=True)


def _show_notice(summary: Summary) -> None:
    if summary.notice:
        console.print(f"[yellow]writer[/] {escape(summary.notice)}", soft_wrap=True)


def show_plan(summary: Summary) -> None:
    """Print the plan of a run and its maximum cost."""
    _show_notice(summary)
    table = _facts("Plan")
    table.add_row("products", f"{summary.planned:,} of {summary.products:,}")
    table.add_row("reasons", _listed(summary.plan_by_reason))
    table.add_row("at most", f"{summary.calls_at_most:,} model calls, {summary.tokens_at_most:,} tokens")
    table.add_row("cost at most", f"${summary.cost_usd_at_most:,.2f}; answers in the ledger cost nothing")
    output.print(table)
    if summary.error:
        console.print(f"[red]failed[/] {escape(summary.error)}", soft_wrap=True)


def show_retraining(done: Retraining) -> None:
    """Print the summary of a retraining."""
    table = _facts("Summary")
    table.add_row("dataset", f"{done.dataset or 'none'}, {done.examples:,} examples")
    for found in done.tuned:
        better = (
            f"{_points(found.score)} with {escape(found.parameters)}, {_points(found.baseline_score)} with its defaults"
        )
        table.add_row(f"tuned {found.tier}", better)
    table.add_row("candidates", escape(", ".join(done.candidates)) or "none")
    for one in done.contenders:
        publishable = f"{one.publishable:,} of {one.products:,} publishable"
        row = f"{_points(one.mean_score)} · {publishable} · {one.without_text:,} without a text"
        table.add_row(escape(one.contender), row)
    for decision in done.decisions:
        colour = "green" if decision.verdict == "promoted" else "yellow"
        interval = (
            "" if decision.low is None or decision.high is None else f" ({decision.low:+.1f} to {decision.high:+.1f})"
        )
        against = f"{decision.difference or 0:+.1f}{interval} against {escape(decision.reference)}"
        table.add_row(f"[{colour}]{decision.verdict}[/]", f"{escape(decision.candidate)}: {against}")
        for reason in decision.reasons:
            table.add_row("", escape(reason))
    table.add_row("champion", escape(done.champion or "none: providers use their own models"))
    table.add_row("calls", f"{done.calls:,} model calls, ${done.cost_usd:,.4f}")
    table.add_row("report", escape(done.report or "none"))
    table.add_row("time", f"{done.seconds:,.1f} s, Dagster run {done.run_id[:8]}")
    output.print(table)
    if done.error:
        console.print(f"[red]failed[/] {escape(done.error)}", soft_wrap=True)


def _facts(title: str) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _points(score: float | None) -> str:
    return "–" if score is None else f"{score:.1f}"


def _listed(counts: Mapping[str, int]) -> str:
    lines = [f"{count:,} × {escape(name)}" for name, count in list(counts.items())[:REASONS_SHOWN]]
    others = sum(list(counts.values())[REASONS_SHOWN:])
    return "\n".join([*lines, *([f"{others:,} × other reasons"] if others else [])]) or "none"

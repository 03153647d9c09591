"""The command line: results on stdout, messages on stderr; exit codes 0 done, 1 failed, 2 wrong usage.

A module holds the commands of one subject; the work itself is done elsewhere.
"""

from __future__ import annotations

import logging
from typing import Any

import typer
from typer.core import TyperGroup

from walmart_pipeline.cli import bench, dataset, feedback, feeds, generate, judge, models, pipeline, retrain
from walmart_pipeline.cli.options import fail
from walmart_pipeline.cli.terminal import ConsoleHandler
from walmart_pipeline.core.errors import UserError


class Commands(TyperGroup):
    """Prints an error that is meant for a user in one line, and ends with exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; warnings of the program are shown above its progress bars."""
        logger = logging.getLogger("walmart_pipeline")
        if not logger.handlers:
            # Without a handler of its own, warnings in a step would go to Dagster's event log alone.
            logger.addHandler(ConsoleHandler(logging.WARNING))
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # click ends quietly where the reader of a pipe has gone.
            raise
        except (UserError, OSError, UnicodeDecodeError) as error:
            fail(str(error))


app = typer.Typer(
    cls=Commands,
    name="walmart-pipeline",
    help="From a retailer's messy catalog to listings that Walmart.com accepts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(pipeline.app)
app.add_typer(feeds.app, name="feeds")
app.add_typer(generate.app)
app.add_typer(judge.app)
app.add_typer(judge.policy_app, name="policy")
app.add_typer(feedback.ratings, name="ratings")
app.add_typer(feedback.edits, name="edits")
app.add_typer(dataset.app, name="dataset")
app.add_typer(retrain.app)
app.add_typer(models.models, name="models")
app.add_typer(models.modelfile, name="modelfile")
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Entry point of `walmart-pipeline`."""
    app()

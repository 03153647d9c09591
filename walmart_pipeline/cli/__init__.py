"""The command line: results on stdout, messages on stderr; exit codes 0 success, 1 failure, 2 usage error."""

from __future__ import annotations

import logging
from typing import Any

import typer
from typer.core import TyperGroup

from walmart_pipeline.cli import (
    alerts,
    backup,
    bench,
    calibration,
    dataset,
    feedback,
    feeds,
    generate,
    insights,
    item_feed,
    judge,
    models,
    pipeline,
    retrain,
    review,
    simulate,
    studio,
    warehouse,
    worker,
)
from walmart_pipeline.cli.options import fail
from walmart_pipeline.cli.terminal import ConsoleHandler
from walmart_pipeline.core.errors import UserError


class Commands(TyperGroup):
    """Command group that prints a user error on one line and exits with 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, with the program's warnings shown above its progress bars."""
        logger = logging.getLogger("walmart_pipeline")
        if not logger.handlers:
            # Otherwise warnings logged in a step would only reach Dagster's event log.
            logger.addHandler(ConsoleHandler(logging.WARNING))
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # click exits quietly when the other end of a pipe is closed.
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
app.add_typer(backup.app)
app.add_typer(feeds.app, name="feeds")
app.add_typer(item_feed.feed, name="feed")
app.add_typer(item_feed.spec, name="spec")
app.add_typer(generate.app)
app.add_typer(judge.app)
app.add_typer(judge.policy_app, name="policy")
app.add_typer(calibration.app, name="judge")
app.add_typer(feedback.ratings, name="ratings")
app.add_typer(feedback.edits, name="edits")
app.add_typer(review.review, name="review")
app.add_typer(dataset.app, name="dataset")
app.add_typer(retrain.app)
app.add_typer(insights.app)
app.add_typer(alerts.app, name="alerts")
app.add_typer(models.models, name="models")
app.add_typer(models.modelfile, name="modelfile")
app.add_typer(studio.app, name="studio")
app.add_typer(bench.app, name="bench")
app.add_typer(simulate.app)
app.add_typer(warehouse.warehouse, name="warehouse")
app.add_typer(worker.app)


def main() -> None:
    """Entry point of `walmart-pipeline`."""
    app()

"""The command line.

Belongs here: arguments, where output goes, exit codes (0 done, 1 failed, 2 wrong usage). Does not: the work itself.
Messages go to stderr; stdout is for what a program reads. A module holds the commands of one subject.
"""

from __future__ import annotations

import typer

from walmart_pipeline.cli import bench, dataset, feeds, generate, judge, models, pipeline, ratings, retrain

app = typer.Typer(
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
app.add_typer(ratings.app, name="ratings")
app.add_typer(dataset.edits, name="edits")
app.add_typer(dataset.app, name="dataset")
app.add_typer(retrain.app)
app.add_typer(models.models, name="models")
app.add_typer(models.modelfile, name="modelfile")
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Entry point of `walmart-pipeline`."""
    app()

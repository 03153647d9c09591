"""Runs of the command line as Dagster's UI lists them."""

from __future__ import annotations

from walmart_pipeline import runner
from walmart_pipeline.automation import live_runs
from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline_tests.conftest import Pipeline


def test_a_run_of_the_command_line_is_in_the_timeline_and_says_what_it_is_about(pipeline: Pipeline) -> None:
    """The UI finds the runs of a job, and those of its timeline, by the repository's tag."""
    path = pipeline.ingest([], "supplier.jsonl")
    runner.run(pipeline.settings, catalog=[str(path)], plan_only=True, progress=LogProgress())
    with live_runs.instance(pipeline.settings) as instance:
        (run,) = instance.get_runs()
    assert run.tags[".dagster/repository"] == "__repository__@walmart_pipeline"
    assert (run.tags["walmart/feeds"], run.tags["walmart/reason"]) == ("supplier.jsonl", "plan only")

"""Runs of the command line as Dagster's UI lists them."""

from __future__ import annotations

from walmart_pipeline import runner
from walmart_pipeline.automation import live_runs
from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline_tests.conftest import Pipeline


def test_a_run_of_the_command_line_is_in_the_timeline_and_says_what_it_is_about(pipeline: Pipeline) -> None:
    """The UI finds the runs of a job by the repository's tag, and puts those with an origin into its timeline."""
    path = pipeline.ingest([], "supplier.jsonl")
    runner.run(pipeline.settings, catalog=[str(path)], plan_only=True, progress=LogProgress())
    with live_runs.instance(pipeline.settings) as instance:
        (run,) = instance.get_runs()
    assert run.remote_job_origin
    assert run.remote_job_origin.location_name == "walmart_pipeline"
    assert run.tags["dagster/max_retries"] == "0", "the daemon would start a killed run of a terminal again"
    assert run.tags[".dagster/repository"] == "__repository__@walmart_pipeline"
    assert (run.tags["walmart/feeds"], run.tags["walmart/reason"]) == ("supplier.jsonl", "plan only")

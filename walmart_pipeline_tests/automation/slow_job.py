"""A program that runs a job of one slow step, as the UI's run workers and `dg launch` do: DAGSTER_HOME, job, pool."""

from __future__ import annotations

import sys
import time

import dagster as dg

from walmart_pipeline.automation.executor import supervised_executor


def _sleep() -> None:
    print("working", flush=True)
    for _ in range(600):
        time.sleep(0.1)


@dg.op(pool="warehouse")
def in_the_pool() -> None:
    _sleep()


@dg.op
def outside_of_pools() -> None:
    _sleep()


@dg.op
def deaf() -> None:
    """Like a call in C that does not come back."""
    while True:
        try:
            _sleep()
        except dg.DagsterExecutionInterruptedError:
            print("interrupted", flush=True)


def pipeline_in_pool() -> dg.JobDefinition:
    return dg.GraphDefinition("g", node_defs=[in_the_pool]).to_job("pipeline", executor_def=supervised_executor)


def pipeline() -> dg.JobDefinition:
    return dg.GraphDefinition("g", node_defs=[outside_of_pools]).to_job("pipeline", executor_def=supervised_executor)


def retrain_in_pool() -> dg.JobDefinition:
    return dg.GraphDefinition("g", node_defs=[in_the_pool]).to_job("retrain", executor_def=supervised_executor)


def deaf_pipeline() -> dg.JobDefinition:
    return dg.GraphDefinition("g", node_defs=[deaf]).to_job("pipeline", executor_def=supervised_executor)


if __name__ == "__main__":
    job = dg.reconstructable(globals()[sys.argv[2]])
    with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
        dg.execute_job(job, instance=instance, raise_on_error=False)

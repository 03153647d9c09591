"""The run launcher that dagster.yaml names: Dagster's own, which also notices that a run's process was killed."""

from __future__ import annotations

import os
import signal

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG

from walmart_pipeline.automation import live_runs


class SupervisedRunLauncher(dg.DefaultRunLauncher):
    """For run monitoring and for Terminate, of runs of the UI and of the command line alike."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Dagster's own launcher has no check, so that run monitoring would never look."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Marks dead runs as failed by itself, with the reason, and frees their places in the pools."""
        if run.run_id in live_runs.reap_dead_runs(self._instance):
            return CheckRunHealthResult(WorkerStatus.FAILED, live_runs.KILLED)
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def terminate(self, run_id: str) -> bool:
        """Dead runs end at once; a command line's run gets the signal that Ctrl-C would send it."""
        if run_id in live_runs.reap_dead_runs(self._instance):
            return True
        run = self._instance.get_run_by_id(run_id)
        process = live_runs.process_of(self._instance, run_id)
        if run and process and GRPC_INFO_TAG not in run.tags:
            self._instance.report_run_canceling(run)
            os.kill(process, signal.SIGINT)
            return True
        return bool(super().terminate(run_id))  # type: ignore[no-untyped-call] # dagster's has no types

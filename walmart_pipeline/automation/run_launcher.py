"""The run launcher named in dagster.yaml: Dagster's default, extended to detect killed processes."""

from __future__ import annotations

import os
import signal

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG

from walmart_pipeline.automation import live_runs


class SupervisedRunLauncher(dg.DefaultRunLauncher):
    """Supports run monitoring and Terminate for runs of the UI and of the command line."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Enable run monitoring, which Dagster's default launcher does not support."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Check a run; dead runs are marked as failed, with the reason, and their pool slots freed."""
        if run.run_id in live_runs.reap_dead_runs(self._instance):
            return CheckRunHealthResult(WorkerStatus.FAILED, live_runs.KILLED)
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def terminate(self, run_id: str) -> bool:
        """End a dead run immediately, and send SIGINT to a run of the command line."""
        if run_id in live_runs.reap_dead_runs(self._instance):
            return True
        run = self._instance.get_run_by_id(run_id)
        process = live_runs.process_of(self._instance, run_id)
        if run and process and GRPC_INFO_TAG not in run.tags:
            self._instance.report_run_canceling(run)
            os.kill(process, signal.SIGINT)
            return True
        return bool(super().terminate(run_id))  # type: ignore[no-untyped-call] # dagster's has no types

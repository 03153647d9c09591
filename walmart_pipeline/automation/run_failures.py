"""Why a run failed: its first failed step and the root error."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dagster import DagsterEvent
    from dagster_shared.error import SerializableErrorInfo

# Dagster's error for a run that was stopped by Ctrl-C, a signal, or the UI.
INTERRUPTED = "DagsterExecutionInterruptedError"

# Removed from messages: errors for users are shown without their class.
USER_ERROR = re.compile(r"^(dagster\.\S+\.Failure|walmart_pipeline\.\S+Error): ")


class RunFailure(NamedTuple):
    """step: the asset's key with slashes; empty where the run failed outside of its steps."""

    step: str
    reason: str

    def __str__(self) -> str:
        if INTERRUPTED in self.reason:
            return f"stopped at {self.step}; completed work is saved: run again to continue"
        return f"{self.step}: {self.reason}" if self.step else self.reason


def failure(events: Iterable[DagsterEvent]) -> RunFailure:
    """Return the first failure among the events of a run; of a blocking check, what it found."""
    found: list[str] = []
    for event in events:
        if event.event_type_value == "ASSET_CHECK_EVALUATION":
            check = event.asset_check_evaluation_data
            if check.blocking and not check.passed and check.severity.value == "ERROR":
                found.append(f"{check.check_name}: {check.description or 'failed'}")
        if event.is_step_failure and found:
            return RunFailure((event.step_key or "").replace("__", "/"), "; ".join(found))
        if event.is_step_failure:
            return RunFailure((event.step_key or "").replace("__", "/"), _root(event.step_failure_data.error))
        if event.is_job_failure:
            error = event.job_failure_data.error
            return RunFailure("", _root(error) if error else event.message or "no message")
    return RunFailure("", "the run failed without an error: see its log in the UI (`walmart-pipeline dev`)")


def _root(error: SerializableErrorInfo | None) -> str:
    while error and error.cause:
        error = error.cause
    return USER_ERROR.sub("", error.message.strip()) if error else "no message"

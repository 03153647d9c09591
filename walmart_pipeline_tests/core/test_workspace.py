"""A prepared workspace, and what the processes that are started in it inherit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from walmart_pipeline.core import workspace
from walmart_pipeline.core.settings import Settings
from walmart_pipeline_tests.paths import PROJECT

TIMEOUT = "DAGSTER_GRPC_TIMEOUT_SECONDS"


def test_a_run_that_starts_slowly_on_a_busy_machine_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Starting a run took 101 s beside 30 processes: the daemon gave it up after 60 s, and alerted."""
    for name in ("WALMART_HOME", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv(TIMEOUT, "900")
    workspace.prepare(Settings(workspace=tmp_path))
    assert os.environ[TIMEOUT] == "900", "what the user has set stays"
    monkeypatch.delenv(TIMEOUT)
    workspace.prepare(Settings(workspace=tmp_path))
    assert int(os.environ[TIMEOUT]) > 101
    for service in ("deploy/compose.yaml", "deploy/systemd/walmart-daemon.service"):
        assert TIMEOUT in (PROJECT / service).read_text(encoding="utf-8")

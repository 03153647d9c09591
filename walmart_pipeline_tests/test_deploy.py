"""The files of deploy/: what can be tried without Docker and a machine of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.workspace.load import location_origins_from_yaml_paths
from dotenv import dotenv_values

from walmart_pipeline.core import workspace
from walmart_pipeline.core.settings import Settings
from walmart_pipeline_tests.paths import BIN, PROJECT

DEPLOY = PROJECT / "deploy"
# Named in every URL: with SQLAlchemy's own choice Dagster's storage fails at the first event.
DRIVER = "postgresql+psycopg2"
PREFIX = "/opt/walmart-pipeline"


@dg.job
def tiny() -> None:
    """A run with no step."""


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


def units() -> dict[str, str]:
    return {path.name: path.read_text() for path in (DEPLOY / "systemd").iterdir()}


def test_services_have_the_same_instance_as_a_workspace_except_for_its_storage() -> None:
    ours, theirs = (yaml.safe_load(path.read_text()) for path in (workspace.INSTANCE_CONFIG, DEPLOY / "dagster.yaml"))
    assert theirs.pop("storage") == {"postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}}}
    assert theirs == ours


def test_runs_and_events_are_stored_in_postgres_and_seen_by_other_processes(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", postgres.replace("postgresql:", f"{DRIVER}:"))
    shutil.copy(DEPLOY / "dagster.yaml", tmp_path)
    one, other = (dg.DagsterInstance.from_config(str(tmp_path)) for _ in range(2))
    try:
        run_id = tiny.execute_in_process(instance=one).run_id
        run = other.get_run_by_id(run_id)
        assert run
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert other.all_logs(run_id)
    finally:
        one.dispose()
        other.dispose()
    assert not list(tmp_path.rglob("*.db"))


def test_the_code_location_has_the_name_by_which_schedules_keep_their_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_CODE_HOST", "code.example")
    (origin,) = location_origins_from_yaml_paths([str(DEPLOY / "workspace.yaml")])
    assert (origin.location_name, origin.host) == (workspace.LOCATION_NAME, "code.example")  # type: ignore[attr-defined]


def test_compose_and_systemd_start_the_same_programs_which_exist() -> None:
    names = {"code", "webserver", "daemon", "reports", "studio"}
    containers = {name: service["command"].split() for name, service in compose()["services"].items() if name in names}
    commands = {name: re.search(r"^ExecStart=(.+)$", units()[f"walmart-{name}.service"], re.M) for name in names}
    assert containers.keys() == names
    for name, container in containers.items():
        found = commands[name]
        assert found
        unit = found[1].removeprefix(f"{PREFIX}/.venv/bin/").split()
        files = [f"{PREFIX}/deploy/workspace.yaml", "/etc/walmart-pipeline/workspace.yaml"]
        assert [word for word in unit if word not in (files[0], "127.0.0.1")] == [
            word for word in container if word not in (files[1], "0.0.0.0")
        ]
        assert (BIN / container[0]).exists()


def test_the_studio_of_a_service_lets_nobody_in_without_sign_in() -> None:
    """Behind a proxy everybody would be the account that runs it."""
    unit = units()["walmart-studio.service"]
    assert re.search(r"^Environment=WALMART_STUDIO_URL=\S+$", unit, re.M)
    assert "--host 0.0.0.0" in compose()["services"]["studio"]["command"]


def test_what_compose_needs_is_in_the_example_of_its_environment() -> None:
    example = dotenv_values(DEPLOY / ".env.example")
    text = (DEPLOY / "compose.yaml").read_text()
    assert set(re.findall(r"\$\{(\w+)\}", text)) <= example.keys()
    assert example["DAGSTER_POSTGRES_URL"].startswith(f"{DRIVER}://")  # type: ignore[union-attr]
    assert f"DAGSTER_POSTGRES_URL: {DRIVER}://" in text
    assert not re.search(r'ports: \["(?!127\.0\.0\.1:)', text), "open to the network, without sign-in"
    volumes = [each.partition(":")[0] for service in compose()["services"].values() for each in service["volumes"]]
    assert {name for name in volumes if not name.startswith(".")} == compose()["volumes"].keys()
    mentioned = re.findall(r"^#? ?(WALMART_\w+)=", (DEPLOY / ".env.example").read_text(), re.M)
    assert {name.removeprefix("WALMART_").lower() for name in mentioned} <= Settings.model_fields.keys()


def test_the_units_have_no_fault(tmp_path: Path) -> None:
    for name, text in units().items():
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert all(re.fullmatch(r"\[(Unit|Service|Timer|Install)\]|[A-Z][A-Za-z]+=.+", line) for line in lines), name
        assert "ExecStart=" in text or not name.endswith(".service")
        (tmp_path / name).write_text(text.replace(f"{PREFIX}/.venv/bin", str(BIN)))
    if shutil.which("systemd-analyze"):
        files = [str(path) for path in tmp_path.iterdir()]
        done = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")

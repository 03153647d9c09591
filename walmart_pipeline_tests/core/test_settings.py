"""Settings, as the environment gives them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from walmart_pipeline.core.settings import Settings, load
from walmart_pipeline_tests.paths import PROJECT


def test_other_programs_variables_do_not_move_the_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    """HOME was once taken for WALMART_HOME, and a whole warehouse written to a user's home folder."""
    monkeypatch.delenv("WALMART_HOME", raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("WORKSPACE", "/of/a/ci/server")
    assert load().workspace == PROJECT / "data"


def test_walmart_home_moves_the_workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WALMART_HOME", str(tmp_path))
    assert load().warehouse == tmp_path / "warehouse.duckdb"
    assert load().modelfiles == tmp_path / "modelfiles"


def test_an_installed_wheel_keeps_its_data_in_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """site-packages was once the default workspace: an upgrade would have deleted the warehouse."""
    installed, work = tmp_path / "site-packages", tmp_path / "work"
    shutil.copytree(PROJECT / "walmart_pipeline", installed / "walmart_pipeline")
    work.mkdir()
    (work / ".env").write_text("WALMART_POLICY=walmart-classic\n")
    code = "from walmart_pipeline.core.settings import load; s = load(); print(s.workspace, s.policy, s.modelfiles)"
    monkeypatch.delenv("WALMART_HOME", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(installed))
    done = subprocess.run([sys.executable, "-c", code], cwd=work, capture_output=True, text=True, check=True)
    home = work / "walmart_data"
    assert done.stdout.split() == [str(home), "walmart-classic", str(home / "modelfiles")]


def test_published_names_are_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://gpu-1:11434")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    monkeypatch.setenv("ENVIRONMENT", "production")
    settings = load()
    assert settings.ollama_base_url == "http://gpu-1:11434"
    assert settings.environment == "production"
    assert "sk-planted" not in repr(settings)


def test_a_relative_workspace_becomes_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(workspace=Path("here")).workspace == tmp_path / "here"

"""The package as others install it: a wheel, its dependencies, and the lock."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from walmart_pipeline_tests.conftest import KETTLE
from walmart_pipeline_tests.paths import BIN, PROJECT

LOCK = PROJECT / "requirements.lock"
METADATA = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {name: [Requirement(line) for line in lines] for name, lines in METADATA["optional-dependencies"].items()}
DEPENDENCIES = [Requirement(line) for line in METADATA["dependencies"]]


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, list[str]]:
    """Versions by package: some are locked once for each range of Python versions."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(normalized(name), []).append(version)
    return found


def test_the_lock_satisfies_every_dependency_and_names_no_registry() -> None:
    versions = locked()
    for requirement in [*DEPENDENCIES, *chain(*EXTRAS.values())]:
        if requirement.name != METADATA["name"]:
            assert all(requirement.specifier.contains(version) for version in versions[normalized(requirement.name)])
    assert "://" not in LOCK.read_text(encoding="utf-8")


def test_every_library_that_the_package_imports_is_declared() -> None:
    """A library that only came with another one would be missing on the day when that one no longer needs it."""
    extras = chain(*(requirements for extra, requirements in EXTRAS.items() if extra != "dev"))
    declared = {normalized(each.name) for each in [*DEPENDENCIES, *extras]}
    # Parts of the interfaces of dagster, jinja2 and pydantic.
    declared |= {"dagster-shared", "markupsafe", "pydantic-core"}
    distributions = packages_distributions()
    for path in sorted((PROJECT / "walmart_pipeline").rglob("*.py")):
        for module in imported_modules(path):
            if module not in sys.stdlib_module_names and module != "walmart_pipeline":
                names = {normalized(name) for name in distributions[module]}
                assert names & declared, f"{path.relative_to(PROJECT)} imports {module}"


def imported_modules(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def uv(*arguments: str | Path, folder: Path) -> None:
    """Run `uv pip` with what its cache holds, else from the registry."""
    for options in (["--offline"], []):
        done = subprocess.run(
            [BIN / "uv", "pip", *arguments, *options], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return
    raise AssertionError(done.stderr)


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment without any package."""
    subprocess.run([BIN / "uv", "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True)
    return tmp_path / "venv"


@pytest.mark.drill
def test_the_lock_installs_outside_the_project_without_compiling_anything(environment: Path, tmp_path: Path) -> None:
    """The weights of the embedded model once came with a copy of llama.cpp to compile, which took ten minutes."""
    python = environment / "bin" / "python"
    uv("install", "--dry-run", "--only-binary", ":all:", "--python", python, "-r", LOCK, folder=tmp_path)


@pytest.mark.drill
def test_an_installed_wheel_runs_a_catalog_and_serves_dagster(environment: Path, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(build, cwd=PROJECT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    uv("install", "--python", environment / "bin" / "python", "--constraint", LOCK, wheel, folder=tmp_path)

    program = environment / "bin" / "walmart-pipeline"
    work = tmp_path / "work"
    work.mkdir()
    (work / "feed.jsonl").write_text(json.dumps(KETTLE) + "\n", encoding="utf-8")
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("WALMART_", "PYTHON", "DAGSTER"))
    }
    help_text = subprocess.run([program, "--help"], cwd=work, env=clean, capture_output=True, text=True, check=True)
    assert "run" in help_text.stdout

    arguments = [program, "run", "--catalog", "feed.jsonl", "--provider", "template", "--json"]
    done = subprocess.run(arguments, cwd=work, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["accepted"] == 1
    assert (work / "walmart_data" / "exports" / "listings.jsonl").is_file()
    assert not list(environment.rglob("warehouse.duckdb"))

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path / "dev.log").open("w") as log:
        process = subprocess.Popen(
            [program, "dev", "--port", str(port)], cwd=work, env=clean, stdout=log, stderr=log, start_new_session=True
        )
    try:
        locations = code_locations(f"http://127.0.0.1:{port}", process)
        assert locations == [{"name": "walmart_pipeline", "locationOrLoadError": {"__typename": "RepositoryLocation"}}]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
    shutil.rmtree(environment)


def code_locations(address: str, process: subprocess.Popen[bytes]) -> Any:
    """The code locations that Dagster has loaded, once it has."""
    query = (
        "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus "
        "locationOrLoadError { __typename } } } } }"
    )
    request = urllib.request.Request(
        f"{address}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    for _ in range(240):
        assert process.poll() is None, "walmart-pipeline dev ended by itself"
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                entries = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
        except OSError:
            entries = []
        if entries and all(entry.pop("loadStatus") == "LOADED" for entry in entries):
            return entries
        time.sleep(0.5)
    raise AssertionError(f"no code location was loaded at {address}")

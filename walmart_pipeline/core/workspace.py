"""A workspace: the folder that holds inbox, warehouse, exports and Dagster's own files."""

from __future__ import annotations

import os
import shutil

from walmart_pipeline.core.settings import PROJECT, Settings

DAGSTER_YAML = PROJECT / "data" / "dagster_home" / "dagster.yaml"


def prepare(settings: Settings) -> None:
    """Make what is missing of a home, and point this process and its children at it."""
    settings.inbox.mkdir(parents=True, exist_ok=True)
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    instance_yaml = settings.dagster_home / DAGSTER_YAML.name
    if not instance_yaml.exists():
        shutil.copyfile(DAGSTER_YAML, instance_yaml)
    os.environ["WALMART_HOME"] = str(settings.home)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)

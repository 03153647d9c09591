"""A workspace: the folder that holds inbox, warehouse, exports and Dagster's own files."""

from __future__ import annotations

import os
import shutil

from walmart_pipeline.core.settings import PACKAGE, Settings

INSTANCE_CONFIG = PACKAGE / "dagster.yaml"
CODE_LOCATIONS = PACKAGE / "workspace.yaml"


def prepare(settings: Settings) -> None:
    """Create what is missing of a workspace, and point this process and its children at it."""
    settings.inbox.mkdir(parents=True, exist_ok=True)
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    instance_yaml = settings.dagster_home / INSTANCE_CONFIG.name
    if not instance_yaml.exists():
        shutil.copyfile(INSTANCE_CONFIG, instance_yaml)
    os.environ["WALMART_HOME"] = str(settings.workspace)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)

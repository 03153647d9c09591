"""A home: the folder that holds inbox, warehouse, exports and Dagster's instance.

Belongs here: making one, and opening its Dagster instance. Does not: what is in its parts.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from walmart_pipeline.settings import PROJECT, Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

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


@contextmanager
def instance(settings: Settings) -> Iterator[DagsterInstance]:
    """The Dagster instance of a home: the one that its UI shows."""
    import dagster as dg

    prepare(settings)
    # Not entered as a context manager: dagster 1.13 enters it again for a run or a tick, and an instance that was
    # entered twice stays behind as the one that later definitions are loaded with, though it is closed.
    opened = dg.DagsterInstance.from_config(str(settings.dagster_home))
    try:
        yield opened
    finally:
        opened.dispose()

"""A workspace: the folder that holds inbox, warehouse, exports and Dagster's own files."""

from __future__ import annotations

import os
from hashlib import sha256

from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.core.settings import PACKAGE, Settings

INSTANCE_CONFIG = PACKAGE / "dagster.yaml"
CODE_LOCATIONS = PACKAGE / "workspace.yaml"
# As both workspace.yaml and pyproject.toml call the code.
LOCATION_NAME = "walmart_pipeline"
# Beside feeds: listings that people or other writers wrote, imported as reviewers' edits. It is no feed.
EDITS_FILE = "edits.jsonl"

# As long as run monitoring waits for a run to start. Dagster's 60 s for the request are too few on a busy machine: on
# two cores with 30 processes it took 100 s, and the run was marked as failed.
LAUNCH_SECONDS = "180"

# SHA-256 of the files that earlier versions wrote: an unchanged one is replaced by the current file.
EARLIER_INSTANCE_CONFIGS = (
    "658e4b80028a86bb08caded221e007b294689bdd289e92068fc867e73c1f09b8",
    "ec0d625c086e8b883f283883488571c221bec36d47f1719daab685758711fa54",
)


def prepare(settings: Settings) -> None:
    """Create missing parts of a workspace, and configure this process and its children for it."""
    settings.inbox.mkdir(parents=True, exist_ok=True)
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    config = settings.dagster_home / INSTANCE_CONFIG.name
    if not config.exists() or sha256(config.read_bytes()).hexdigest() in EARLIER_INSTANCE_CONFIGS:
        write_atomically(config, INSTANCE_CONFIG.read_text(encoding="utf-8"))
    os.environ["WALMART_HOME"] = str(settings.workspace)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ.setdefault("DAGSTER_GRPC_TIMEOUT_SECONDS", LAUNCH_SECONDS)

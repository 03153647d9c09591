"""Where the project is, and the third-party data beside it that is not part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SAMPLE = PROJECT / "data" / "sample"
BIN = PROJECT / ".venv" / "bin"
COMMAND = BIN / "walmart-pipeline"

SHARED = PROJECT.parent / "shared"
GENERAL_CATALOG = SHARED / "data" / "general_895.jsonl"

# Third-party catalogs that are not the project's to publish: without them these tests do not run (conftest.py).
needs_shared = pytest.mark.shared

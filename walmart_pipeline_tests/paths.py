"""Where the project lies, and the third-party data beside it that is no part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SAMPLE = PROJECT / "data" / "sample"
COMMAND = PROJECT / ".venv" / "bin" / "walmart-pipeline"

SHARED = PROJECT.parent / "shared"
GENERAL_CATALOG = SHARED / "data" / "general_895.jsonl"

# Third-party catalogs and a model server that are not the project's to publish: elsewhere these tests are skipped.
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which is not part of the project")

"""Tests of pages leave the process as they found it."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """AppTest makes the page's script the main module, which processes that are spawned later would run again."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main

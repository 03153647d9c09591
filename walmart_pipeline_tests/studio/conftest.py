"""Tests of pages leave the process as they found it."""

import sys
from collections.abc import Iterator

import pytest

from walmart_pipeline.studio import review_actions


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """AppTest makes the page's script the main module, which processes that are spawned later would run again."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(autouse=True)
def no_cases_open() -> None:
    """Sessions of another test have no case on a screen."""
    review_actions.open_cases.clear()

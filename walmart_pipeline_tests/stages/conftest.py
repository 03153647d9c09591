"""The stages open the warehouse for each of their steps."""

import pytest


@pytest.fixture(autouse=True)
def _held(warehouse_held: None) -> None:
    """Hold each warehouse open for the test that made it, unless it is marked `shares_warehouse`."""

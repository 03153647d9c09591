"""How often sensors look."""

from __future__ import annotations

from walmart_pipeline.core import settings


def seconds(usual: int) -> int:
    """The least seconds between two looks: as usual, or for every sensor what WALMART_SENSOR_SECONDS says."""
    return settings.load().sensor_seconds or usual

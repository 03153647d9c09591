"""Measures the load time of the definitions relative to `import dagster`.

Dagster loads them for each run, code server and sensor tick, so heavy libraries are imported lazily.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from pydantic import BaseModel

DAGSTER = "import dagster"
DEFINITIONS = "import walmart_pipeline.definitions"
HEAVY = tuple(
    "great_expectations pandas duckdb pyarrow matplotlib sklearn openai streamlit jinja2 apprise httpx".split()
)


class LoadTimes(BaseModel):
    """Median seconds of fresh processes. heavy: libraries that should be imported lazily but are not."""

    dagster_seconds: float
    definitions_seconds: float
    ratio: float
    heavy: list[str]


def measure(repeats: int) -> LoadTimes:
    """Time both in `repeats` fresh processes each, alternating, after a warm-up."""
    for statement in (DAGSTER, DEFINITIONS):
        _seconds(statement)
    pairs = [(_seconds(DAGSTER), _seconds(DEFINITIONS)) for _ in range(repeats)]
    dagster = statistics.median(pair[0] for pair in pairs)
    definitions = statistics.median(pair[1] for pair in pairs)
    return LoadTimes(
        dagster_seconds=round(dagster, 2),
        definitions_seconds=round(definitions, 2),
        ratio=round(definitions / dagster, 2),
        heavy=imported(DEFINITIONS),
    )


def imported(statement: str) -> list[str]:
    """Which of the heavy libraries a statement imports in a fresh process."""
    script = f"{statement}\nimport sys\nprint(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()  # noqa: S603


def _seconds(statement: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)  # noqa: S603
    return time.perf_counter() - started

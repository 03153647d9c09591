"""Markdown tables, for Dagster's metadata and for summaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CELL_CHARACTERS = 80


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Format a Markdown table with the columns of the first row; `_none_` without rows. Long cells are truncated."""
    if not rows:
        return "_none_"
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([_cell(row[name]) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if isinstance(value, float):
        value = f"{value:.1f}" if value != int(value) else f"{value:.0f}"
    text = " ".join(str(value).split())
    truncated = text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 1] + "…"
    return truncated.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")

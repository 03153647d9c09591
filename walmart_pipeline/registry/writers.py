"""The Ollama model that `auto` stays with: `content.writers`. Which model of our own writes is in model_versions.py."""

from __future__ import annotations

from datetime import UTC, datetime

from walmart_pipeline.core.warehouse import Database, Warehouse

LAST = "select arg_max(model, chosen_at) from content.writers where provider = 'ollama'"


def last(warehouse: Warehouse) -> str | None:
    """The Ollama model that wrote last; None if none did, or there is no warehouse yet."""
    if not warehouse.path.exists():
        return None
    with warehouse.reading() as db:
        model = db.value(LAST)
    return None if model is None else str(model)


def keep(db: Database, model: str) -> None:
    """Let `auto` stay with this model from now on."""
    if db.value(LAST) != model:
        db.append("content.writers", [{"provider": "ollama", "model": model, "chosen_at": datetime.now(UTC)}])

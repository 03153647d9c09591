"""The Ollama model that `auto` keeps using, stored in `content.writers`. For champions see model_versions.py."""

from __future__ import annotations

from datetime import UTC, datetime

from walmart_pipeline.core.warehouse import Database, Warehouse

LAST = "select arg_max(model, chosen_at) from content.writers where provider = 'ollama'"


def last(warehouse: Warehouse) -> str | None:
    """The Ollama model that wrote last, or None."""
    if not warehouse.exists():
        return None
    with warehouse.reading() as db:
        model = db.value(LAST)
    return None if model is None else str(model)


def keep(db: Database, model: str) -> None:
    """Make `auto` use this model from now on."""
    if db.value(LAST) != model:
        db.append("content.writers", [{"provider": "ollama", "model": model, "chosen_at": datetime.now(UTC)}])

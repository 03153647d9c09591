"""The models of the benchmarks' server, kept and described as Ollama does: made from a base, copied, shown."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from walmart_pipeline.llm.clients.ollama import full_name

BASE = "drill:latest"


@dataclass(frozen=True)
class StoredModel:
    """A model: what it was made from, and what it has beside that model's weights."""

    parent: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    system: str = ""
    messages: list[dict[str, str]] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """SHA-256 of all of it; zeros for the base model."""
        return (
            hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest() if self.parent else "0" * 64
        )


class ModelStore:
    """Models by their full names."""

    def __init__(self) -> None:
        self._models = {BASE: StoredModel()}

    def get(self, name: str) -> StoredModel | None:
        """A model; None if there is none of this name."""
        return self._models.get(full_name(name))

    def tags(self) -> dict[str, Any]:
        """The answer of GET /api/tags."""
        listed = [{"name": name, "model": name, "digest": model.digest} for name, model in self._models.items()]
        return {"models": listed}

    def show(self, name: str) -> dict[str, Any] | None:
        """The answer of POST /api/show; None for 404."""
        model = self.get(name)
        if model is None:
            return None
        parameters = [
            f"{key:<30} {json.dumps(each)}"
            for key, value in model.parameters.items()
            for each in (value if isinstance(value, list) else [value])
        ]
        return {
            "capabilities": ["completion"],
            "details": {"parent_model": model.parent},
            "parameters": "\n".join(parameters),
            "system": model.system,
            "messages": model.messages,
        }

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """The last line of POST /api/create. A model inherits what its Modelfile does not set."""
        base = self.get(body["from"])
        if base is None:
            return {"error": "pull model manifest: file does not exist"}
        self._models[full_name(body["model"])] = StoredModel(
            parent=full_name(body["from"]),
            parameters={**base.parameters, **body.get("parameters", {})},
            system=body.get("system") or base.system,
            messages=body.get("messages") or base.messages,
        )
        return {"status": "success"}

    def copy(self, source: str, destination: str) -> bool:
        """Give a model another name; False if there is no such model."""
        model = self.get(source)
        if model is not None:
            self._models[full_name(destination)] = model
        return model is not None

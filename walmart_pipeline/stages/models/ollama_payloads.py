"""A Modelfile in the words of Ollama's REST interface, there and back.

Belongs here: what is sent to make a model, and in what a model that is shown differs from what was meant.
Does not: sending it, or what follows from a difference (registration.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from walmart_pipeline.stages.models.modelfile import Modelfile

if TYPE_CHECKING:
    from walmart_pipeline.llm.clients.ollama_models import Shown


def fields(says: Modelfile, adapter_sha256: str | None) -> dict[str, Any]:
    """A Modelfile as POST /api/create takes it. Its parameters are typed: Ollama would store a text unseen."""
    given: dict[str, Any] = {
        "from": says.from_,
        "parameters": says.parameters,
        "system": says.system,
        "template": says.template,
        "license": says.license,
        "messages": [{"role": role, "content": content} for role, content in says.messages],
    }
    if says.adapter and adapter_sha256:
        given["adapters"] = {Path(says.adapter).name: f"sha256:{adapter_sha256}"}
    return {name: value for name, value in given.items() if value}


def differences(shown: Shown, says: Modelfile, base: Shown, adapter_sha256: str | None) -> list[str]:
    """In what a model is not what its Modelfile says; empty where it is.

    base: the model that it is made from, whose parameters it has beside its own, and whose system text and messages
    where it has none.
    """
    from walmart_pipeline.llm.clients.ollama_models import same_model

    found = []
    if shown.parent and not same_model(shown.parent, says.from_):
        found.append(f"it is made from {shown.parent}, not {says.from_}")
    parameters = {**base.parameters, **{name: _kept(value) for name, value in says.parameters.items()}}
    for name in sorted(parameters.keys() | shown.parameters.keys()):
        here, meant = shown.parameters.get(name), parameters.get(name)
        if here != meant or type(here) is not type(meant):
            found.append(f"{name} is {here!r}, not {meant!r}")
    if shown.system != (says.system or base.system):
        found.append("its system text is another")
    messages = says.messages or base.messages
    if shown.messages != messages:
        found.append(f"its {len(shown.messages)} messages are not the {len(messages)} that were meant")
    if adapter_sha256 and adapter_sha256 not in shown.adapters:
        found.append("its adapter is another")
    return found


def _kept(value: Any) -> Any:
    """A parameter as Ollama keeps it: every number as a float."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

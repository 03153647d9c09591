"""A Modelfile as Ollama's REST interface takes and shows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from walmart_pipeline.stages.models.modelfile import Modelfile

if TYPE_CHECKING:
    from walmart_pipeline.llm.clients.ollama_models import Shown


def create_payload(modelfile: Modelfile, adapter_sha256: str | None) -> dict[str, Any]:
    """A Modelfile as POST /api/create takes it. Its parameters are typed: Ollama would store a text unchecked."""
    given: dict[str, Any] = {
        "from": modelfile.from_,
        "parameters": modelfile.parameters,
        "system": modelfile.system,
        "template": modelfile.template,
        "license": modelfile.license,
        "messages": [{"role": role, "content": content} for role, content in modelfile.messages],
    }
    if modelfile.adapter and adapter_sha256:
        given["adapters"] = {Path(modelfile.adapter).name: f"sha256:{adapter_sha256}"}
    return {name: value for name, value in given.items() if value}


def differences(shown: Shown, modelfile: Modelfile, base: Shown, adapter_sha256: str | None) -> list[str]:
    """The differences of a model from its Modelfile; empty where there are none.

    base: the model that it is made from, whose parameters it has beside its own, and whose system text and messages
    where it has none.
    """
    from walmart_pipeline.llm.clients.ollama_models import same_model

    found = []
    if shown.parent and not same_model(shown.parent, modelfile.from_):
        found.append(f"it is made from {shown.parent}, not {modelfile.from_}")
    parameters = {**base.parameters, **{name: _stored(value) for name, value in modelfile.parameters.items()}}
    for name in sorted(parameters.keys() | shown.parameters.keys()):
        actual, expected = shown.parameters.get(name), parameters.get(name)
        if actual != expected or type(actual) is not type(expected):
            found.append(f"{name} is {actual!r}, not {expected!r}")
    if shown.system != (modelfile.system or base.system):
        found.append("its system text differs")
    messages = modelfile.messages or base.messages
    if shown.messages != messages:
        found.append(f"its {len(shown.messages)} messages are not the {len(messages)} of its Modelfile")
    if adapter_sha256 and adapter_sha256 not in shown.adapters:
        found.append("its adapter differs")
    return found


def _stored(value: Any) -> Any:
    """A parameter as Ollama stores it: every number as a float."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

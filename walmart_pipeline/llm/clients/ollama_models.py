"""Models on an Ollama server: show, create, copy, upload.

/api/create takes a Modelfile's fields one by one: the client parses the file itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import httpx

from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.llm.clients.ollama import PULL_READ_SECONDS, Ollama, full_name

Parameter: TypeAlias = float | str | bool | list[str]

# Adapters have tens of megabytes and are uploaded in chunks.
CHUNK_BYTES = 1 << 20

_ADAPTER_LINE = re.compile(r"^ADAPTER .*sha256[-:]([0-9a-f]{64})", re.MULTILINE)
_NUMBER = re.compile(r"[+-]?[0-9.]+(e[+-]?[0-9]+)?")


@dataclass(frozen=True)
class Shown:
    """A model as its server describes it. parent: the model that it was made from, or empty.

    Numbers are floats, as Ollama stores them. adapters: hex SHA-256 of each.
    """

    parent: str
    parameters: dict[str, Parameter]
    system: str
    messages: list[tuple[str, str]]
    adapters: list[str]


class OllamaRegistry(Ollama):
    """Creates, copies and describes models on one Ollama server. model: the base model of others."""

    async def manifest(self, name: str) -> str | None:
        """SHA-256 of a model's manifest; None if the server lacks the model. Raises CallError."""
        digests = {full_name(known): digest for known, digest in (await self._digests()).items()}
        return digests.get(full_name(name))

    async def show(self, name: str) -> Shown | None:
        """Description of a model; None if the server lacks it. Raises CallError."""
        try:
            shown = await self._json("POST", "/api/show", {"model": name})
        except CallError as error:
            if error.error_class == "missing_model":
                return None
            raise
        return Shown(
            parent=str((shown.get("details") or {}).get("parent_model") or ""),
            parameters=read_parameters(str(shown.get("parameters") or "")),
            system=str(shown.get("system") or ""),
            messages=[(turn["role"], str(turn.get("content") or "")) for turn in shown.get("messages") or ()],
            adapters=_ADAPTER_LINE.findall(str(shown.get("modelfile") or "")),
        )

    async def upload(self, file: Path, sha256: str) -> bool:
        """Upload a file; False if the server had it already. Raises CallError, OSError."""
        path = f"/api/blobs/sha256:{sha256}"
        if await self._status("HEAD", path) == httpx.codes.OK:
            return False
        status = await self._status("POST", path, file=file)
        if status not in (httpx.codes.OK, httpx.codes.CREATED):
            why = "it changed while it was sent" if status == httpx.codes.BAD_REQUEST else f"it answers {status}"
            raise CallError("rejected", f"Ollama at {self.endpoint} does not take {file.name}: {why}")
        return True

    async def create(self, name: str, fields: Mapping[str, Any]) -> None:
        """Create a model. fields: of POST /api/create. Raises CallError unless Ollama reports success.

        Ollama would download a missing base model: check with `manifest` first.
        """
        status = ""
        body = {"model": name, **fields, "stream": True}
        async for part in self._parts("/api/create", body, PULL_READ_SECONDS):
            status = str(part.get("status", ""))
        if status != "success":
            raise CallError("dropped", f"Ollama at {self.endpoint} stopped making `{name}` at `{status}`: try again")

    async def copy(self, source: str, destination: str) -> None:
        """Give a model another name, which an earlier model loses. Raises CallError."""
        status = await self._status("POST", "/api/copy", body={"source": source, "destination": destination})
        if status != httpx.codes.OK:
            raise CallError("rejected", f"Ollama at {self.endpoint} does not copy `{source}`: it answers {status}")

    async def _status(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, file: Path | None = None
    ) -> int:
        """Status of a call without a response body."""
        content = _chunks(file) if file else None
        # Without a length the transfer is chunked, which a proxy may refuse.
        headers = {"Content-Length": str(file.stat().st_size)} if file else None
        try:
            response = await self._http.request(
                method, self._where.url + path, json=body, content=content, headers=headers
            )
        except (httpx.HTTPError, aiohttp.ClientError) as error:
            raise self._unanswered(error) from error
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise self._failed(response.status_code, "not allowed", response.headers)
        return response.status_code


def read_parameters(text: str) -> dict[str, Parameter]:
    """Parse the parameters in a response of /api/show, one per line; repeated ones become a list."""
    read: dict[str, Parameter] = {}
    for line in text.splitlines():
        name, _, written = line.strip().partition(" ")
        value = _value(written.strip())
        if name == "stop" and isinstance(value, str):
            before = read.get(name)
            read[name] = [*before, value] if isinstance(before, list) else [value]
        elif name:
            read[name] = value
    return read


def _value(written: str) -> Parameter:
    if written in ("true", "false"):
        return written == "true"
    if _NUMBER.fullmatch(written):
        return float(written)
    try:
        return str(json.loads(written))
    except ValueError:
        return written


async def _chunks(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            yield chunk

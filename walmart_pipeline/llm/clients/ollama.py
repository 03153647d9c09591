"""Client of Ollama's native REST API.

The OpenAI-compatible /v1 overrides the Modelfile with a default temperature and top_p of 1.0.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
from pydantic import SecretStr

from walmart_pipeline.llm.calls import Answer, CallError, OnText, Request
from walmart_pipeline.llm.clients import transport
from walmart_pipeline.llm.clients.json_schema import count, unfit
from walmart_pipeline.llm.clients.responses import class_of_status, retry_after, unanswered, without_key
from walmart_pipeline.llm.clients.transport import Timeouts, lines
from walmart_pipeline.llm.pricing import FREE, Price

# In a request, these make Ollama reload the model.
FIXED_AT_LOAD = frozenset(("num_ctx", "num_batch", "num_gpu", "num_thread"))
# A download can be silent for minutes while its digest is verified.
PULL_READ_SECONDS = 600.0
TOO_LONG = re.compile(r"context (length|window|size)|prompt (is )?too long", re.IGNORECASE)


def key_for(url: str, hosted: str | None, key: SecretStr | None) -> SecretStr | None:
    """The key if the URL belongs to the hosted Ollama server, and not to loopback. Raises ValueError."""
    if not key or not hosted:
        return None
    here, there = transport.address(url), transport.address(hosted)
    return key if here.origin == there.origin and not here.loopback else None


def is_cloud(model: str) -> bool:
    """Whether Ollama sends the prompts of a model of this name to a hosted service."""
    return model.lower().endswith((":cloud", "-cloud"))


class CloudModelError(ValueError):
    """The model is hosted by a third party, which the settings do not allow."""


@dataclass(frozen=True)
class PullProgress:
    """Progress of a download in bytes."""

    status: str
    completed: int
    total: int


class Ollama:
    """One model of one Ollama server.

    allow_cloud: accept a model whose prompts Ollama sends to a third party. key: of a hosted Ollama. price: of the
    model's tokens. Raises CloudModelError, and ValueError for an invalid address or key.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        connections: int,
        timeouts: Timeouts,
        allow_cloud: bool = False,
        key: SecretStr | None = None,
        price: Price = FREE,
    ) -> None:
        if not allow_cloud and is_cloud(model):
            raise CloudModelError(
                f"`{model}` is a cloud model: Ollama would send every prompt to a third party, a hosted service. "
                "Choose a local model, or allow cloud models"
            )
        self.model = model
        self._price = price
        self._where = transport.address(base_url)
        self.endpoint = self._where.shown
        self._timeouts = timeouts
        self._key = transport.usable_key(key, "OLLAMA_API_KEY")
        self._http = transport.client(self._where, connections=connections, timeouts=timeouts, key=self._key)
        self._can_think: bool | None = None
        self._asking_capabilities = asyncio.Lock()

    @property
    def is_hosted(self) -> bool:
        """Whether it is a hosted service that we have a key for."""
        return bool(self._key.get_secret_value())

    async def models(self) -> list[str]:
        """Names of the server's models, sorted."""
        return sorted(await self._digests())

    async def digest(self) -> str | None:
        """SHA-256 of the model's manifest. Raises CallError, `missing_model` if the server lacks it."""
        digests = {full_name(name): digest for name, digest in (await self._digests()).items()}
        if full_name(self.model) not in digests:
            raise self._missing()
        return digests[full_name(self.model)]

    async def has_model(self) -> bool:
        """Whether the server has the model. Raises CallError."""
        return full_name(self.model) in map(full_name, await self._digests())

    async def can_chat(self) -> bool:
        """Whether the model can chat, which embedding models can't. Raises CallError."""
        shown = await self._json("POST", "/api/show", {"model": self.model})
        if capabilities := shown.get("capabilities"):
            return "completion" in capabilities
        # Servers before 0.6 list none.
        details = shown.get("details") or {}
        return not any("bert" in str(family) for family in (details.get("family"), *(details.get("families") or ())))

    async def complete(self, request: Request, on_text: OnText | None = None) -> Answer:
        """The complete answer, streamed. Raises CallError. The parameter `max_tokens` is sent as num_predict."""
        text: list[str] = []
        final: Mapping[str, Any] = {"done": False}
        async for part in self._parts("/api/chat", await self._body(request), None):
            if piece := str((part.get("message") or {}).get("content") or ""):
                text.append(piece)
                if on_text:
                    on_text(piece)
            if part.get("done"):
                final = part
        return _accepted(final, "".join(text), request, self._price)

    async def pull(self, model: str) -> AsyncIterator[PullProgress]:
        """Download a model and yield its progress. Raises CallError unless Ollama reports success."""
        status = ""
        async for part in self._parts("/api/pull", {"model": model, "stream": True}, PULL_READ_SECONDS):
            status = str(part.get("status", ""))
            yield PullProgress(status, int(part.get("completed") or 0), int(part.get("total") or 0))
        if status != "success":
            raise CallError("dropped", f"Ollama stopped downloading `{model}` at `{status}`: try again")

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _body(self, request: Request) -> dict[str, Any]:
        options = dict(request.parameters)
        if fixed := FIXED_AT_LOAD & options.keys():
            names = ", ".join(sorted(fixed))
            raise CallError("rejected", f"{names} would load the model anew for a request: set it in the Modelfile")
        if "max_tokens" in options:
            options["num_predict"] = options.pop("max_tokens")
        # A system message would replace the one in a Walmart-GPT's Modelfile.
        built = self.model.lower().rpartition("/")[2].startswith("walmart-gpt")
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [
                {"role": message.role, "content": message.content}
                for message in request.messages
                if not (built and message.role == "system")
            ],
            "stream": True,
            "options": options,
        }
        if request.schema is not None:
            body["format"] = request.schema
        if await self._thinks():
            body["think"] = False
        return body

    async def _thinks(self) -> bool:
        """Whether the model can think, which has to be disabled; other models reject the option."""
        if self._can_think is None:
            async with self._asking_capabilities:
                if self._can_think is None:
                    shown = await self._json("POST", "/api/show", {"model": self.model})
                    self._can_think = "thinking" in (shown.get("capabilities") or ())
        return self._can_think

    async def _digests(self) -> dict[str, str | None]:
        tags = await self._json("GET", "/api/tags")
        return {model["name"]: model.get("digest") for model in tags.get("models") or ()}

    async def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = await self._http.request(method, self._where.url + path, json=body)
        except (httpx.HTTPError, aiohttp.ClientError) as error:
            raise self._unanswered(error) from error
        if response.status_code != httpx.codes.OK:
            raise self._failed(response.status_code, _error_text(response.content), response.headers)
        return self._object(response.content)

    async def _parts(
        self, path: str, body: Mapping[str, Any], read_seconds: float | None
    ) -> AsyncIterator[dict[str, Any]]:
        timeout = httpx.Timeout(read_seconds, connect=self._timeouts.connect, pool=self._timeouts.pool)
        try:
            async with self._http.stream("POST", self._where.url + path, json=body, timeout=timeout) as response:
                if response.status_code != httpx.codes.OK:
                    text = _error_text(await response.aread())
                    raise self._failed(response.status_code, text, response.headers)
                async for line in lines(response.aiter_bytes()):
                    yield self._object(line)
        except (httpx.HTTPError, aiohttp.ClientError) as error:
            raise self._unanswered(error) from error

    def _object(self, content: bytes) -> dict[str, Any]:
        """Parse a JSON object of a response. Ollama reports errors after the status 200 in such an object too."""
        try:
            value = json.loads(content)
        except ValueError as error:
            raise CallError("malformed", f"{self.endpoint} answers what is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise CallError("malformed", f"{self.endpoint} answers JSON that is no object: is it an Ollama server?")
        if "error" in value:
            raise self._failed(httpx.codes.INTERNAL_SERVER_ERROR, str(value["error"]), {})
        return value

    def _missing(self) -> CallError:
        return CallError(
            "missing_model", f"Ollama at {self.endpoint} has no model `{self.model}`: run `ollama pull {self.model}`"
        )

    def _unanswered(self, error: Exception) -> CallError:
        error_class, what = unanswered(error)
        message = f"Ollama does not answer at {self.endpoint} ({what})."
        if error_class == "unreachable":
            message += " Start it with `ollama serve`, set OLLAMA_BASE_URL, or run with --provider embedded."
        return CallError(error_class, message)

    def _failed(self, status: int, text: str, headers: Mapping[str, str]) -> CallError:
        message = without_key(f"Ollama at {self.endpoint} answers {status}: {text}", self._key)
        if re.search(r"\bmodel\b.*\bnot found\b", text):
            return self._missing()
        if TOO_LONG.search(text):
            return CallError("too_long", message)
        kind = class_of_status(status)
        if kind == "unauthorized":
            message += (
                ". A hosted Ollama (CLOUD_OLLAMA_URL) takes OLLAMA_API_KEY; any other takes user and password in its "
                "URL: http://user:password@host"
            )
        if kind == "missing_model" or status == httpx.codes.METHOD_NOT_ALLOWED:
            kind, message = "missing_model", f"{self.endpoint} is no Ollama server ({status}): set OLLAMA_BASE_URL"
        return CallError(kind, message, retry_after=retry_after(headers) if kind == "refused" else None)


def _accepted(final: Mapping[str, Any], text: str, request: Request, price: Price) -> Answer:
    """The answer if it is complete. final: the last object of the stream, in which Ollama omits zero counts."""
    sent, received = count(final.get("prompt_eval_count")), count(final.get("eval_count"))
    answer = Answer(
        text=text,
        prompt_tokens=sent,
        completion_tokens=received,
        cost_usd=price.cost(prompt_tokens=sent, completion_tokens=received),
        seconds_waited=_waited(final),
    )
    reason = final.get("done_reason")
    if not final.get("done"):
        raise CallError("cut", "the answer was cut off before its end: the model repeats itself", billed=answer)
    if reason == "length":
        raise CallError(
            "cut", "the answer is cut off: raise num_predict (max_tokens), or num_ctx in the Modelfile", billed=answer
        )
    why = None if reason == "stop" else f"the model stopped for another reason than being done: {reason}"
    if why := why or unfit(text, request.schema):
        raise CallError("malformed", why, billed=answer)
    return answer


def _waited(final: Mapping[str, Any]) -> float | None:
    """Seconds in the server's queue: the total without loading, prompt evaluation and generation."""
    if not (total := count(final.get("total_duration"), most=2**63)):
        return None
    parts = ("load_duration", "prompt_eval_duration", "eval_duration")
    return max(0.0, total - sum(count(final.get(name), most=2**63) for name in parts)) / 1e9


def _error_text(content: bytes) -> str:
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if isinstance(value, dict) and value.get("error"):
        return str(value["error"])
    return content[:200].decode("utf-8", "replace").strip()


def full_name(name: str) -> str:
    """A model's name for comparison: in lower case, without the default registry, with its tag."""
    full = name.lower().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return full if ":" in full.rpartition("/")[2] else f"{full}:latest"

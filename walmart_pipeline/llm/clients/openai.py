"""OpenAI's chat completions, also of compatible servers (vLLM, llama-server, gateways), through the official SDK."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar, cast

import aiohttp
import httpx2
import openai
from pydantic import SecretStr

from walmart_pipeline.llm.calls import Answer, CallError, OnText, Request
from walmart_pipeline.llm.clients import openai_payloads, transport
from walmart_pipeline.llm.clients.json_schema import unbounded
from walmart_pipeline.llm.clients.openai_payloads import BOUNDS, UntakenParameterError
from walmart_pipeline.llm.clients.responses import quotas, unanswered
from walmart_pipeline.llm.clients.transport import Timeouts, lines
from walmart_pipeline.llm.pricing import Price

T = TypeVar("T")
# A page of a list, after the item with this id.
Pages: TypeAlias = Callable[[openai.AsyncOpenAI, str | openai.Omit], Awaitable[Any]]

# Token counts of a stream have to be requested.
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
# Metadata of batches and jobs by which a later run finds them.
LABEL = "walmart_pipeline"
OPENAI_URL = "https://api.openai.com/v1"
# Calls that only read are retried by the SDK.
READ_RETRIES = 4
# The SDK's errors, and those of aiohttp that its transport lets through.
RAISED = (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError)


class ForgottenError(RuntimeError):
    """The endpoint no longer has a batch, one of its files, or a job."""


class OpenAI:
    """One model at one endpoint. Raises ValueError for an invalid address or key.

    excluded: parameters that the model or server has rejected (reasoning models reject `temperature`, OpenAI's strict
    mode the bounds of a schema); the rejected call is repeated without them.
    """

    def __init__(
        self,
        model: str,
        *,
        price: Price,
        connections: int,
        timeouts: Timeouts,
        key: SecretStr | None = None,
        base_url: str = OPENAI_URL,
    ) -> None:
        self.model = model
        self.price = price
        self.excluded: set[str] = set()
        self.read_seconds = timeouts.read
        self._key = transport.usable_key(key, "OPENAI_API_KEY")
        where = transport.address(base_url)
        self.endpoint = where.shown
        self._without_read_timeout = httpx2.Timeout(None, connect=timeouts.connect, pool=timeouts.pool)
        self.sdk = openai.AsyncOpenAI(
            # Without a key the SDK would use OPENAI_API_KEY for any server.
            api_key=self._key.get_secret_value() or "none",
            base_url=where.url,
            # The dispatcher retries.
            max_retries=0,
            http_client=transport.sdk_client(where, connections=connections, timeouts=timeouts),
        )

    async def models(self) -> list[str]:
        """Names of the available models, sorted."""
        response = await self.result_of(self.sdk.get("/models", cast_to=httpx2.Response))
        listed = self._checked(response.content, response.headers)
        try:
            return sorted(model["id"] for model in listed["data"])
        except (KeyError, TypeError):
            raise CallError(
                "malformed", f"{self.endpoint} answers no list of models: is it an OpenAI server?"
            ) from None

    async def digest(self) -> str | None:
        """None: OpenAI reports no digest."""
        return None

    async def complete(self, request: Request, on_text: OnText | None = None) -> Answer:
        """The complete answer with its exact cost, streamed if the server supports it. Raises CallError."""
        began = time.monotonic()
        while True:
            excluded = frozenset(self.excluded)
            streamed = {name: value for name, value in STREAMED.items() if name not in excluded}
            try:
                completion, headers = await self._completion(self.body(request) | streamed, on_text)
                break
            except UntakenParameterError as error:
                has_bounds = unbounded(request.schema) != request.schema
                if error.parameter in excluded or (error.parameter == BOUNDS and not has_bounds):
                    raise
                self.excluded.add(error.parameter)
        allowed, announced = request.parameters.get("max_tokens"), quotas(headers)
        try:
            answer = openai_payloads.answer(
                completion,
                self.price,
                schema=request.schema,
                max_tokens=allowed,
                elapsed=time.monotonic() - began,
            )
        except CallError as error:
            error.quotas = announced
            raise
        return replace(answer, quotas=announced)

    async def close(self) -> None:
        """Close all connections."""
        await self.sdk.close()

    def body(self, request: Request) -> dict[str, Any]:
        """The JSON of a request, without excluded parameters."""
        return openai_payloads.body(request, self.model, self.excluded)

    async def result_of(self, call: Awaitable[T]) -> T:
        """Await a call of `sdk`. Raises CallError."""
        try:
            return await call
        except RAISED as error:
            failed = self.failed(error)
        raise failed

    @property
    def reading(self) -> openai.AsyncOpenAI:
        """The SDK's client with retries, which honour Retry-After, for calls that only read."""
        return self.sdk.with_options(max_retries=READ_RETRIES)

    async def retrieved(self, call: Awaitable[T], what: str) -> T:
        """Await a call that asks for one batch, file or job. Raises ForgottenError and CallError."""
        try:
            return await self.result_of(call)
        except CallError as error:
            # Any 404 is mapped to a missing model.
            if error.error_class == "missing_model":
                raise ForgottenError(f"{self.endpoint} knows no {what}") from None
            raise

    async def labelled(self, page_after: Pages, label: str) -> str | None:
        """The id of the item of a paginated list that was created with this label, or None. Raises CallError."""
        async for item in self.listed(page_after):
            if (item.metadata or {}).get(LABEL) == label:
                return str(item.id)
        return None

    async def listed(self, page_after: Pages) -> AsyncIterator[Any]:
        """All items of a paginated list, newest first. Raises CallError."""
        after: str | openai.Omit = openai.omit
        while True:
            page = await self.result_of(page_after(self.reading, after))
            for item in page.data:
                yield item
            if not page.data or not page.has_more:
                return
            after = page.data[-1].id

    def failed(self, error: Exception) -> CallError:
        """The CallError of one of RAISED. Raise it outside of the `except`.

        As its context, the SDK's error would be printed with parts of the key.
        """
        if isinstance(error, openai.APIStatusError):
            return self.refused(error.status_code, error.body, error.response.headers)
        if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
            # An error within a stream, with HTTP 200.
            return self.refused(500, error.body, {})
        error_class, what = unanswered(error)
        return CallError(error_class, f"{self.endpoint} does not answer ({what})")

    def refused(self, status: int, body: Any, headers: Mapping[str, str]) -> CallError:
        """The CallError of an HTTP status with its error body."""
        error = openai_payloads.failure(status, body, headers, model=self.model, endpoint=self.endpoint, key=self._key)
        error.quotas = quotas(headers)
        return error

    async def _completion(self, body: dict[str, Any], on_text: OnText | None) -> tuple[Any, Mapping[str, str]]:
        """A chat completion as JSON, with its headers."""
        # Without the SDK's typed parameters and answers it takes half the CPU, see transport.py. With `cast_to` it
        # returns the response itself, against its annotation for a stream.
        sent = self.sdk.post(
            "/chat/completions",
            cast_to=httpx2.Response,
            body=body,
            stream=True,
            stream_cls=openai.AsyncStream[Any],
            options={"timeout": self._without_read_timeout},
        )
        response = cast("httpx2.Response", await self.result_of(sent))
        failed: CallError | None = None
        try:
            if "text/event-stream" in response.headers.get("content-type", ""):
                return await self._put_together(response, on_text), response.headers
            return self._checked(await response.aread(), response.headers), response.headers
        except RAISED as error:
            failed = self.failed(error)
        finally:
            await response.aclose()
        raise failed

    async def _put_together(self, response: httpx2.Response, on_text: OnText | None) -> dict[str, Any]:
        """The completion assembled from the events of a stream."""
        text, refusal, reason = [], "", None
        last: dict[str, Any] = {}
        async for line in lines(response.aiter_bytes()):
            if not line.startswith(b"data:") or (data := line[5:].strip()) == b"[DONE]":
                continue
            chunk = self._checked(data, response.headers)
            last |= {name: chunk[name] for name in ("usage", "timings") if chunk.get(name)}
            for choice in chunk.get("choices") or ():
                delta = choice.get("delta") or {}
                reason = choice.get("finish_reason") or reason
                refusal += delta.get("refusal") or ""
                if piece := delta.get("content"):
                    text.append(piece)
                    if on_text:
                        on_text(piece)
        message = {"content": "".join(text), "refusal": refusal}
        return {"choices": [{"message": message, "finish_reason": reason}], **last}

    def _checked(self, content: bytes, headers: Mapping[str, str]) -> Any:
        """JSON that reports no error. Raises CallError."""
        value = openai_payloads.parsed(content)
        if isinstance(value, dict) and (error := value.get("error")):
            # Gateways report upstream errors with HTTP 200, some with the status as the code.
            code = error.get("code") if isinstance(error, dict) else None
            status = code if isinstance(code, int) and 400 <= code < 600 else 500
            raise self.refused(status, error, headers)
        return value

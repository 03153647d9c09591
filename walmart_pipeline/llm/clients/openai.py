"""OpenAI's chat completions, or any server that speaks them (vLLM, llama-server, a gateway), by the official SDK.

Belongs here: sending, and keeping the key to ourselves. Does not: what the JSON means (openai_payloads.py), batches
(openai_batch.py), retries and concurrency (dispatcher.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import aiohttp
import httpx2
import openai
from pydantic import SecretStr

from walmart_pipeline.llm.calls import Answer, CallError, Request
from walmart_pipeline.llm.clients import openai_payloads, transport
from walmart_pipeline.llm.clients.errors import unanswered
from walmart_pipeline.llm.clients.openai_payloads import Structured, UntakenParameterError
from walmart_pipeline.llm.clients.rate_limit_headers import quotas
from walmart_pipeline.llm.clients.transport import Timeouts
from walmart_pipeline.llm.pricing import Price

T = TypeVar("T")

OPENAI_URL = "https://api.openai.com/v1"
# What a call can raise: the SDK's errors, and those of aiohttp that its transport lets through.
RAISED = (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError)


class OpenAI:
    """One model at one endpoint.

    key: None for a server that asks for none. price: from prices.load().price(model), or prices.FREE for a server of
    one's own. structured: `json_object` for a server that does not know JSON schemas. Raises ValueError for an address
    or a key that is none.

    left_out: parameters of sampling that the model turned out not to take (reasoning models reject `temperature`); the
    call that finds out is made again without, and all later ones go without.
    """

    provider = "openai"

    def __init__(
        self,
        model: str,
        *,
        price: Price,
        connections: int,
        timeouts: Timeouts,
        key: SecretStr | None = None,
        base_url: str = OPENAI_URL,
        structured: Structured = "json_schema",
    ) -> None:
        self.model = model
        self.price = price
        self.left_out: set[str] = set()
        self._structured = structured
        self._key = transport.usable_key(key, "OPENAI_API_KEY")
        self._where = transport.address(base_url)
        self.sdk = openai.AsyncOpenAI(
            # Some key has to be given: without one the SDK takes OPENAI_API_KEY, which is not for every server.
            api_key=self._key.get_secret_value() or "none",
            base_url=self._where.url,
            # Retries are the dispatcher's: it knows the other calls, the budget and the endpoint's state.
            max_retries=0,
            http_client=transport.sdk_client(self._where, connections=connections, timeouts=timeouts),
        )

    @property
    def endpoint(self) -> str:
        """The server's address, without a password."""
        return self._where.shown

    async def check(self) -> str:
        """Ask whether the key is good: the number of models it opens. Raises CallError with the remedy."""
        names = await self.models()
        return f"{self.endpoint}: {len(names)} models, {'with' if self.model in names else 'without'} {self.model}"

    async def models(self) -> list[str]:
        """The names of the models that the key opens, sorted."""
        listed, _ = await self._ask("get", "/models")
        try:
            return sorted(model["id"] for model in listed["data"])
        except (KeyError, TypeError):
            raise CallError(
                "malformed", f"{self.endpoint} answers no list of models: is it an OpenAI server?"
            ) from None

    async def digest(self) -> str | None:
        """None: OpenAI does not tell which weights answer under a name."""
        return None

    async def complete(self, request: Request) -> Answer:
        """One whole answer with its exact cost. Raises CallError."""
        completion, headers = await self._taken(request, lambda body: self._ask("post", "/chat/completions", body))
        return self._answer(completion, request, headers)

    async def stream(self, request: Request, tell: Callable[[str], object]) -> Answer:
        """As `complete`, its text told piece by piece. Raises CallError, also after the last piece of a cut answer."""
        # Without being asked, a server does not count the tokens of a stream.
        counted = {"stream": True, "stream_options": {"include_usage": True}}
        opened = await self._taken(
            request, lambda body: self.asked(self.sdk.chat.completions.create(**(body | counted)))
        )
        text, refusal, reason = "", "", None
        usage: dict[str, Any] = {}
        failed: CallError | None = None
        try:
            async with opened as chunks:
                async for chunk in chunks:
                    usage = chunk.usage.model_dump() if chunk.usage else usage
                    for choice in chunk.choices:
                        reason = choice.finish_reason or reason
                        refusal += choice.delta.refusal or ""
                        if choice.delta.content:
                            text += choice.delta.content
                            tell(choice.delta.content)
        except RAISED as error:
            failed = self.failed(error)
        if failed:
            raise failed
        message = {"content": text, "refusal": refusal}
        completion = {"choices": [{"message": message, "finish_reason": reason}], "usage": usage}
        return self._answer(completion, request, opened.response.headers)

    async def close(self) -> None:
        """Close all connections."""
        await self.sdk.close()

    def body(self, request: Request) -> dict[str, Any]:
        """The JSON of a request, without what is left out."""
        sent = openai_payloads.body(request, self.model, self._structured)
        return {name: value for name, value in sent.items() if name not in self.left_out}

    async def asked(self, call: Awaitable[T]) -> T:
        """What a call of `sdk` gives. Raises CallError."""
        try:
            return await call
        except RAISED as error:
            failed = self.failed(error)
        raise failed

    def failed(self, error: Exception) -> CallError:
        """The CallError of one of RAISED. Raise it outside of the `except`: the SDK's error must not be its context.

        The SDK's message and request hold parts of the key; as a context they would be printed with the traceback.
        """
        if isinstance(error, openai.APIStatusError):
            return self.refused(error.status_code, error.body, error.response.headers)
        if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
            # An error in the midst of a stream, under HTTP 200.
            return self.refused(500, error.body, {})
        error_class, what = unanswered(error)
        return CallError(error_class, f"{self.endpoint} does not answer ({what})")

    async def _taken(self, request: Request, send: Callable[[dict[str, Any]], Awaitable[T]]) -> T:
        while True:
            body = self.body(request)
            try:
                return await send(body)
            except UntakenParameterError as error:
                if error.parameter not in body:
                    raise
                self.left_out.add(error.parameter)

    def _answer(self, completion: Any, request: Request, headers: Mapping[str, str]) -> Answer:
        allowed, told = request.parameters.get("max_tokens"), quotas(headers)
        try:
            answer = openai_payloads.answer(completion, self.price, schema=request.schema, max_tokens=allowed)
        except CallError as error:
            error.quotas = told
            raise
        return replace(answer, quotas=told)

    def refused(self, status: int, told: Any, headers: Mapping[str, str]) -> CallError:
        """The CallError of an HTTP status with its error body."""
        error = openai_payloads.failure(status, told, headers, model=self.model, endpoint=self.endpoint, key=self._key)
        error.quotas = quotas(headers)
        return error

    async def _ask(self, method: str, path: str, body: Any = None) -> tuple[Any, Mapping[str, str]]:
        """Raw JSON of an endpoint, and its headers: the SDK's interface for endpoints that it does not know.

        Sparing its typed parameters and answers halves its CPU, see transport.py.
        """
        if method == "get":
            response = await self.asked(self.sdk.get(path, cast_to=httpx2.Response))
        else:
            response = await self.asked(self.sdk.post(path, cast_to=httpx2.Response, body=body))
        answered = openai_payloads.parsed(response.content)
        if isinstance(answered, dict) and answered.get("error"):
            # Gateways report what went wrong behind them under HTTP 200, some with its status as the code.
            told = answered["error"]
            code = told.get("code") if isinstance(told, dict) else None
            status = code if isinstance(code, int) and 400 <= code < 600 else 500
            raise self.refused(status, told, response.headers)
        return answered, response.headers

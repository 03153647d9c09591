"""JSON of OpenAI's chat completions: requests, answers and errors of live calls and batches.

The SDK's typed objects would double the CPU of a call, and fail for some gateways.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import SecretStr

from walmart_pipeline.llm.calls import Answer, CallError, Request
from walmart_pipeline.llm.clients.json_schema import count, unbounded, unfit
from walmart_pipeline.llm.clients.responses import class_of_status, retry_after, without_key
from walmart_pipeline.llm.pricing import Price

TOO_LONG = re.compile(r"maximum context length|context[ _](length|size|window)|Request too large", re.IGNORECASE)
# Errors with status 400 or 429 that persist until the account is paid.
UNPAID = frozenset(("insufficient_quota", "billing_hard_limit_reached", "billing_not_active"))
# Part of a wrong key in OpenAI's 401, such as sk-abc1****wxyz.
KEY_LIKE = re.compile(r"\bsk-[\w*.-]+")

# Parameters that some models or servers reject. `bounds` are those of the schema.
OPTIONAL = frozenset(
    ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stream", "stream_options")
)
BOUNDS = "bounds"
UNTAKEN_BOUNDS = re.compile(r"schema|response_format|grammar|(min|max)(Length|Items)", re.IGNORECASE)


class UntakenParameterError(CallError):
    """The model or server rejects `parameter`, which is one of OPTIONAL or BOUNDS."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__("rejected", message)
        self.parameter = parameter


def body(request: Request, model: str, excluded: Collection[str] = frozenset()) -> dict[str, Any]:
    """The JSON of a chat completion. `max_tokens` becomes max_completion_tokens. excluded: of OPTIONAL and BOUNDS."""
    sent: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
    }
    sent |= request.parameters
    if "max_tokens" in sent:
        # Reasoning models reject the older name.
        sent["max_completion_tokens"] = sent.pop("max_tokens")
    if request.schema is not None:
        schema = unbounded(request.schema) if BOUNDS in excluded else request.schema
        sent["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": _strict(schema)},
        }
    return {name: value for name, value in sent.items() if name not in excluded}


def answer(
    completion: Any,
    price: Price,
    *,
    schema: Mapping[str, Any] | None = None,
    max_tokens: int | None = None,
    elapsed: float | None = None,
) -> Answer:
    """The answer if it is complete and matches the schema. Raises CallError with the billed answer.

    max_tokens: of the request, to recognize an answer cut by the context. elapsed: seconds of the call.
    """
    try:
        choice = completion["choices"][0]
        message = choice["message"]
        text = message.get("content") or ""
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise CallError("malformed", f"the server answers no chat completion ({error!r})") from error
    usage = completion.get("usage") or {}
    paid = Answer(
        text=text,
        prompt_tokens=count(usage.get("prompt_tokens")),
        completion_tokens=count(usage.get("completion_tokens")),
        cost_usd=cost(usage, price),
        seconds_waited=_waited(completion, elapsed),
    )
    reason = choice.get("finish_reason")
    if message.get("refusal"):
        raise CallError("declined", f"the model declines: {message['refusal']}", billed=paid)
    if reason == "content_filter":
        raise CallError("declined", "the server's content filter stopped the answer", billed=paid)
    if reason == "length":
        raise _cut(usage, max_tokens, paid)
    why = None if reason == "stop" else f"the model stopped for another reason than being done: {reason}"
    if why := why or unfit(text, schema):
        raise CallError("malformed", why, billed=paid)
    return paid


def _waited(completion: Mapping[str, Any], elapsed: float | None) -> float | None:
    """Seconds in the queue of llama-server, which reports the milliseconds of reading and writing."""
    timings = completion.get("timings")
    if elapsed is None or not isinstance(timings, Mapping):
        return None
    served = count(timings.get("prompt_ms")) + count(timings.get("predicted_ms"))
    return max(0.0, elapsed - served / 1000) if served else None


def cost(usage: Mapping[str, Any], price: Price) -> float:
    """USD of a call by the server's token counts; completion tokens include reasoning."""
    prompt = usage.get("prompt_tokens_details") or {}
    return price.cost(
        prompt_tokens=count(usage.get("prompt_tokens")),
        completion_tokens=count(usage.get("completion_tokens")),
        cached_tokens=count(prompt.get("cached_tokens")),
        written_tokens=count(prompt.get("cache_write_tokens")),
    )


def failure(
    status: int, error: Any, headers: Mapping[str, str], *, model: str, endpoint: str, key: SecretStr
) -> CallError:
    """The CallError of an HTTP status and its error body, without any part of the key."""
    details = error.get("error", error) if isinstance(error, Mapping) else error
    code = str(details.get("code") or details.get("type") or "") if isinstance(details, Mapping) else ""
    text = str((details.get("message") or "") if isinstance(details, Mapping) else details or "")
    message = KEY_LIKE.sub(
        "[key]", without_key(f"{endpoint} answers {status}: {text[:300] or code or 'no reason'}", key)
    )
    if code in UNPAID or status == 402:
        return CallError(
            "unauthorized",
            f"{endpoint} refuses until it is paid ({code or status}): add credit or raise the limit there",
        )
    if TOO_LONG.search(text) or code == "context_length_exceeded" or status == 413:
        return CallError("too_long", message)
    if code in ("unsupported_value", "unsupported_parameter") and details.get("param") in OPTIONAL:
        return UntakenParameterError(details["param"], message)
    if status in (400, 422) and "stream_options" in text:
        return UntakenParameterError("stream_options", message)
    if status in (400, 422) and UNTAKEN_BOUNDS.search(text):
        return UntakenParameterError(BOUNDS, message)
    kind = class_of_status(status)
    if kind == "unauthorized":
        # OpenAI's own text contains part of the key.
        message = f"{endpoint} refuses the key ({status}): set OPENAI_API_KEY to one that may use `{model}`"
    if kind == "missing_model":
        message = f"{endpoint} has no model `{model}`: choose one that it has, or correct the base URL (it ends in /v1)"
    return CallError(kind, message, retry_after=retry_after(headers) if kind == "refused" else None)


def _cut(usage: Mapping[str, Any], max_tokens: int | None, paid: Answer) -> CallError:
    reasoning = count((usage.get("completion_tokens_details") or {}).get("reasoning_tokens"))
    if not paid.text and reasoning:
        why = f"the model used {reasoning} tokens for reasoning and had none left to answer: raise max_tokens"
    elif max_tokens and 0 < paid.completion_tokens < max_tokens:
        return CallError("too_long", "prompt and answer do not fit the model's context together", billed=paid)
    else:
        why = "the answer is cut off: raise max_tokens"
    return CallError("cut", why, billed=paid)


def _strict(schema: Any) -> Any:
    """The schema for `strict`: all properties required, no others, no defaults."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    strict = {name: _strict(value) for name, value in schema.items() if name != "default"}
    if isinstance(properties := schema.get("properties"), Mapping):
        strict |= {
            "properties": {name: _strict(value) for name, value in properties.items()},
            "required": list(properties),
            "additionalProperties": False,
        }
    return strict


def parsed(content: bytes | str) -> Any:
    """Parse JSON. Raises CallError `malformed`."""
    try:
        return json.loads(content)
    except ValueError as error:
        raise CallError("malformed", f"the server answers what is not JSON: {error}") from error

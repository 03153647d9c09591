"""The OpenAI client against servers that speak its dialect, oddities included."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from walmart_pipeline.llm.calls import Answer, CallError, Client
from walmart_pipeline.llm.clients.openai import OpenAI
from walmart_pipeline.llm.pricing import FREE, Price
from walmart_pipeline_tests.llm.model_server import (
    TIMEOUTS,
    Handler,
    Server,
    all_that_is_told,
    asking,
    error_of,
    hangs_up,
    hangs_up_halfway,
    says,
    serving,
    writes,
)

KEY = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789wxyz"
PRICE = Price(input=2.0, cached_input=0.2, cache_write=2.5, output=10.0)
USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 100,
    "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 300},
    "completion_tokens_details": {"reasoning_tokens": 40},
}


def completion(content: str | None = '{"title": "Kettle"}', reason: str = "stop", **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": content} | message}
    return {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": USAGE}


def client(server: Server, **settings: Any) -> OpenAI:
    settings = {"price": PRICE, "key": SecretStr(KEY)} | settings
    return OpenAI("gpt-test", base_url=f"{server.url}/v1", connections=4, timeouts=TIMEOUTS, **settings)


def completed(
    chat: Handler, *, settings: Mapping[str, Any] | None = None, calls: int = 1, **parameters: Any
) -> Answer | CallError:
    async def call() -> Answer | CallError:
        async with serving({"POST /v1/chat/completions": chat}) as server:
            openai = client(server, **(settings or {}))
            try:
                return await openai.complete(asking("gpt-test", **parameters))
            except CallError as error:
                return error
            finally:
                await openai.close()
                assert len(server.asked) == calls, "a client asks once"

    return asyncio.run(call())


def failed(chat: Handler, **parameters: Any) -> CallError:
    outcome = completed(chat, **parameters)
    assert isinstance(outcome, CallError), outcome
    return outcome


def refused(status: int, error: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> CallError:
    return failed(says({"error": error}, status=status, headers=headers))


def sent(**parameters: Any) -> tuple[Any, Mapping[str, str]]:
    """Body and headers that the server got."""
    settings = parameters.pop("settings", {})

    async def call() -> tuple[Any, Mapping[str, str]]:
        async with serving({"POST /v1/chat/completions": says(completion())}) as server:
            openai = client(server, **settings)
            await openai.complete(asking("gpt-test", **parameters))
            await openai.close()
            [(_, headers, body)] = server.asked
            return body, headers

    return asyncio.run(call())


def test_it_is_a_client() -> None:
    openai: Client = OpenAI("m", price=FREE, base_url="http://u:p@h/v1/", connections=1, timeouts=TIMEOUTS)
    assert (openai.model, openai.endpoint) == ("m", "http://h/v1")
    asyncio.run(openai.close())


def test_a_complete_answer_comes_with_its_exact_cost() -> None:
    cost = (100 * 2.0 + 600 * 0.2 + 300 * 2.5 + 100 * 10.0) / 1_000_000
    assert completed(says(completion())) == Answer('{"title": "Kettle"}', 1000, 100, pytest.approx(cost))


def test_a_server_that_does_not_count_tokens_is_believed() -> None:
    outcome = completed(says(completion() | {"usage": None}))
    assert outcome == Answer('{"title": "Kettle"}')


def test_the_schema_is_sent_in_the_strict_form() -> None:
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string", "default": ""}, "parts": {"items": {"properties": {"default": {}}}}},
    }
    body, headers = sent(schema=schema)
    told = body["response_format"]["json_schema"]
    assert told["strict"] is True
    assert told["schema"]["required"] == ["title", "parts"]
    assert told["schema"]["additionalProperties"] is False
    assert told["schema"]["properties"]["title"] == {"type": "string"}
    assert told["schema"]["properties"]["parts"]["items"]["required"] == ["default"]
    assert headers["Authorization"] == f"Bearer {KEY}"


def test_tokens_are_limited_by_the_name_that_reasoning_models_take() -> None:
    body, _ = sent(max_tokens=300, temperature=0.2)
    assert body["max_completion_tokens"] == 300
    assert body["temperature"] == 0.2
    assert "max_tokens" not in body


def test_a_reasoning_model_is_asked_again_without_what_it_does_not_take() -> None:
    async def reasoning(request: web.Request) -> web.StreamResponse:
        for name in ("temperature", "top_p"):
            if name in await request.json():
                error = {"message": f"Unsupported value: '{name}'", "code": "unsupported_value", "param": name}
                return web.json_response({"error": error}, status=400)
        return web.json_response(completion())

    async def call() -> list[set[str]]:
        async with serving({"POST /v1/chat/completions": reasoning}) as server:
            openai = client(server)
            for _ in range(2):
                await openai.complete(asking("gpt-test", temperature=0.3, top_p=0.9))
            await openai.close()
            return [{"temperature", "top_p"} & body.keys() for body in server.bodies("/chat/completions")]

    assert asyncio.run(call()) == [{"temperature", "top_p"}, {"top_p"}, set(), set()]


BOUNDED = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 3, "maxLength": 90},
        "key_features": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 5},
    },
    "required": ["title"],
}
UNTAKEN = (
    "Invalid schema for response_format 'answer': In context=('properties', 'title'), 'minLength' is not permitted."
)


def test_a_server_that_rejects_the_bounds_of_a_schema_is_asked_without_from_then_on() -> None:
    async def chat(request: web.Request) -> web.StreamResponse:
        if "minLength" in await request.text():
            return web.json_response({"error": {"message": UNTAKEN, "type": "invalid_request_error"}}, status=400)
        return web.json_response(completion())

    async def call() -> list[Any]:
        async with serving({"POST /v1/chat/completions": chat}) as server:
            openai = client(server)
            try:
                for _ in range(2):
                    await openai.complete(asking("gpt-test", schema=BOUNDED))
            finally:
                await openai.close()
            return [body["response_format"]["json_schema"]["schema"] for body in server.bodies("/chat/completions")]

    first, *others = asyncio.run(call())
    assert first["properties"]["key_features"]["maxItems"] == 5
    assert len(others) == 2
    assert all(schema["properties"]["title"] == {"type": "string"} for schema in others)


def test_a_server_that_rejects_stream_options_is_asked_without() -> None:
    async def chat(request: web.Request) -> web.StreamResponse:
        if "stream_options" in await request.json():
            return web.json_response({"error": {"message": "unknown field: stream_options"}}, status=422)
        return web.json_response(completion())

    assert isinstance(completed(chat, calls=2), Answer)


def test_a_schema_that_is_rejected_for_good_is_an_error() -> None:
    assert failed(says({"error": {"message": UNTAKEN}}, status=400)).error_class == "rejected"


def test_the_wait_in_llama_servers_queue_is_what_its_timings_leave() -> None:
    async def chat(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.json_response(completion() | {"timings": {"prompt_ms": 20.5, "predicted_ms": 80.2}})

    outcome = completed(chat)
    assert isinstance(outcome, Answer)
    assert outcome.seconds_waited is not None
    assert outcome.seconds_waited >= 0.2


def test_the_environments_key_goes_to_no_other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    _, headers = sent(settings={"key": None})
    assert KEY not in str(headers)


def test_a_key_is_taken_without_the_blanks_around_it_and_a_broken_one_is_not_shown() -> None:
    _, headers = sent(settings={"key": SecretStr(f" {KEY}\n")})
    assert headers["Authorization"] == f"Bearer {KEY}"
    with pytest.raises(ValueError, match="OPENAI_API_KEY") as raised:
        OpenAI("m", price=FREE, key=SecretStr(f"{KEY}“"), connections=1, timeouts=TIMEOUTS)
    assert KEY not in all_that_is_told(raised.value)


@pytest.mark.parametrize(
    ("answer", "error_class", "words"),
    [
        (completion("", "length"), "cut", "used 40 tokens for reasoning"),
        (completion('{"title', "length"), "cut", "raise max_tokens"),
        (completion('{"title'), "malformed", "not JSON"),
        (completion("{}"), "malformed", "lacks title"),
        (completion(""), "malformed", "empty"),
        (completion(None, "tool_calls"), "malformed", "tool_calls"),
        (completion(None, refusal="I can't help with that."), "declined", "I can't help with that."),
        (completion("", "content_filter"), "declined", "content filter"),
    ],
)
def test_an_answer_that_cannot_be_used_is_still_paid_for(answer: dict[str, Any], error_class: str, words: str) -> None:
    error = failed(says(answer))
    assert error.error_class == error_class
    assert words in str(error)
    assert error.billed is not None
    assert error.billed.cost_usd > 0


def test_an_answer_cut_before_its_own_limit_did_not_fit_the_context() -> None:
    assert failed(says(completion('{"title', "length")), max_tokens=900).error_class == "too_long"
    assert failed(says(completion('{"title', "length")), max_tokens=100).error_class == "cut"


@pytest.mark.parametrize("answer", [{}, [], {"choices": []}, {"choices": [{"message": None}]}, "text"])
def test_what_is_no_completion_is_malformed(answer: Any) -> None:
    assert failed(says(answer)).error_class == "malformed"


def test_truncated_json_is_malformed_and_a_closed_connection_dropped() -> None:
    assert failed(writes(b'{"choices": [{"mess', content_type="application/json")).error_class == "malformed"
    assert failed(hangs_up).error_class == "dropped"
    assert failed(hangs_up_halfway).error_class == "dropped"


@pytest.mark.parametrize(
    ("status", "error", "error_class"),
    [
        (400, {"message": "bad", "code": "context_length_exceeded"}, "too_long"),
        (400, {"message": "This model's maximum context length is 4096 tokens.", "code": 400}, "too_long"),
        (400, {"message": "the request exceeds the available context size"}, "too_long"),
        (400, {"message": "Unsupported value: 'temperature'", "code": "unsupported_value"}, "rejected"),
        (403, {"message": "no access"}, "unauthorized"),
        (402, {"message": "Insufficient Balance"}, "unauthorized"),
        (404, {"message": "The model `gpt-test` does not exist", "code": "model_not_found"}, "missing_model"),
        (408, {"message": "timed out"}, "timeout"),
        (409, {"message": "conflict"}, "server"),
        (413, {"message": "too big"}, "too_long"),
        (422, {"message": "unprocessable"}, "rejected"),
        (429, {"message": "Rate limit reached", "code": "rate_limit_exceeded"}, "refused"),
        (429, {"message": "Request too large for gpt-test on tokens per min (TPM)"}, "too_long"),
        (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}, "unauthorized"),
        (500, {"message": "internal"}, "server"),
        (502, {"message": "bad gateway"}, "server"),
        (503, {"message": "overloaded"}, "refused"),
        (200, {"message": "upstream failed", "code": 502}, "server"),
        (200, {"message": "slow down", "code": 429}, "refused"),
    ],
)
def test_each_error_has_its_class(status: int, error: dict[str, Any], error_class: str) -> None:
    assert refused(status, error).error_class == error_class


def test_an_error_that_is_not_json_has_its_class() -> None:
    async def page(request: Any) -> Any:
        return web.Response(status=502, text="<html>nginx</html>", content_type="text/html")

    assert failed(page).error_class == "server"


def test_a_limit_says_when_to_come_back() -> None:
    limit = {"message": "Rate limit reached", "code": "rate_limit_exceeded"}
    assert refused(429, limit, {"retry-after-ms": "1500"}).retry_after == 1.5
    reset = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "2s"}
    assert refused(429, limit, reset).retry_after == 2


def test_used_up_credit_names_its_remedy() -> None:
    error = refused(429, {"message": "You exceeded your current quota", "code": "insufficient_quota"})
    assert "add credit" in str(error)


ECHO = {"message": f"Incorrect API key provided: {KEY[:11]}****{KEY[-4:]}. You can find your key at …", "code": "x"}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
@pytest.mark.parametrize("error", [ECHO, {"message": f"{KEY} is wrong"}, {"message": "no", "code": f"bad {KEY}"}])
def test_the_key_is_in_no_message_traceback_or_log(
    status: int, error: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = all_that_is_told(refused(status, error)) + caplog.text
    for part in (KEY, KEY[:11], KEY[-4:]):
        assert part not in told


def test_a_refused_key_comes_with_the_remedy() -> None:
    error = refused(401, ECHO)
    assert error.error_class == "unauthorized"
    assert "OPENAI_API_KEY" in str(error)


def test_the_client_itself_does_not_show_the_key() -> None:
    openai = OpenAI("m", price=FREE, key=SecretStr(KEY), connections=1, timeouts=TIMEOUTS)
    assert KEY not in f"{openai!r}{openai}{vars(openai)!r}"
    asyncio.run(openai.close())


def test_a_dropped_connection_does_not_tell_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert KEY not in all_that_is_told(failed(hangs_up)) + caplog.text


def test_the_key_is_checked_before_a_run() -> None:
    listed = {"object": "list", "data": [{"id": "gpt-test", "object": "model"}, {"id": "a", "object": "model"}]}

    async def models(handler: Handler) -> list[str] | CallError:
        async with serving({"GET /v1/models": handler}) as server:
            openai = client(server)
            try:
                return await openai.models()
            except CallError as error:
                return error
            finally:
                await openai.close()

    assert asyncio.run(models(says(listed))) == ["a", "gpt-test"]
    wrong = asyncio.run(models(says({"error": ECHO}, status=401)))
    assert isinstance(wrong, CallError)
    assert wrong.error_class == "unauthorized"


def test_a_server_that_is_something_else_is_told_apart() -> None:
    async def models() -> CallError:
        async with serving({"GET /v1/models": says(["hello"])}) as server:
            openai = client(server)
            error = await error_of(openai.models())
            await openai.close()
            return error

    assert asyncio.run(models()).error_class == "malformed"


def streamed(*events: Any) -> tuple[str, CallError | None]:
    written = [f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode() for event in events]

    async def call() -> tuple[str, CallError | None]:
        got: list[str] = []
        handler = writes(*written, content_type="text/event-stream")
        async with serving({"POST /v1/chat/completions": handler}) as server:
            openai = client(server)
            try:
                answer = await openai.complete(asking("gpt-test"), got.append)
            except CallError as error:
                return "".join(got), error
            finally:
                await openai.close()
            assert answer.text == "".join(got)
            assert server.bodies("/chat/completions")[0]["stream_options"] == {"include_usage": True}
        return answer.text, None

    return asyncio.run(call())


def chunk(reason: str | None = None, **delta: str) -> dict[str, Any]:
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
    }


def test_a_stream_tells_the_answer_as_it_comes() -> None:
    pieces = chunk(content='{"title":'), chunk(content=' "Kettle"}'), chunk("stop"), "[DONE]"
    assert streamed(*pieces) == ('{"title": "Kettle"}', None)


def test_a_streamed_answer_costs_what_a_whole_one_does() -> None:
    usage = chunk() | {"choices": [], "usage": USAGE | {"total_tokens": 1100}}
    events = chunk(content='{"title": "Kettle"}'), chunk("stop"), usage, "[DONE]"
    written = [f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode() for event in events]
    handler = writes(*written, content_type="text/event-stream")

    async def call() -> Answer:
        async with serving({"POST /v1/chat/completions": handler}) as server:
            openai = client(server)
            answer = await openai.complete(asking("gpt-test"), lambda _: None)
            await openai.close()
            return answer

    assert asyncio.run(call()) == completed(says(completion()))


def test_a_stream_that_ends_early_or_badly_says_so() -> None:
    for events, error_class in (
        ((chunk(content="{"),), "malformed"),
        ((chunk(content="{"), chunk("length"), "[DONE]"), "cut"),
        ((chunk(refusal="I can't."), chunk("stop"), "[DONE]"), "declined"),
        ((chunk(content="{"), {"error": {"message": f"upstream {KEY}"}}), "server"),
    ):
        _, error = streamed(*events)
        assert error is not None
        assert error.error_class == error_class
        assert KEY not in all_that_is_told(error)

"""Ollama's client against servers that keep to its contract, oddities included."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from walmart_pipeline.core.records import Product
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import provider_factory
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm.calls import Answer, CallError, Client, Message
from walmart_pipeline.llm.clients.ollama import CloudModelError, Ollama, key_for
from walmart_pipeline_tests.llm.fake_ollama import fake_ollama
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

FINAL = {
    "message": {"role": "assistant", "content": '{"title": "Kettle"}'},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 12,
    "eval_count": 7,
}
SHOW = {"POST /api/show": says({"capabilities": ["completion"]})}
THINKS = {"POST /api/show": says({"capabilities": ["completion", "thinking"]})}


def client(server: Server, model: str = "llama3.1:8b", **settings: Any) -> Ollama:
    return Ollama(server.url, model, connections=4, timeouts=TIMEOUTS, **settings)


def completed(chat: Handler, *messages: Message, model: str = "llama3.1:8b", **parameters: Any) -> Answer | CallError:
    """What one call to such a server comes to."""

    async def call() -> Answer | CallError:
        async with serving({"POST /api/chat": chat, **SHOW}) as server:
            ollama = client(server, model)
            try:
                return await ollama.complete(asking(model, *messages, **parameters))
            except CallError as error:
                return error
            finally:
                await ollama.close()

    return asyncio.run(call())


def sent(
    *messages: Message, model: str = "llama3.1:8b", show: Any = SHOW, settings: Any = None, **parameters: Any
) -> Any:
    """The body that the server got."""

    async def call() -> Any:
        async with serving({"POST /api/chat": says(FINAL), **show}) as server:
            ollama = client(server, model, **(settings or {}))
            await ollama.complete(asking(model, *messages, **parameters))
            await ollama.complete(asking(model, *messages, **parameters))
            await ollama.close()
            assert len(server.bodies("/api/show")) == 1, "what a model can do is asked once"
            return server.bodies("/api/chat")[0]

    return asyncio.run(call())


def failed(chat: Handler, **parameters: Any) -> CallError:
    outcome = completed(chat, **parameters)
    assert isinstance(outcome, CallError), outcome
    return outcome


def test_it_is_a_client() -> None:
    ollama: Client = Ollama("localhost:11434", "llama3.1:8b", connections=1, timeouts=TIMEOUTS)
    assert (ollama.model, ollama.endpoint) == ("llama3.1:8b", "http://localhost:11434")
    asyncio.run(ollama.close())


def test_a_complete_answer_comes_with_its_tokens() -> None:
    assert completed(says(FINAL)) == Answer(text='{"title": "Kettle"}', prompt_tokens=12, completion_tokens=7)


def test_counts_that_ollama_leaves_out_are_zero() -> None:
    outcome = completed(says({name: value for name, value in FINAL.items() if not name.endswith("count")}))
    assert outcome == Answer(text='{"title": "Kettle"}')


def test_an_answer_tells_how_long_it_waited_in_the_servers_queue() -> None:
    """What is left of the total when loading, reading the prompt and writing are taken off."""
    durations = {"total_duration": 5_500, "load_duration": 150, "prompt_eval_duration": 350, "eval_duration": 500}
    outcome = completed(says(FINAL | {name: milliseconds * 10**6 for name, milliseconds in durations.items()}))
    assert isinstance(outcome, Answer)
    assert outcome.seconds_waited == pytest.approx(4.5)


@pytest.mark.parametrize("count", [10**30, 1e400, "many", -5, None, [1]])
def test_a_count_that_is_none_breaks_no_run(count: Any) -> None:
    outcome = completed(says(FINAL | {"prompt_eval_count": count, "eval_count": count, "total_duration": count}))
    assert isinstance(outcome, Answer)
    assert 0 <= outcome.completion_tokens < 2**31


def test_the_schema_and_the_parameters_are_sent_natively() -> None:
    body = sent(temperature=0.2, max_tokens=300)
    assert body["format"]["required"] == ["title"]
    assert body["options"] == {"temperature": 0.2, "num_predict": 300}
    assert body["stream"] is True
    assert not {"think", "keep_alive"} & body.keys()


def test_a_model_that_can_think_is_told_not_to() -> None:
    assert sent(show=THINKS)["think"] is False


@pytest.mark.parametrize(
    "model", ["walmart-gpt", "walmart-gpt-basic:1.2.0", "Walmart-GPT:latest", "team/walmart-gpt:2"]
)
def test_a_walmart_gpt_keeps_the_system_message_it_was_built_with(model: str) -> None:
    turns = (Message("system", "S"), Message("user", "U"), Message("assistant", "A"), Message("user", "again"))
    roles = [message["role"] for message in sent(*turns, model=model)["messages"]]
    assert roles == ["user", "assistant", "user"]


def test_any_other_model_gets_the_system_message() -> None:
    roles = [message["role"] for message in sent(model="not-walmart-gpt")["messages"]]
    assert roles == ["system", "user"]


@pytest.mark.parametrize("name", ["num_ctx", "num_batch", "num_gpu", "num_thread"])
def test_a_parameter_that_reloads_the_model_is_never_sent(name: str) -> None:
    error = failed(says(FINAL), **{name: 1})
    assert error.error_class == "rejected"
    assert name in str(error)
    assert "Modelfile" in str(error)


@pytest.mark.parametrize(
    ("final", "error_class", "words"),
    [
        ({"done_reason": "length"}, "cut", "num_predict"),
        ({"done_reason": "unload"}, "malformed", "unload"),
        ({"message": {"content": ""}}, "malformed", "empty"),
        ({"message": {"content": '{"title": "Ket'}}, "malformed", "not JSON"),
        ({"message": {"content": "[1]"}}, "malformed", "not a JSON object"),
        ({"message": {"content": "{}"}}, "malformed", "lacks title"),
        ({"message": {"content": '{"title": "\ud83d"}'}}, "malformed", "half a character"),
        ({"message": {"content": '{"title": "\\ud83d"}'}}, "malformed", "half a character"),
    ],
)
def test_an_incomplete_answer_is_never_taken_for_one(final: dict[str, Any], error_class: str, words: str) -> None:
    error = failed(says(FINAL | final))
    assert error.error_class == error_class
    assert words in str(error)
    assert error.billed is not None
    assert error.billed.completion_tokens == 7


@pytest.mark.parametrize(
    ("status", "message", "error_class"),
    [
        (404, "model 'llama3.1:8b' not found", "missing_model"),
        (404, "404 page not found", "missing_model"),
        (400, '"llama3.1:8b" does not support thinking', "rejected"),
        (400, "the input length exceeds the context length", "too_long"),
        (400, "invalid options", "rejected"),
        (401, "unauthorized", "unauthorized"),
        (500, "llama runner process has terminated", "server"),
        (502, "bad gateway", "server"),
        (503, "server busy, please try again.  maximum pending requests exceeded", "refused"),
        (200, "llama runner process has terminated", "server"),
        (200, "model 'llama3.1:8b' not found", "missing_model"),
    ],
)
def test_each_error_has_its_class(status: int, message: str, error_class: str) -> None:
    assert failed(says({"error": message}, status=status)).error_class == error_class


def test_a_missing_model_comes_with_the_command_that_brings_it() -> None:
    error = failed(says({"error": "model 'llama3.1:8b' not found"}, status=404))
    assert "ollama pull llama3.1:8b" in str(error)


def test_a_busy_server_says_when_to_come_back() -> None:
    error = failed(says({"error": "server busy"}, status=503, headers={"Retry-After": "7"}))
    assert error.retry_after == 7


@pytest.mark.parametrize("handler", [hangs_up, hangs_up_halfway])
def test_a_connection_that_closes_early_is_dropped_and_not_a_timeout(handler: Handler) -> None:
    assert failed(handler).error_class == "dropped"


def test_an_answer_that_is_not_json_is_malformed() -> None:
    assert failed(writes(b'{"message": {"content": "x')).error_class == "malformed"
    assert failed(writes(b"<html>a proxy's page</html>")).error_class == "malformed"


@pytest.mark.parametrize("model", ["gpt-oss:120b-cloud", "glm-4.6:cloud", "Qwen3-Coder:480B-Cloud"])
def test_no_prompt_leaves_the_house_unless_that_was_agreed_to(model: str) -> None:
    with pytest.raises(CloudModelError, match="to a third party"):
        Ollama("localhost", model, connections=1, timeouts=TIMEOUTS)
    asyncio.run(Ollama("localhost", model, connections=1, timeouts=TIMEOUTS, allow_cloud=True).close())


@pytest.mark.parametrize(
    ("model", "listed"),
    [
        ("walmart-gpt", "walmart-gpt:latest"),
        ("Llama3.1:8B", "llama3.1:8b"),
        ("registry.ollama.ai/library/llama3.1:8b", "llama3.1:8b"),
        ("team/model", "team/model:latest"),
    ],
)
def test_a_model_is_found_under_any_of_its_names(model: str, listed: str) -> None:
    async def digest() -> str | None:
        tags = {"models": [{"name": "other:latest", "digest": "b"}, {"name": listed, "digest": "a"}]}
        async with serving({"GET /api/tags": says(tags)}) as server:
            ollama = client(server, model)
            assert await ollama.models() == sorted(["other:latest", listed])
            found = await ollama.digest()
            await ollama.close()
            return found

    assert asyncio.run(digest()) == "a"


def test_the_digest_of_a_model_that_is_not_there_says_how_to_get_it() -> None:
    async def digest() -> CallError:
        async with serving({"GET /api/tags": says({"models": None})}) as server:
            ollama = client(server, "llama3.1:70b")
            error = await error_of(ollama.digest())
            await ollama.close()
            return error

    error = asyncio.run(digest())
    assert error.error_class == "missing_model"
    assert "ollama pull llama3.1:70b" in str(error)


def streamed(*pieces: bytes) -> tuple[list[str], CallError | None]:
    async def call() -> tuple[list[str], CallError | None]:
        got: list[str] = []
        async with serving({"POST /api/chat": writes(*pieces), **SHOW}) as server:
            ollama = client(server)
            try:
                answer = await ollama.complete(asking("llama3.1:8b"), got.append)
                assert answer.text == "".join(got)
            except CallError as error:
                return got, error
            finally:
                await ollama.close()
        return got, None

    return asyncio.run(call())


def part(content: str, **more: Any) -> bytes:
    return json.dumps({"message": {"content": content}, "done": False} | more, ensure_ascii=False).encode() + b"\n"


def test_a_stream_tells_the_answer_as_it_comes() -> None:
    # U+0085 and U+2028 end a line for Python, but not in newline-delimited JSON.
    pieces = [part('{"title":'), part(' "Tea\u0085\u2028kettle"}'), part("", done=True, done_reason="stop")]
    got, error = streamed(*pieces)
    assert ("".join(got), error) == ('{"title": "Tea\u0085\u2028kettle"}', None)


def test_a_stream_that_ends_early_or_badly_says_so() -> None:
    repeating = streamed(part("{"))[1]
    assert repeating is not None
    assert (repeating.error_class, "repeats itself" in str(repeating)) == ("cut", True)
    cut = streamed(part("{"), part("", done=True, done_reason="length"))[1]
    assert cut is not None
    assert "num_predict" in str(cut)
    got, broken = streamed(part("{"), b'{"error": "llama runner process has terminated"}\n')
    assert got == ["{"]
    assert broken is not None
    assert broken.error_class == "server"


def pulled(*lines: dict[str, Any]) -> tuple[list[tuple[str, int, int]], CallError | None]:
    async def call() -> tuple[list[tuple[str, int, int]], CallError | None]:
        steps: list[tuple[str, int, int]] = []
        handler = writes(*(json.dumps(line).encode() + b"\n" for line in lines))
        async with serving({"POST /api/pull": handler}) as server:
            ollama = client(server)
            try:
                async for step in ollama.pull("llama3.1:8b"):
                    steps.append((step.status, step.completed, step.total))
            except CallError as error:
                return steps, error
            finally:
                await ollama.close()
        return steps, None

    return asyncio.run(call())


def test_a_pull_shows_its_progress_and_needs_its_success_line() -> None:
    loading = {"status": "pulling 8eeb", "completed": 5, "total": 10}
    assert pulled(loading, {"status": "success"}) == ([("pulling 8eeb", 5, 10), ("success", 0, 0)], None)
    assert pulled(loading)[1].error_class == "dropped"  # type: ignore[union-attr]
    assert pulled({"error": "pull model manifest: file does not exist"})[1] is not None


KEY = "ok-0123456789abcdef"


def hosted(handler: Handler) -> tuple[list[str | None], CallError | None]:
    """What a server was sent to be authorized, and what the call came to."""

    async def call() -> tuple[list[str | None], CallError | None]:
        async with serving({"POST /api/chat": handler, **SHOW}) as server:
            ollama = client(server, key=SecretStr(f" {KEY}\n"))
            try:
                await ollama.complete(asking("llama3.1:8b"))
            except CallError as error:
                return [headers.get("Authorization") for _, headers, _ in server.asked], error
            finally:
                await ollama.close()
            return [headers.get("Authorization") for _, headers, _ in server.asked], None

    return asyncio.run(call())


def test_a_hosted_ollama_gets_its_key_with_every_call() -> None:
    assert hosted(says(FINAL)) == ([f"Bearer {KEY}"] * 2, None)


@pytest.mark.parametrize(
    "handler", [says({"error": f"bad key {KEY}"}, status=401), says({"error": KEY}, status=500), hangs_up]
)
def test_the_key_is_in_no_message_traceback_or_log(handler: Handler, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _, error = hosted(handler)
    assert error is not None
    assert KEY not in all_that_is_told(error) + caplog.text


def test_a_refused_key_names_its_setting_and_a_broken_one_is_not_shown() -> None:
    _, error = hosted(says({"error": "unauthorized"}, status=401))
    assert "OLLAMA_API_KEY" in str(error)
    with pytest.raises(ValueError, match="OLLAMA_API_KEY") as raised:
        Ollama("https://ollama.com", "m", connections=1, timeouts=TIMEOUTS, key=SecretStr(f"{KEY}“"))
    assert KEY not in all_that_is_told(raised.value)


@pytest.mark.parametrize(
    ("url", "hosted_at", "gets_it"),
    [
        ("https://ollama.com", "https://ollama.com", True),
        ("https://OLLAMA.com:443/", "https://ollama.com", True),
        ("http://ollama.com", "https://ollama.com", False),
        ("https://ollama.com:8443", "https://ollama.com", False),
        ("https://ollama.com.example.org", "https://ollama.com", False),
        ("https://ollama.com@example.org", "https://ollama.com", False),
        ("http://gpu-1:11434", "https://ollama.com", False),
        ("http://localhost:11434", "http://localhost:11434", False),
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434", False),
        ("https://ollama.com", None, False),
    ],
)
def test_the_key_goes_to_the_hosted_server_and_to_no_other(url: str, hosted_at: str | None, gets_it: bool) -> None:
    key = SecretStr(KEY)
    assert key_for(url, hosted_at, key) == (key if gets_it else None)


def test_a_run_over_several_servers_sends_the_key_to_none_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", KEY)
    with fake_ollama(lambda _: "{}") as local:
        settings = Settings(
            workspace=tmp_path, provider="ollama", ollama_base_url=local.url, cloud_ollama_url=local.url
        )
        judge = Judge(profiles.load("walmart-2025"))
        product = Product(product_id="1", product_name="Kettle")
        list(provider_factory.choose(settings, judge).write([(product, 0)]))
        assert local.asked
        assert set(local.authorized) == {None}
    assert KEY not in repr(settings)

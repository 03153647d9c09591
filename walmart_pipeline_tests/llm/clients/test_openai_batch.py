"""Batches against a server that keeps to the form of OpenAI's files and batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from walmart_pipeline.llm.calls import Answer, CallError, Message, Request
from walmart_pipeline.llm.clients import openai_batch
from walmart_pipeline.llm.clients.openai import ForgottenError, OpenAI
from walmart_pipeline.llm.clients.openai_batch import InputFile
from walmart_pipeline.llm.pricing import Price
from walmart_pipeline_tests.llm.fake_openai import FakeOpenAI, answered, expired, refused
from walmart_pipeline_tests.llm.model_server import TIMEOUTS, Server, asking, says, serving

PRICE = Price(input=2.0, output=10.0)
TEXT = '{"title": "Kettle"}'


def requests(count: int) -> list[Request]:
    return [asking("gpt-test", Message("user", f"kettle {number}")) for number in range(count)]


Story = Callable[[FakeOpenAI, OpenAI], Coroutine[Any, Any, Any]]


def told(story: Story) -> Any:
    async def call() -> Any:
        fake = FakeOpenAI()
        async with serving(fake.handlers) as server:
            client = openai(server)
            try:
                return await story(fake, client)
            finally:
                await client.close()

    return asyncio.run(call())


def openai(server: Server) -> OpenAI:
    return OpenAI(
        "gpt-test", price=PRICE, key=SecretStr("sk-x"), base_url=f"{server.url}/v1", connections=2, timeouts=TIMEOUTS
    )


async def submitted(client: OpenAI, asked: list[Request], label: str = "night") -> str:
    with closing(InputFile(client)) as file:
        assert all(file.add(request.request_hash, request) for request in asked)
        return await openai_batch.submit(client, file, label)


async def collected(client: OpenAI, batch_id: str, asked: list[Request]) -> dict[str, Answer | CallError]:
    awaited = {request.request_hash for request in asked}
    files = (await openai_batch.poll(client, batch_id)).files
    return {key: outcome async for key, outcome in openai_batch.collect(client, files, awaited, PRICE)}


def test_requests_are_sent_in_openais_form() -> None:
    async def story(fake: FakeOpenAI, client: OpenAI) -> None:
        [request] = requests(1)
        batch_id = await submitted(client, [request, request])
        [line] = fake.sent(batch_id)  # one line: the same question is not paid for twice
        assert (line["custom_id"], line["method"], line["url"]) == (
            request.request_hash,
            "POST",
            "/v1/chat/completions",
        )
        assert line["body"]["model"] == "gpt-test"
        assert line["body"]["response_format"]["json_schema"]["strict"] is True
        batch = fake.batches[batch_id]
        assert (batch["endpoint"], batch["completion_window"]) == ("/v1/chat/completions", "24h")

    told(story)


@pytest.mark.parametrize("limits", [{"max_requests": 3}, {"max_bytes": 1500}])
def test_a_file_keeps_openais_limits_and_says_when_it_is_full(limits: dict[str, int]) -> None:
    async def story(fake: FakeOpenAI, client: OpenAI) -> None:
        with closing(InputFile(client, **limits)) as file:
            taken = [file.add(request.request_hash, request) for request in requests(10)]
            batch_id = await openai_batch.submit(client, file, "night")
            file.empty()
            assert file.add("again", requests(1)[0])
        assert taken == [True] * 3 + [False] * 7
        assert [line["custom_id"] for line in fake.sent(batch_id)] == [r.request_hash for r in requests(3)]
        assert len(fake.files["file-0"]) <= limits.get("max_bytes", 2_000)

    told(story)


def test_a_batch_whose_id_was_lost_is_found_by_its_label_among_others() -> None:
    async def story(fake: FakeOpenAI, client: OpenAI) -> None:
        ids = [await submitted(client, requests(1), label) for label in ("first", "second", "third", "fourth")]
        assert await openai_batch.submitted(client, "first") == ids[0]
        assert await openai_batch.submitted(client, "never sent") is None

    told(story)


def test_every_line_comes_back_as_its_answer_or_its_reason() -> None:
    async def story(fake: FakeOpenAI, client: OpenAI) -> None:
        good, cut, late, wrong, busy, untaken, absent, garbled = asked = requests(8)
        batch_id = await submitted(client, asked)
        fake.end(
            batch_id,
            "expired",
            output=[
                answered(cut.request_hash, '{"ti', "length"),
                answered("someone else", TEXT),
                b"{garbled",
                answered(good.request_hash, TEXT),
                answered(good.request_hash, "twice"),
            ],
            errors=[
                expired(late.request_hash),
                refused(wrong.request_hash, 400, "bad"),
                refused(busy.request_hash, 429, "slow down"),
                refused(untaken.request_hash, 400, "no", code="unsupported_value", param="temperature"),
            ],
        )
        assert (await openai_batch.poll(client, batch_id)).finished
        outcomes = await collected(client, batch_id, asked)
        assert outcomes.pop(good.request_hash) == Answer(TEXT, 100, 10, (100 * 2 + 10 * 10) / 1_000_000)
        assert {key: outcome.error_class for key, outcome in outcomes.items() if isinstance(outcome, CallError)} == {
            cut.request_hash: "cut",
            late.request_hash: "dropped",
            wrong.request_hash: "rejected",
            busy.request_hash: "refused",
            # A live call does without that parameter: `rejected` would be for ever.
            untaken.request_hash: "dropped",
        }
        assert outcomes.keys().isdisjoint({absent.request_hash, garbled.request_hash})

    told(story)


def test_a_batch_that_failed_as_a_whole_says_why() -> None:
    async def story(fake: FakeOpenAI, client: OpenAI) -> None:
        batch_id = await submitted(client, requests(3))
        fake.end(batch_id, "failed", output=[])
        error = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}
        fake.batches[batch_id]["errors"] = {"object": "list", "data": [error]}
        status = await openai_batch.poll(client, batch_id)
        assert (status.state, status.finished, status.reason) == ("failed", True, "Enqueued token limit reached")
        assert await collected(client, batch_id, requests(3)) == {}

    told(story)


def test_a_batch_in_progress_tells_how_far_it_is() -> None:
    async def story(fake: FakeOpenAI, client: OpenAI) -> None:
        batch_id = await submitted(client, requests(1))
        fake.batches[batch_id]["request_counts"] = {"total": 1, "completed": 0, "failed": 0}
        status = await openai_batch.poll(client, batch_id)
        assert (status.finished, status.total) == (False, 1)

    told(story)


def test_a_file_that_cannot_be_read_is_told_and_no_answer_invented() -> None:
    async def story(fake: FakeOpenAI, client: OpenAI) -> None:
        batch_id = await submitted(client, requests(1))
        fake.end(batch_id, output=[answered(requests(1)[0].request_hash, TEXT)])
        path = f"GET /v1/files/{fake.batches[batch_id]['output_file_id']}/content"
        fake.handlers[path] = says({"error": {"message": "no"}}, status=403)
        with pytest.raises(CallError):
            await collected(client, batch_id, requests(1))
        del fake.handlers[path]
        with pytest.raises(ForgottenError, match="file-1"):
            await collected(client, batch_id, requests(1))
        fake.forget(batch_id)
        with pytest.raises(ForgottenError, match=batch_id):
            await openai_batch.poll(client, batch_id)

    told(story)


def test_a_question_about_a_batch_that_fails_once_is_asked_again() -> None:
    async def story(fake: FakeOpenAI, client: OpenAI) -> None:
        batch_id = await submitted(client, requests(1))
        path = f"GET /v1/batches/{batch_id}"
        retrieve = fake.handlers[path]

        async def busy(request: web.Request) -> web.StreamResponse:
            fake.handlers[path] = retrieve
            return web.json_response({"error": {"message": "busy"}}, status=503)

        fake.handlers[path] = busy
        assert (await openai_batch.poll(client, batch_id)).state == "validating"

    told(story)

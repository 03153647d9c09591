"""Batches against a server that keeps to the form of OpenAI's files and batches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from walmart_pipeline.llm.calls import Answer, CallError, Message, Request
from walmart_pipeline.llm.clients import openai_batch
from walmart_pipeline.llm.clients.openai import OpenAI
from walmart_pipeline.llm.clients.openai_batch import BatchJob, UnfinishedBatchError
from walmart_pipeline.llm.prices import Price
from walmart_pipeline_tests.llm.model_server import TIMEOUTS, Handler, Server, asking, says, serving

PRICE = Price(input=2.0, output=10.0)
TEXT = '{"title": "Kettle"}'


def requests(count: int) -> list[Request]:
    return [asking("gpt-test", Message("user", f"kettle {number}")) for number in range(count)]


class Batches:
    """What OpenAI keeps: files and batches by their ids."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.handlers: dict[str, Handler] = {
            "POST /v1/files": self.upload,
            "POST /v1/batches": self.create,
            "GET /v1/batches": self.listed,
        }

    def keep(self, content: bytes) -> str:
        file_id = f"file-{len(self.files)}"
        self.files[file_id] = content

        async def download(request: web.Request) -> web.StreamResponse:
            return web.Response(body=content, content_type="application/octet-stream")

        self.handlers[f"GET /v1/files/{file_id}/content"] = download
        return file_id

    async def upload(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        assert form["purpose"] == "batch"
        file = form["file"]
        assert isinstance(file, web.FileField)
        file_id = self.keep(file.file.read())
        return web.json_response(
            {"id": file_id, "object": "file", "bytes": 1, "created_at": 1, "filename": "f", "purpose": "batch"}
        )

    async def create(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        batch_id = f"batch-{len(self.batches)}"
        batch = asked | {"id": batch_id, "object": "batch", "created_at": 1, "status": "validating"}
        self.batches[batch_id] = batch

        async def retrieve(request: web.Request) -> web.StreamResponse:
            return web.json_response(batch)

        async def cancel(request: web.Request) -> web.StreamResponse:
            batch["status"] = "cancelling"
            return web.json_response(batch)

        self.handlers[f"GET /v1/batches/{batch_id}"] = retrieve
        self.handlers[f"POST /v1/batches/{batch_id}/cancel"] = cancel
        return web.json_response(batch)

    async def listed(self, request: web.Request) -> web.StreamResponse:
        """Newest first, two to a page."""
        ids = list(reversed(self.batches))
        start = ids.index(request.query["after"]) + 1 if "after" in request.query else 0
        page = ids[start : start + 2]
        more = len(ids) > start + 2
        return web.json_response({"object": "list", "data": [self.batches[id_] for id_ in page], "has_more": more})

    def sent(self, batch_id: str) -> list[dict[str, Any]]:
        content = self.files[self.batches[batch_id]["input_file_id"]]
        return [json.loads(line) for line in content.splitlines()]

    def end(self, batch_id: str, status: str, *, output: list[Any], errors: list[Any], **more: Any) -> None:
        def written(lines: list[Any]) -> str | None:
            content = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
            return self.keep(content) if lines else None

        self.batches[batch_id] |= {
            "status": status,
            "output_file_id": written(output),
            "error_file_id": written(errors),
        } | more


def answered(request: Request, content: str = TEXT, reason: str = "stop") -> dict[str, Any]:
    body = {
        "choices": [{"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10},
    }
    response = {"status_code": 200, "request_id": "r", "body": body}
    return {"id": "b", "custom_id": request.request_hash, "response": response, "error": None}


def refused(request: Request, status: int, message: str) -> dict[str, Any]:
    response = {"status_code": status, "request_id": "r", "body": {"error": {"message": message}}}
    return {"id": "b", "custom_id": request.request_hash, "response": response, "error": None}


def expired(request: Request) -> dict[str, Any]:
    error = {"code": "batch_expired", "message": "This request could not be executed before the window expired."}
    return {"id": "b", "custom_id": request.request_hash, "response": None, "error": error}


Story = Callable[[Batches, OpenAI], Coroutine[Any, Any, Any]]


def told(story: Story) -> Any:
    async def call() -> Any:
        batches = Batches()
        async with serving(batches.handlers) as server:
            client = openai(server)
            try:
                return await story(batches, client)
            finally:
                await client.close()

    return asyncio.run(call())


def openai(server: Server) -> OpenAI:
    return OpenAI(
        "gpt-test", price=PRICE, key=SecretStr("sk-x"), base_url=f"{server.url}/v1", connections=2, timeouts=TIMEOUTS
    )


async def submitted(client: OpenAI, asked: list[Request], **limits: Any) -> list[BatchJob]:
    return [job async for job in openai_batch.submit(client, asked, label="night", **limits)]


async def collected(client: OpenAI, job: BatchJob) -> dict[str, Answer | CallError]:
    return {request_hash: outcome async for request_hash, outcome in openai_batch.collect(client, job, PRICE)}


def test_requests_are_sent_in_openais_form() -> None:
    async def story(batches: Batches, client: OpenAI) -> None:
        [request] = requests(1)
        [job] = await submitted(client, [request, request])
        assert job.hashes == (request.request_hash,), "the same question is not paid for twice"
        [line] = batches.sent(job.batch_id)
        assert (line["custom_id"], line["method"], line["url"]) == (
            request.request_hash,
            "POST",
            "/v1/chat/completions",
        )
        assert line["body"]["model"] == "gpt-test"
        assert line["body"]["response_format"]["json_schema"]["strict"] is True
        batch = batches.batches[job.batch_id]
        assert (batch["endpoint"], batch["completion_window"]) == ("/v1/chat/completions", "24h")

    told(story)


@pytest.mark.parametrize("limits", [{"max_requests": 3}, {"max_bytes": 1500}])
def test_files_keep_openais_limits_and_lose_no_request(limits: dict[str, int]) -> None:
    async def story(batches: Batches, client: OpenAI) -> None:
        asked = requests(10)
        jobs = await submitted(client, asked, **limits)
        assert len(jobs) > 1
        assert [hash_ for job in jobs for hash_ in job.hashes] == [request.request_hash for request in asked]
        for job in jobs:
            assert [line["custom_id"] for line in batches.sent(job.batch_id)] == list(job.hashes)
            assert len(job.hashes) <= limits.get("max_requests", 10)
            size = len(batches.files[batches.batches[job.batch_id]["input_file_id"]])
            assert size <= limits.get("max_bytes", size)

    told(story)


def test_nothing_to_ask_makes_no_batch() -> None:
    async def story(batches: Batches, client: OpenAI) -> None:
        assert await submitted(client, []) == []
        assert not batches.files

    told(story)


def test_a_batch_whose_job_was_lost_is_found_by_its_label() -> None:
    async def story(batches: Batches, client: OpenAI) -> None:
        jobs = await submitted(client, requests(5), max_requests=1)
        async for _ in openai_batch.submit(client, requests(2), label="other"):
            pass
        assert [job async for job in openai_batch.submitted(client, "night")] == jobs[::-1]

    told(story)


def test_every_request_comes_back_with_its_answer_or_its_reason() -> None:
    async def story(batches: Batches, client: OpenAI) -> None:
        good, cut, late, wrong, busy, absent, garbled = asked = requests(7)
        [job] = await submitted(client, asked)
        batches.end(
            job.batch_id,
            "expired",
            output=[answered(good), answered(cut, '{"ti', "length"), b"{garbled", answered(asking("someone else"))],
            errors=[expired(late), refused(wrong, 400, "bad"), refused(busy, 429, "slow down")],
        )
        assert (await openai_batch.poll(client, job)).finished
        outcomes = await collected(client, job)
        assert outcomes.keys() == set(job.hashes)
        assert outcomes[good.request_hash] == Answer(TEXT, 100, 10, pytest.approx((100 * 2 + 10 * 10) / 1_000_000))
        classes = {
            request.request_hash: outcome.error_class
            for request in asked
            if isinstance(outcome := outcomes[request.request_hash], CallError)
        }
        assert classes == {
            cut.request_hash: "malformed",
            late.request_hash: "dropped",
            wrong.request_hash: "rejected",
            busy.request_hash: "refused",
            absent.request_hash: "dropped",
            garbled.request_hash: "dropped",
        }

    told(story)


def test_a_batch_that_failed_as_a_whole_gives_all_its_requests_back() -> None:
    async def story(batches: Batches, client: OpenAI) -> None:
        asked = requests(3)
        [job] = await submitted(client, asked)
        limit = {
            "object": "list",
            "data": [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}],
        }
        batches.end(job.batch_id, "failed", output=[], errors=[])
        batches.batches[job.batch_id]["errors"] = limit
        status = await openai_batch.poll(client, job)
        assert (status.state, status.finished, status.reason) == ("failed", True, "Enqueued token limit reached")
        outcomes = await collected(client, job)
        assert outcomes.keys() == {request.request_hash for request in asked}
        assert all("Enqueued token limit reached" in str(outcome) for outcome in outcomes.values())

    told(story)


def test_a_batch_is_not_collected_before_it_is_finished() -> None:
    async def story(batches: Batches, client: OpenAI) -> None:
        [job] = await submitted(client, requests(1))
        batches.batches[job.batch_id]["request_counts"] = {"total": 1, "completed": 0, "failed": 0}
        status = await openai_batch.cancel(client, job)
        assert (status.state, status.finished, status.total) == ("cancelling", False, 1)
        with pytest.raises(UnfinishedBatchError, match="cancelling"):
            await collected(client, job)

    told(story)


def test_a_file_that_is_gone_is_told_and_no_answer_invented() -> None:
    async def story(batches: Batches, client: OpenAI) -> None:
        [job] = await submitted(client, requests(1))
        batches.end(job.batch_id, "completed", output=[answered(requests(1)[0])], errors=[])
        file_id = batches.batches[job.batch_id]["output_file_id"]
        batches.handlers[f"GET /v1/files/{file_id}/content"] = says({"error": {"message": "expired"}}, status=410)
        with pytest.raises(CallError):
            await collected(client, job)

    told(story)

"""Connections: how they fail, how long a server wants to be left alone, how its lines are read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.llm.clients import transport
from walmart_pipeline.llm.clients.ollama import Ollama
from walmart_pipeline.llm.clients.openai import OpenAI
from walmart_pipeline.llm.clients.responses import retry_after
from walmart_pipeline.llm.clients.transport import Timeouts, lines
from walmart_pipeline.llm.pricing import FREE
from walmart_pipeline_tests.llm.model_server import error_of, hangs, says, serving


def ollama(url: str, timeouts: Timeouts) -> Ollama:
    return Ollama(url, "m", connections=2, timeouts=timeouts)


def openai(url: str, timeouts: Timeouts) -> OpenAI:
    return OpenAI("m", price=FREE, base_url=url, connections=2, timeouts=timeouts)


def checked(make: Callable[[str, Timeouts], Any], url: str, read: float = 2) -> CallError:
    async def call() -> CallError:
        client = make(url, Timeouts(read=read, connect=2, pool=5))
        error = await error_of(client.models())
        await client.close()
        return error

    return asyncio.run(call())


EITHER = pytest.mark.parametrize("make", [ollama, openai])


@EITHER
def test_a_server_that_is_not_there_is_unreachable(make: Callable[[str, Timeouts], Any]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = checked(make, f"http://127.0.0.1:{port}")
    assert error.error_class == "unreachable"
    assert "connection refused" in str(error)
    assert f"127.0.0.1:{port}" in str(error)


def test_an_ollama_that_is_not_there_comes_with_the_remedy() -> None:
    error = checked(ollama, "http://127.0.0.1:9")
    assert "ollama serve" in str(error)
    assert "OLLAMA_BASE_URL" in str(error)


@EITHER
def test_a_host_that_does_not_exist_is_unreachable(make: Callable[[str, Timeouts], Any]) -> None:
    assert checked(make, "http://no-such-host.invalid").error_class == "unreachable"


@EITHER
def test_a_server_that_never_answers_is_a_timeout(make: Callable[[str, Timeouts], Any]) -> None:
    async def call() -> CallError:
        async with serving({"GET /api/tags": hangs, "GET /models": hangs}) as server:
            client = make(server.url, Timeouts(read=0.2))
            error = await error_of(client.models())
            await client.close()
            return error

    assert asyncio.run(call()).error_class == "timeout"


@EITHER
def test_a_proxy_of_the_environment_is_not_asked_for_loopback(
    make: Callable[[str, Timeouts], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    async def call() -> object:
        handlers = {"GET /api/tags": says({"models": []}), "GET /models": says({"data": []})}
        async with serving(handlers) as server:
            client = make(server.url, Timeouts(read=2))
            try:
                return await client.models()
            finally:
                await client.close()

    assert asyncio.run(call()) == []


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("localhost:11434", "http://localhost:11434"),
        ("http://host/ollama/", "http://host/ollama"),
        (" https://host ", "https://host"),
    ],
)
def test_an_address_is_read_as_people_write_it(written: str, url: str) -> None:
    assert transport.address(written).url == url


def test_a_password_in_an_address_is_used_and_not_shown() -> None:
    where = transport.address("https://user:hunter2@host:8443/v1?token=hunter2")
    assert "hunter2" in where.url
    assert where.shown == "https://host:8443/v1"


@pytest.mark.parametrize("written", ["", "ftp://host", "http://", "http://user:hunter2@host:port"])
def test_what_is_no_address_says_so_and_keeps_the_password(written: str) -> None:
    with pytest.raises(ValueError, match="http://host:port") as raised:
        transport.address(written)
    assert "hunter2" not in str(raised.value)


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": format_datetime(NOON + timedelta(seconds=90), usegmt=True)}, 90),
        ({"retry-after": format_datetime(NOON - timedelta(seconds=90), usegmt=True)}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "120ms"}, 0.12),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "6m0s"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1.5s"}, 1.5),
    ],
)
def test_a_server_says_when_to_come_back_in_many_ways(headers: dict[str, str], seconds: float | None) -> None:
    # The server's own clock counts: ours may be wrong.
    assert retry_after({"date": format_datetime(NOON, usegmt=True), **headers}) == seconds


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(
    st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))),
    st.lists(st.integers(min_value=0)),
    st.booleans(),
)
def test_lines_are_the_same_wherever_the_bytes_are_cut(texts: list[str], places: list[int], ended: bool) -> None:
    written = [text.encode() for text in texts]
    data = b"\n".join(written) + (b"\n" if ended else b"")

    async def chunks() -> AsyncIterator[bytes]:
        for piece in cut(data, places):
            yield piece

    async def read() -> list[bytes]:
        return [line async for line in lines(chunks())]

    assert asyncio.run(read()) == [line for line in written if line.strip()]

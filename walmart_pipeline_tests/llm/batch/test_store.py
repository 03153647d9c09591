"""The store of batches, in both databases."""

from __future__ import annotations

from walmart_pipeline.llm.batch.store import RETURNS_AT_MOST, BatchStore
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline.llm.pricing import Price
from walmart_pipeline_tests.llm.dispatch.endpoints import request
from walmart_pipeline_tests.llm.test_ledger import call, hashes

PRICE = Price(input=1.0, output=5.0, cached_input=0.1)
HERE = "http://one"


def register(store: BatchStore, *numbers: int, endpoint: str = HERE) -> str:
    asked = [request(number) for number in numbers]
    return store.register(asked[0], endpoint, PRICE, {one.request_hash: one.product_id for one in asked})


def test_another_process_finds_what_was_announced_with_what_its_calls_need(url: str) -> None:
    with BatchStore(url) as store:
        label = register(store, 1, 2)
        register(store, 3, endpoint="http://elsewhere")
    with BatchStore(url) as store:
        (batch,) = store.uncollected(HERE)
        assert (batch.name, batch.batch_id, batch.price, batch.model) == (label, None, PRICE, "walmart-gpt")
        assert batch.announced_at.tzinfo is not None
        assert store.waiting(label) == {key: f"p{number}" for number, key in zip((1, 2), hashes(1, 2), strict=True)}
        store.submitted(label, "batch_1")
        assert store.pending(hashes(1, 4)) == ({hashes(1)[0]: "batch_1"}, set())


def test_an_answer_is_in_the_ledger_as_soon_as_it_is_not_waited_for(url: str) -> None:
    with Ledger(url) as ledger, BatchStore(url) as store:
        label = register(store, 1, 2, 3)
        store.record(label, [call(1), call(2, None, "dropped")])
        assert store.waiting(label).keys() == set(hashes(3))
        assert list(ledger.lookup(hashes(1, 2, 3))) == hashes(1)
        assert store.end(label, "expired", rest="unanswered") == 1
        assert store.uncollected(HERE) == []
        assert store.pending(hashes(1, 2, 3)) == ({}, set(hashes(2, 3)))


def test_what_is_returned_may_be_sent_again_but_not_for_ever(url: str) -> None:
    with BatchStore(url) as store:
        for _ in range(RETURNS_AT_MOST):
            assert store.pending(hashes(1)) == ({}, set())
            store.end(register(store, 1), "failed", rest="returned")
            store.end(register(store, 2), "never sent", rest="not_submitted")
        assert store.pending(hashes(1, 2)) == ({}, set(hashes(1)))


def test_a_batch_that_another_process_looked_for_too_early_is_waited_for_once_it_is_sent(url: str) -> None:
    with BatchStore(url) as store:
        label = register(store, 1)
        store.end(label, "never sent", rest="not_submitted")
        store.submitted(label, "batch_1")
        assert [batch.name for batch in store.uncollected(HERE)] == ["batch_1"]
        assert store.pending(hashes(1)) == ({hashes(1)[0]: "batch_1"}, set())

"""The book of batches, in both databases."""

from __future__ import annotations

from walmart_pipeline.llm.batch.store import RETURNS_AT_MOST, BatchBook
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline.llm.pricing import Price
from walmart_pipeline_tests.llm.dispatch.endpoints import request
from walmart_pipeline_tests.llm.test_ledger import call, hashes, postgres, url

__all__ = ["postgres", "url"]  # fixtures

PRICE = Price(input=1.0, output=5.0, cached_input=0.1)
HERE = "http://one"


def announce(book: BatchBook, *numbers: int, endpoint: str = HERE) -> str:
    asked = [request(number) for number in numbers]
    return book.announce(asked[0], endpoint, PRICE, {one.request_hash: one.product_id for one in asked})


def test_another_process_finds_what_was_announced_with_what_its_calls_need(url: str) -> None:
    with BatchBook(url) as book:
        label = announce(book, 1, 2)
        announce(book, 3, endpoint="http://elsewhere")
    with BatchBook(url) as book:
        (batch,) = book.uncollected(HERE)
        assert (batch.name, batch.batch_id, batch.price, batch.model) == (label, None, PRICE, "walmart-gpt")
        assert batch.announced_at.tzinfo is not None
        assert book.waiting(label) == {key: f"p{number}" for number, key in zip((1, 2), hashes(1, 2), strict=True)}
        book.sent(label, "batch_1")
        assert book.waited_for(hashes(1, 4)) == ({hashes(1)[0]: "batch_1"}, set())


def test_an_answer_is_in_the_ledger_as_soon_as_it_is_not_waited_for(url: str) -> None:
    with Ledger(url) as ledger, BatchBook(url) as book:
        label = announce(book, 1, 2, 3)
        book.keep(label, [call(1), call(2, None, "dropped")])
        assert book.waiting(label).keys() == set(hashes(3))
        assert list(ledger.lookup(hashes(1, 2, 3))) == hashes(1)
        assert book.end(label, "expired", rest="unanswered") == 1
        assert book.uncollected(HERE) == []
        assert book.waited_for(hashes(1, 2, 3)) == ({}, set(hashes(2, 3)))


def test_what_is_returned_may_be_sent_again_but_not_for_ever(url: str) -> None:
    with BatchBook(url) as book:
        for _ in range(RETURNS_AT_MOST):
            assert book.waited_for(hashes(1)) == ({}, set())
            book.end(announce(book, 1), "failed", rest="returned")
            book.end(announce(book, 2), "never sent", rest="withdrawn")
        assert book.waited_for(hashes(1, 2)) == ({}, set(hashes(1)))


def test_a_batch_that_another_process_looked_for_too_early_is_waited_for_once_it_is_sent(url: str) -> None:
    with BatchBook(url) as book:
        label = announce(book, 1)
        book.end(label, "never sent", rest="withdrawn")
        book.sent(label, "batch_1")
        assert [batch.name for batch in book.uncollected(HERE)] == ["batch_1"]
        assert book.waited_for(hashes(1)) == ({hashes(1)[0]: "batch_1"}, set())

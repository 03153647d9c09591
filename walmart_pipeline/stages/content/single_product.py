"""Writes and judges one product immediately, with the pipeline's ledger: its answer is not paid for again."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from typing import Any

from pydantic import ValidationError

from walmart_pipeline.core import warehouses
from walmart_pipeline.core.records import Completion, Listing, Product, QualityReport, Record
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import parsing, provider_factory
from walmart_pipeline.generation.provider import Provider, Task
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.registry import model_versions, writers

# Product id in the ledger for a product outside the catalog.
UNNAMED = "one"
# Another process holds the warehouse for seconds at most.
WAIT_SECONDS = 5.0


class ProductError(ValueError):
    """The input is not a valid product; the message names each invalid field."""


class Written(Record):
    """A product's listing; without one, `completion.error` is the reason."""

    listing: Listing | None
    report: QualityReport | None
    completion: Completion


def product(given: Mapping[str, Any]) -> Product:
    """Build a Product from its fields; product_id is optional. Raises ProductError."""
    try:
        read = Product.model_validate({"product_id": UNNAMED, **given})
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ProductError(wrong) from error
    if not read.product_name.strip():
        raise ProductError("product_name: is blank")
    return read


def product_from_json(text: str | bytes) -> Product:
    """Parse a Product from a JSON object. Raises ProductError."""
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ProductError(f"it is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ProductError(f"it is not a JSON object but {type(given).__name__}")
    return product(given)


def choose(settings: Settings, judge: Judge) -> Provider:
    """Choose the provider that the pipeline would use, with its champion. Raises ProviderError, WarehouseError."""
    if settings.model or settings.default_model or settings.provider == "template":
        # The choice does not depend on the warehouse.
        return provider_factory.choose(settings, judge)
    warehouse = warehouses.of(settings, WAIT_SECONDS)
    return provider_factory.choose(
        settings, judge, champions=model_versions.champions(warehouse), last_writer=writers.last(warehouse)
    )


def write(subject: Product, provider: Provider, judge: Judge, *, revision: int = 0) -> Written:
    """Write and judge the listing of a product. revision: how often another text was asked for before.

    Raises CallError and LedgerError.
    """
    ((_, written),) = write_all([(subject, revision)], provider, judge)
    return written


def write_all(
    tasks: Iterable[Task], provider: Provider, judge: Judge
) -> Generator[tuple[Product, Written], None, None]:
    """Write and judge listings, in order of arrival. Close it to stop after the calls in flight.

    Raises CallError and LedgerError.
    """
    with closing(provider.write(tasks)) as completions:
        for subject, completion in completions:
            yield subject, _judged(subject, completion, judge)


def _judged(subject: Product, completion: Completion, judge: Judge) -> Written:
    if completion.status != "complete":
        return Written(listing=None, report=None, completion=completion)
    try:
        listing = parsing.listing(completion.text)
    except parsing.UnusableAnswerError as error:
        failed = completion.model_copy(update={"status": "failed", "error": str(error)})
        return Written(listing=None, report=None, completion=failed)
    return Written(listing=listing, report=judge.report(subject, listing), completion=completion)

"""One product, written and judged at once for a person or a program that waits for it.

The answer goes into the ledger as any other does: the pipeline does not pay for it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from pydantic import ValidationError

from walmart_pipeline.core.records import Completion, Listing, Product, QualityReport, Record
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.generation import parsing, provider_factory
from walmart_pipeline.generation.provider import Provider
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.registry import model_versions, writers

# Product id of a product that is not in the catalog; the ledger names the product of every call.
UNNAMED = "one"
# Another process holds the warehouse for seconds at most.
WAIT_SECONDS = 5.0


class ProductError(ValueError):
    """The input is no product; the message names each field that is wrong."""


class Written(Record):
    """A product's listing. Without one, `completion.error` says why."""

    listing: Listing | None
    report: QualityReport | None
    completion: Completion


def product(given: Mapping[str, Any]) -> Product:
    """The product with these fields of a Product; it needs no product_id. Raises ProductError."""
    try:
        read = Product.model_validate({"product_id": UNNAMED, **given})
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ProductError(wrong) from error
    if not read.product_name.strip():
        raise ProductError("product_name: is blank")
    return read


def product_from_json(text: str | bytes) -> Product:
    """The product in a JSON object with the fields of a Product. Raises ProductError."""
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ProductError(f"it is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ProductError(f"it is not a JSON object but {type(given).__name__}")
    return product(given)


def choose(settings: Settings, judge: Judge) -> Provider:
    """The provider that the pipeline would write with, the champion included. Raises ProviderError, WarehouseError."""
    if settings.model or settings.default_model or settings.provider == "template":
        # Who wrote before plays no part: the warehouse is not needed, nor waited for.
        return provider_factory.choose(settings, judge)
    warehouse = Warehouse(settings.warehouse, WAIT_SECONDS)
    return provider_factory.choose(
        settings, judge, champions=model_versions.champions(warehouse), last_writer=writers.last(warehouse)
    )


def write(wanted: Product, provider: Provider, judge: Judge) -> Written:
    """The listing of a product as the pipeline would write it, with its report. Raises CallError and LedgerError."""
    with closing(provider.write([(wanted, 0)])) as completions:
        ((_, completion),) = completions
    if completion.status != "complete":
        return Written(listing=None, report=None, completion=completion)
    try:
        listing = parsing.listing(completion.text)
    except parsing.UnusableAnswerError as error:
        failed = completion.model_copy(update={"status": "failed", "error": str(error)})
        return Written(listing=None, report=None, completion=failed)
    return Written(listing=listing, report=judge.report(wanted, listing), completion=completion)

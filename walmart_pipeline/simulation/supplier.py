"""The supplier of the simulated week: its products, its files, and what changes in them."""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from walmart_pipeline.benchmarks import factual_listing
from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Product
from walmart_pipeline.core.settings import CHECKOUT
from walmart_pipeline.core.warehouse import struct
from walmart_pipeline.generation import parsing, prompt
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.catalog import loading, normalization

Record: TypeAlias = dict[str, Any]

# A product is in the first file whose categories have its own; the last file takes the rest.
FILES = {"home.jsonl": ("Home", "Kitchen & Dining", "Baby"), "leisure.jsonl": ()}
# The supplier sells some products under a brand of its own, too.
OWN_BRAND = "Larkmoor"
POUNDS = re.compile(r"(\d+(?:\.\d+)?) lb\b")


class Supplier:
    """Products by id. What it sends follows from the sample catalog, the seed and its own changes."""

    def __init__(self, products: int, seed: int) -> None:
        """Raises UserError without a checkout, which has the sample catalog."""
        usable = deepcopy(_sample())
        usable += _own_brand(usable)
        random.Random(seed).shuffle(usable)  # noqa: S311  (no secret)
        self.products = {record["item_id"]: record for record in usable[:products]}
        self._reserve = usable[products:]
        self._changes: Counter[str] = Counter()

    def add(self, count: int) -> list[str]:
        """Add products to the range. Returns their ids."""
        added, self._reserve = self._reserve[:count], self._reserve[count:]
        self.products |= {record["item_id"]: record for record in added}
        return [record["item_id"] for record in added]

    def reprice(self, count: int, among: Collection[str]) -> list[str]:
        """Raise the prices of some of these products without a known weight, which no text depends on. Returns them."""
        chosen = [each for each in self._longest_unchanged() if each in among and not self.weight(each)]
        chosen = [each for each in chosen if self.products[each]["price"]]
        for product_id in chosen[:count]:
            self.products[product_id]["price"] = round(self.products[product_id]["price"] + 1, 2)
        return self._changed(chosen[:count])

    def reweigh(self, count: int) -> list[str]:
        """Correct the weights of some products, which their texts state. Returns their ids."""
        chosen = [each for each in self._longest_unchanged() if self.weight(each)][:count]
        for product_id in chosen:
            weight = str(self.weight(product_id))
            heavier = f"{float(weight) + 0.1:.1f}"
            text = re.sub(
                rf"(?<![\d.]){re.escape(weight)} lb\b", f"{heavier} lb", json.dumps(self.products[product_id])
            )
            self.products[product_id] = json.loads(text)
        return self._changed(chosen)

    def _longest_unchanged(self) -> list[str]:
        return sorted(self.products, key=self._changes.__getitem__)

    def _changed(self, ids: list[str]) -> list[str]:
        self._changes.update(ids)
        return ids

    def weight(self, product_id: str) -> str | None:
        """Pounds, if an attribute and the description agree on them."""
        record = self.products[product_id]
        stated = POUNDS.findall(record["description"])
        return next((each for each in stated if f"{each} lb" in record["specs"].values()), None)

    def repack(self, category: str) -> list[str]:
        """Give all products of a broad category another package, which is a fact. Returns their ids."""
        chosen = [each for each, record in self.products.items() if record["category"][0] == category]
        for product_id in chosen:
            self.products[product_id]["specs"]["Package"] = "cardboard box"
        return chosen

    def file(self, name: str) -> bytes:
        """A file as the supplier sends it now, a product per line."""
        rows = [record for record in self.products.values() if file_of(record) == name]
        return "".join(json.dumps(row) + "\n" for row in rows).encode()


def file_of(record: Record) -> str:
    """The file that a product is in."""
    return next(name for name, categories in FILES.items() if not categories or record["category"][0] in categories)


@cache
def _sample() -> list[Record]:
    """The sample catalog's products of whose record the model servers can make a publishable text."""
    if CHECKOUT is None:
        raise UserError("the simulation sends the sample catalog: run it from a checkout of the project")
    with tempfile.TemporaryDirectory(prefix="walmart-simulation-") as folder:
        feeds = loading.offered([str(CHECKOUT / "data" / "sample")], Path(folder), quiet_seconds=0)
        with FileWarehouse(Path(folder) / "warehouse.duckdb").writing() as db:
            loading.load(db, feeds, limit=None, advance=_ignored)
            normalization.refine(db, advance=_ignored)
            rows = db.query(
                f"select {struct('products', Product)} as product from catalog.products order by product_id"
            )
    judge = Judge(profiles.load("walmart-2025"))
    products = [Product(**row["product"]) for row in rows]
    return [_record(product) for product in products if product.category and _is_usable(product, judge)]


def _is_usable(product: Product, judge: Judge) -> bool:
    """Whether lean and whole texts are publishable: else a better model would break rules that a lean one does not."""
    question = {"role": "user", "content": prompt.as_json(prompt.user(prompt.facts(product)))}
    answers = [factual_listing.write([question], lean=lean) for lean in (True, False)]
    return all(judge.report(product, parsing.listing(answer)).publishable for answer in answers)


def _record(product: Product) -> Record:
    return {
        "item_id": product.product_id,
        "product_name": product.product_name,
        "brand": product.brand,
        "category": product.category,
        "specs": product.attributes,
        "features": product.features,
        "description": product.description,
        "price": product.price,
    }


def _own_brand(records: Iterable[Record]) -> list[Record]:
    """A copy of one product of each category and brand under the supplier's own brand."""
    copies: dict[tuple[str, str], Record] = {}
    for record in records:
        key = (record["category"][-1], record["brand"])
        if record["brand"] and key not in copies:
            copies[key] = json.loads(json.dumps(record).replace(record["brand"], OWN_BRAND))
            copies[key]["item_id"] = f"L{record['item_id']}"
    return list(copies.values())


def _ignored(_count: int, _note: str = "") -> None:
    """Progress that nobody watches."""

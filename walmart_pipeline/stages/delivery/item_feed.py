"""Publishable listings as items of Walmart's item feed, each validated against the spec of its product type."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import Field, ValidationError

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.files import read_yaml
from walmart_pipeline.core.records import Listing, Product, Record, content_hash
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.delivery import product_types
from walmart_pipeline.stages.delivery.attribute_fit import AttributeFitter
from walmart_pipeline.stages.delivery.exporter import PUBLISHABLE, accepted
from walmart_pipeline.stages.delivery.item_specs import ItemSpec, Schema, problems, validator

# Bumped when the same listings would give other items: the asset's code_version, and part of each item's inputs_hash.
VERSION = "1"

# What Walmart asks of a product without a brand.
UNBRANDED = "Unbranded"

# What Walmart asks of every item, where the record lacks it.
LACKING = {"productIdentifiers": "the record has no valid GTIN", "price": "the record has no price"}

# Of a category that is not mapped to a product type of the spec.
REMEDY = "give it one in product_types.yaml, see `walmart-pipeline feed types`"

VARIANT_GROUP = "variantGroupId"

# A nightly run changes the texts of some product types: the schemas of so many stay in memory, at some 100 kB each.
SCHEMAS_IN_MEMORY = 64

DUE = f"""
select *
from (select *, md5(product || listing || $fingerprint) as inputs_hash from ({PUBLISHABLE})) as publishable
anti join delivery.item_feed using (product_id, inputs_hash)
"""

FORGET = f"delete from delivery.item_feed where product_id not in (select product_id from ({PUBLISHABLE}))"


class FeedValues(Record):
    """What the user adds to every item, and which property takes an attribute of another name."""

    orderable: dict[str, Any] = Field(default_factory=dict)
    visible: dict[str, Any] = Field(default_factory=dict)
    attributes: dict[str, str] = Field(default_factory=dict, description="Attribute of the catalog to property.")


class CompiledItem(NamedTuple):
    """An item as it would be sent, what is wrong with it, and which attributes it does without."""

    product_type: str | None
    item: dict[str, Any]
    problems: list[str]
    omitted: list[str]

    @property
    def variant_group(self) -> str | None:
        """The group of variants that it belongs to."""
        (visible,) = self.item["Visible"].values() if self.item else ({},)
        group = visible.get(VARIANT_GROUP)
        return None if group is None else str(group)


class _Part:
    """A part of an item, `Orderable` or the product type's of `Visible`, as its schema has it."""

    def __init__(self, place: str, schema: Schema, fixed: Mapping[str, Any], names: Mapping[str, str]) -> None:
        self._place = place
        self._fixed = fixed
        self._fitter = AttributeFitter(schema, names)
        self._validator = validator(schema)
        self.properties: Schema = schema.get("properties", {})

    def fill(self, product: Product, own: Mapping[str, Any]) -> tuple[dict[str, Any], list[str], list[str]]:
        """Its values, what is wrong with them, and the omitted attributes.

        own: values that stand above the record's attributes, as these do above the user's fixed ones.
        """
        attributes, omitted = self._fitter.fit(product.attributes)
        values = {**self._fixed, **attributes, **own}
        kept = {name: values[name] for name in sorted(values) if name in self.properties}
        return kept, problems(self._validator, kept, self._place), omitted


class Compiler:
    """Compiles listings for one spec, mapping of categories and set of fixed values."""

    def __init__(self, spec: ItemSpec, types: product_types.ProductTypes, values: FeedValues) -> None:
        self.spec = spec
        self._types = types
        self._values = values
        self._orderable = _Part("Orderable", spec.orderable, values.orderable, values.attributes)
        self._of_type = lru_cache(maxsize=SCHEMAS_IN_MEMORY)(self._read_type)

    @property
    def fingerprint(self) -> str:
        """What an item depends on beside its listing and record."""
        return content_hash([VERSION, self.spec.digest, self._types.fingerprint, self._values.model_dump()])

    def compile(self, product: Product, listing: Listing) -> CompiledItem:
        """The item of a listing. Values that are missing or not allowed are in its `problems`."""
        category = product_types.SEPARATOR.join(product.category)
        mapped = self._types.of(product.category)
        if mapped is None:
            return CompiledItem(None, {}, [f"the category {category or '(none)'} has no product type: {REMEDY}"], [])
        product_type = self.spec.type_named(mapped)
        if product_type is None:
            return CompiledItem(mapped, {}, [f"the spec has no product type {mapped}: {REMEDY}"], [])
        visible, unfit, omitted = self._visible(product, listing, self._of_type(product_type))
        orderable, missing, _ = self._orderable.fill(product, _identity(product))
        found = [*map(_with_cause, missing), *unfit]
        return CompiledItem(product_type, {"Orderable": orderable, "Visible": {product_type: visible}}, found, omitted)

    def _read_type(self, product_type: str) -> _Part:
        return _Part("Visible", self.spec.schema(product_type), self._values.visible, self._values.attributes)

    @staticmethod
    def _visible(product: Product, listing: Listing, part: _Part) -> tuple[dict[str, Any], list[str], list[str]]:
        # The most important features come first.
        most = part.properties.get("keyFeatures", {}).get("maxItems")
        text = {
            "productName": listing.title,
            "brand": product.brand or UNBRANDED,
            "shortDescription": listing.description,
            "keyFeatures": listing.key_features[:most],
        }
        return part.fill(product, text)


def _with_cause(problem: str) -> str:
    cause = next((cause for name, cause in LACKING.items() if problem.endswith(f" {name} missing")), None)
    return f"{problem}: {cause}" if cause else problem


def _identity(product: Product) -> dict[str, Any]:
    identity: dict[str, Any] = {"sku": product.product_id}
    if product.gtin:
        identity["productIdentifiers"] = {"productIdType": "GTIN", "productId": product.gtin}
    if product.price is not None and math.isfinite(product.price):
        identity["price"] = round(product.price, 2)
    return identity


def read_values(path: Path) -> FeedValues:
    """Read the fixed values; a missing file has none. Raises UserError for a file of another shape."""
    if not path.is_file():
        return FeedValues()
    try:
        return FeedValues.model_validate(read_yaml(path) or {})
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError) as error:
        raise UserError(f"{path} must have orderable, visible and attributes, each name: value: {error}") from error


def compiler_for(settings: Settings, spec: ItemSpec) -> Compiler:
    """The compiler for a spec, with the user's mapping of categories and fixed values."""
    return Compiler(spec, product_types.load(settings.product_types), read_values(settings.feed_values))


def compiled(db: Database, compiler: Compiler) -> Iterator[tuple[Product, Listing, CompiledItem]]:
    """Compile every publishable listing, by product id, without storing anything."""
    for product, listing, _ in accepted(db):
        yield product, listing, compiler.compile(product, listing)


def refresh(db: Database, compiler: Compiler) -> int:
    """Update `delivery.item_feed`. Returns the number of listings that were compiled: those that changed."""
    db.execute(FORGET)
    total = 0
    for page in db.pages_by_key(DUE, {"fingerprint": compiler.fingerprint}, key="product_id"):
        rows = [_stored(row, _compiled(row, compiler), compiler.spec) for row in page]
        total += db.upsert("delivery.item_feed", rows, ["product_id"])
    return total


def _compiled(row: Row, compiler: Compiler) -> CompiledItem:
    return compiler.compile(Product.model_validate_json(row["product"]), Listing.model_validate_json(row["listing"]))


def _stored(row: Row, made: CompiledItem, spec: ItemSpec) -> Row:
    # ASCII, as Walmart's own samples are.
    item = json.dumps(made.item, allow_nan=False) if not made.problems else None
    return {
        "product_id": row["product_id"],
        "product_type": made.product_type,
        "variant_group": made.variant_group,
        "item": item,
        "item_hash": content_hash(made.item) if item else None,
        "bytes": len(item) if item else None,
        "problems": made.problems or None,
        "omitted": made.omitted,
        "spec_version": spec.version,
        "inputs_hash": row["inputs_hash"],
        "compiled_at": datetime.now(UTC),
    }

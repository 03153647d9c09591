"""A warehouse of publishable listings, and a small item spec in the shape of Walmart's."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.core.settings import Settings

VERSION = "5.0.20260803-17_50_56-api"


def string(most: int = 200, **more: Any) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": most, **more}


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def product_type(*required: str, **properties: Any) -> dict[str, Any]:
    """The schema of a product type: what every one has, and its own properties."""
    return closed(
        ["productName", "brand", "shortDescription", "keyFeatures", *required],
        productName=string(199),
        brand=string(60),
        shortDescription=string(4000),
        keyFeatures={"type": "array", "minItems": 3, "maxItems": 4, "items": string(500)},
        variantGroupId=string(300),
        **properties,
    )


def spec_content(version: str = VERSION, **types: Any) -> dict[str, Any]:
    """A spec of these product types; the test's own, not Walmart's."""
    orderable = closed(
        ["sku", "productIdentifiers", "price"],
        sku=string(50),
        productIdentifiers=closed(
            ["productIdType", "productId"], productIdType={"enum": ["GTIN"]}, productId=string(14)
        ),
        price={"type": "number", "minimum": 0.01, "multipleOf": 0.01},
    )
    item = closed(["Orderable", "Visible"], Orderable=orderable, Visible=closed([], **types))
    header = closed(
        ["businessUnit", "locale", "version"],
        businessUnit={"enum": ["WALMART_US"]},
        locale={"enum": ["en"]},
        version={"enum": [version]},
    )
    return closed(["MPItemFeedHeader", "MPItem"], MPItemFeedHeader=header, MPItem={"type": "array", "items": item})


def kettle(number: int = 1, **changes: Any) -> Product:
    return Product.model_validate(
        {
            "product_id": f"K-{number:03}",
            "product_name": "Kettle",
            "brand": "Brindlewick",
            "category": ["Home", "Kitchen", "Kettles"],
            "attributes": {"Capacity": "1.7 L", "Color": "navy"},
            "price": 29.99,
            "gtin": f"{number:014}",
        }
        | changes
    )


LISTING = Listing(
    title="Brindlewick Kettle, 1.7 L",
    key_features=["Boils", "Pours", "Rests", "Whistles", "Shines"],
    description="It boils water.\n\nIt is quiet.",
)


class Shop:
    """A workspace with accepted listings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings(workspace=folder / "workspace", item_spec=folder / "spec.json")
        self.warehouse = FileWarehouse(self.settings.warehouse)
        kettles = product_type(
            color=string(), capacity=closed(["measure", "unit"], measure={"type": "number"}, unit={"enum": ["L", "qt"]})
        )
        self.write_spec(**{"Electric Kettles": kettles})
        self.settings.workspace.mkdir(parents=True)
        self.settings.product_types.write_text("Home > Kitchen: Electric Kettles\n")

    def write_spec(self, version: str = VERSION, *, name: str = "spec.json", **types: Any) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(spec_content(version, **types)))
        return path

    def accept(
        self, product: Product, listing: Listing = LISTING, *, publishable: bool = True, score: float = 90
    ) -> None:
        """Store a product with its accepted text, replacing what it had."""
        key = {"product_id": product.product_id, "content_hash": listing.content_hash}
        row = product.model_dump() | {"facts_hash": product.facts_hash}
        text = {"provider": "template", "model": "template", "generated_at": datetime(2026, 1, 1, tzinfo=UTC)}
        with self.warehouse.writing() as db:
            db.upsert("catalog.products", [row], ["product_id"])
            db.upsert("quality.listings", [key | listing.model_dump() | {"score": 90.0}], ["product_id"])
            db.upsert("content.generated_content", [key | {"facts_hash": product.facts_hash} | text], ["product_id"])
            judged = {"facts_hash": product.facts_hash, "publishable": publishable, "score": 90.0, "policy": "p@1"}
            db.upsert("quality.scores", [key | judged], ["product_id"])

    def withdraw(self, product_id: str) -> None:
        with self.warehouse.writing() as db:
            db.execute("delete from quality.listings where product_id = ?", [product_id])

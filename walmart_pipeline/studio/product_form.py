"""Products as users give them: fields of a form, and products of the catalog by search."""

from __future__ import annotations

from typing import Any, NamedTuple

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.core.warehouse import Database, Row, struct
from walmart_pipeline.stages.content import single_product
from walmart_pipeline.stages.content.single_product import ProductError

PAGE = 20

# The best matches first: the id itself, then a name that begins so.
FOUND = """
select product_id, product_name, brand, count(*) over () as matches
from catalog.products
where $text = '' or product_id = $text or contains(lower(product_name), lower($text))
    or contains(lower(coalesce(brand, '')), lower($text))
order by product_id <> $text, not starts_with(lower(product_name), lower($text)), product_name, product_id
limit $rows offset $skipped
"""

CURRENT = f"""
select
    {struct("products", Product)} as product,
    products.facts_hash,
    content.content_hash,
    content.written_by,
    case when content.status = 'complete' then {struct("content", Listing)} end as listing
from catalog.products
left join content.generated_content as content using (product_id)
where products.product_id = $product_id
"""


def product_from(*, name: str, brand: str, category: str, features: str, attributes: str, description: str) -> Product:
    """The product of a form. features and attributes: one a line, `Name: value`. Raises ProductError."""
    given: dict[str, Any] = {
        "product_name": name.strip(),
        "brand": brand.strip() or None,
        "category": [part.strip() for part in category.split(">") if part.strip()],
        "features": [line.strip() for line in features.splitlines() if line.strip()],
        "attributes": dict(_pair(line) for line in attributes.splitlines() if line.strip()),
        "description": description.strip(),
    }
    if not given["product_name"]:
        raise ProductError("the product needs a name")
    return single_product.product(given)


def _pair(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        name, colon, value = line.partition("=")
    if not colon or not name.strip() or not value.strip():
        raise ProductError(f"attributes: “{line.strip()}” is not of the form Name: value")
    return name.strip(), value.strip()


def search(db: Database, text: str, page: int) -> tuple[list[Row], int]:
    """A page of the products that match, and how many there are."""
    rows = db.query(FOUND, {"text": text.strip(), "rows": PAGE, "skipped": PAGE * page})
    return rows, rows[0]["matches"] if rows else 0


class CatalogText(NamedTuple):
    """A product of the catalog with its current text; None without one."""

    product: Product
    facts_hash: str
    listing: Listing | None
    content_hash: str | None
    author: str


def current(db: Database, product_id: str) -> CatalogText:
    """A product of the catalog with its text. Raises ProductError."""
    rows = db.query(CURRENT, {"product_id": product_id})
    if not rows:
        raise ProductError(f"there is no product {product_id} in the catalog any more")
    row = rows[0]
    listing = Listing(**row["listing"]) if row["listing"] else None
    content_hash = row["content_hash"] if listing else None
    return CatalogText(Product(**row["product"]), row["facts_hash"], listing, content_hash, row["written_by"] or "")

"""Which items of the catalog a new version of the item spec breaks."""

from __future__ import annotations

from pydantic import Field

from walmart_pipeline.core.records import Record
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.stages.delivery.item_feed import compiled, compiler_for
from walmart_pipeline.stages.delivery.item_specs import ItemSpec


class BrokenItem(Record):
    """An item that fits the old spec and not the new one."""

    product_id: str
    product_type: str
    problems: list[str]


class SpecChanges(Record):
    """What a new version of the spec means for the publishable listings."""

    old_version: str | None
    new_version: str | None
    items: int
    broken: list[BrokenItem]
    mended: int = Field(description="Items that fit only the new spec.")
    unfit: int = Field(description="Items that fit neither.")


def compare(db: Database, old: ItemSpec, new: ItemSpec, settings: Settings) -> SpecChanges:
    """Compile every publishable listing for both specs. Stores nothing."""
    after = compiler_for(settings, new)
    broken: list[BrokenItem] = []
    items = mended = unfit = 0
    for product, listing, was in compiled(db, compiler_for(settings, old)):
        now = after.compile(product, listing)
        items += 1
        if now.problems and not was.problems:
            broken.append(
                BrokenItem(product_id=product.product_id, product_type=was.product_type or "", problems=now.problems)
            )
        mended += bool(was.problems and not now.problems)
        unfit += bool(was.problems and now.problems)
    return SpecChanges(
        old_version=old.version, new_version=new.version, items=items, broken=broken, mended=mended, unfit=unfit
    )

"""Assign every product to train, validation or test: `training.split`.

A component is what families and near-copies of inputs connect; all of it is in one split. A component keeps the split
that its products or families had. Where two merge that were in different splits, all of it goes to the held-out one,
test before validation before train: a product may leave the training split, and never enters it from another. What a
model has learned of such a product before speaks for that model, not for its challenger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

from walmart_pipeline.core.records import Product
from walmart_pipeline.core.warehouse import Database, Row, struct
from walmart_pipeline.judge.duplicates.families import family
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.training import near_duplicates
from walmart_pipeline.stages.training.near_duplicates import Corpus, Groups

Split: TypeAlias = Literal["train", "validation", "test"]

_HASH_BYTES = 8

# Any number does; this one stays, since another would move held-out products into the training split.
SPLIT_SEED = 2025

# All products that an example can be about: those of the catalog, also without an accepted text, and imported ones.
SUBJECTS = f"""
select product_id, facts_hash, to_json({struct("products", Product)})::varchar as text
from catalog.products
union all
select product_id, facts_hash, product::varchar as text
from training.imports
where verdict = 'accepted'
"""

FORGET_CHANGED = f"""
delete from training.inputs
where (product_id, facts_hash) not in (select (product_id, facts_hash) from ({SUBJECTS}))
"""

UNSKETCHED = f"""
select product_id, facts_hash, text
from ({SUBJECTS})
anti join training.inputs using (product_id, facts_hash)
"""

INPUTS = Corpus(
    sketches="select product_id, bands, bits from training.inputs",
    texts=SUBJECTS,
    read=near_duplicates.product_text,
)

SAME_FAMILY = """
select place, min(place) over (partition by family) as first
from sketched
join training.inputs using (product_id)
"""

COMPONENTS = """
create or replace temp table components as
select product_id, family, min(family) over (partition by root) as component
from grouped
join training.inputs using (product_id)
"""

_HELD_OUT = "case split.split when 'test' then 1 when 'validation' then 2 when 'train' then 3 end"

# The most held-out split of any product or family of a component; null where none had one.
KEPT_SPLITS = f"""
create or replace temp table component_splits as
select component, min(kept) as kept
from (
    select components.component, {_HELD_OUT} as kept
    from components
    left join training.split using (product_id)
    union all
    select families.component, {_HELD_OUT} as kept
    from (select distinct family, component from components) as families
    join training.split using (family)
)
group by component
"""
SPLITS = {1: "test", 2: "validation", 3: "train"}

REPLACE = (
    "delete from training.split where product_id in (select product_id from components)",
    """
    insert into training.split by name
    select product_id, family, component, split
    from components
    join dealt using (component)
    """,
)


def split_of(component: str, *, seed: int, validation_share: float = 0.15, test_share: float = 0.15) -> Split:
    """Return the split of a component by a seeded hash, whatever else is in the dataset.

    Shares are of components, so the shares of examples vary. A larger share only takes components from the other
    splits, it never returns one to them. Raises ValueError for a negative share, or when nothing is left to train on.
    Hash split after the ML Test Score rubric (Breck et al. 2017): stable when rows are added.
    """
    if validation_share < 0 or test_share < 0 or validation_share + test_share >= 1:
        raise ValueError(
            f"validation_share={validation_share} and test_share={test_share} leave nothing to train on: "
            "both must be at least 0 and their sum below 1"
        )
    digest = hashlib.blake2b(f"{seed}:{component}".encode(), digest_size=_HASH_BYTES).digest()
    position = int.from_bytes(digest, "big") / 2 ** (8 * _HASH_BYTES)
    if position < test_share:
        return "test"
    # Counted from the other end, so that a new test share moves no component between validation and training.
    return "validation" if position >= 1 - validation_share else "train"


def divide(db: Database, judge: Judge, *, advance: Callable[[int], None]) -> None:
    """Give every product its family, its component and its split.

    advance: told the number of products whose input was read anew.
    """
    _sketch(db, judge, advance)
    groups = Groups(near_duplicates.find(db, INPUTS))
    for page in db.pages(SAME_FAMILY):
        for row in page:
            groups.join(row["place"], row["first"])
    near_duplicates.join(db, INPUTS, groups)
    near_duplicates.keep_groups(db, groups)
    db.execute(COMPONENTS)
    db.execute(KEPT_SPLITS)
    db.execute("create or replace temp table dealt (component varchar, split varchar)")
    db.append("dealt", _dealt(db))
    for statement in REPLACE:
        db.execute(statement)


def _sketch(db: Database, judge: Judge, advance: Callable[[int], None]) -> None:
    db.execute(FORGET_CHANGED)
    for page in db.pages_by_key(UNSKETCHED, key="product_id"):
        db.append("training.inputs", [_input_row(row, judge) for row in page])
        db.checkpoint()
        advance(len(page))


def _input_row(row: Row, judge: Judge) -> Row:
    product = Product.model_validate_json(row["text"])
    return {
        "product_id": row["product_id"],
        "facts_hash": row["facts_hash"],
        "family": family(product.product_name, product.brand, product.attributes),
        **near_duplicates.sketch(judge, near_duplicates.product_text(row["text"])),
    }


def _dealt(db: Database) -> Iterator[Row]:
    for page in db.pages("select component, kept from component_splits"):
        for row in page:
            kept = SPLITS[row["kept"]] if row["kept"] else split_of(row["component"], seed=SPLIT_SEED)
            yield {"component": row["component"], "split": kept}

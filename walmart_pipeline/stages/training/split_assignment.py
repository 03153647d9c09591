"""Assigns every product to train, validation or test: `training.split`.

Families and near-copies of inputs form components, and a component is in one split. It keeps the split that its
products or families had. If components of different splits merge, all of it goes to the most held-out one: test before
validation before train. A product may leave the training split but never enters it from another; what older models have
learned of it counts in their favour, not in a challenger's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Literal, TypeAlias

from walmart_pipeline.core.records import Product
from walmart_pipeline.core.warehouse import Database, Row, struct
from walmart_pipeline.generation import prompt
from walmart_pipeline.judge.duplicates.families import family
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.training import near_duplicates
from walmart_pipeline.stages.training.near_duplicates import Corpus

Split: TypeAlias = Literal["train", "validation", "test"]

_HASH_BYTES = 8
VALIDATION_SHARE = TEST_SHARE = 0.15

# Never changed: another seed would move held-out products into the training split.
SPLIT_SEED = 2025

# Keys only, so that no record is read.
KEYS = """
select product_id, facts_hash from catalog.products
union all
select product_id, facts_hash from training.imports where verdict = 'accepted'
"""

FORGET_CHANGED = f"""
delete from training.inputs
where (product_id, facts_hash) not in (select (product_id, facts_hash) from ({KEYS}))
"""


def subjects(only: str = "") -> str:
    """Return SQL for all products of the catalog and of imports; only: a join that restricts them."""
    return f"""
        select product_id, facts_hash, to_json({struct("products", Product)})::varchar as text
        from catalog.products {only}
        union all
        select product_id, facts_hash, product::varchar as text
        from training.imports {only}
        where verdict = 'accepted'
    """


UNSKETCHED = subjects("anti join training.inputs using (product_id, facts_hash)")

INPUTS = Corpus(
    name="input",
    table="training.inputs",
    texts=subjects("semi join texts_to_compare using (product_id)"),
    read=near_duplicates.product_text,
)

FAMILY_EDGES = """
with texts as (
    select sketch_key, min(family) as family
    from training.inputs
    where sketch_key is not null
    group by sketch_key
    having count(*) > 1 or sketch_key in (
        select unnest([one, other]) from training.near_copies where corpus = 'input'
    )
)
select inputs.family as one, texts.family as other
from training.inputs
join texts using (sketch_key)
where inputs.family <> texts.family
union
select first.family, second.family
from training.near_copies
join texts as first on first.sketch_key = one
join texts as second on second.sketch_key = other
where corpus = 'input' and first.family <> second.family
"""

COMPONENTS = """
create or replace temp table components as
select product_id, family, coalesce(root, family) as component
from training.inputs
left join connected on node = family
"""

_HELD_OUT = "case split.split when 'test' then 1 when 'validation' then 2 when 'train' then 3 end"

# The most held-out split of any product or family of a component; null if none had one.
KEPT_SPLITS = f"""
create or replace temp table component_splits as
select component, case min(kept) when 1 then 'test' when 2 then 'validation' when 3 then 'train' end as split
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

NEW_COMPONENTS = "select component from component_splits where split is null"

SAVE_CHANGED = (
    """
    create or replace temp table assigned as
    select product_id, family, component, coalesce(component_splits.split, new_splits.split) as split
    from components
    join component_splits using (component)
    left join new_splits using (component)
    except
    select product_id, family, component, split
    from training.split
    """,
    "delete from training.split where product_id in (select product_id from assigned)",
    "insert into training.split by name from assigned",
)


def split_of(component: str, *, seed: int = SPLIT_SEED) -> Split:
    """Return the split of a component by a seeded hash. Shares are of components, so those of examples vary.

    After the ML Test Score rubric (Breck et al. 2017): stable when rows are added.
    """
    digest = hashlib.blake2b(f"{seed}:{component}".encode(), digest_size=_HASH_BYTES).digest()
    position = int.from_bytes(digest, "big") / 2 ** (8 * _HASH_BYTES)
    if position < TEST_SHARE:
        return "test"
    return "validation" if position >= 1 - VALIDATION_SHARE else "train"


def assign(db: Database, judge: Judge, *, advance: Callable[[int], None]) -> None:
    """Update the family, component and split of every product, reading and writing only changes.

    advance: called with the number of products since the last call.
    """
    db.execute(FORGET_CHANGED)
    for page in db.pages_by_key(UNSKETCHED, key="product_id"):
        db.append("training.inputs", [_input_row(row, judge) for row in page])
        db.checkpoint()
        advance(len(page))
    near_duplicates.update(db, INPUTS)
    near_duplicates.connect(db, FAMILY_EDGES)
    db.execute(COMPONENTS)
    db.execute(KEPT_SPLITS)
    db.execute("create or replace temp table new_splits (component varchar, split varchar)")
    for page in db.pages(NEW_COMPONENTS):
        db.append("new_splits", ({"split": split_of(row["component"])} | row for row in page))
    for statement in SAVE_CHANGED:
        db.execute(statement)


def _input_row(row: Row, judge: Judge) -> Row:
    product = Product.model_validate_json(row["text"])
    return {
        "product_id": row["product_id"],
        "facts_hash": row["facts_hash"],
        "family": family(product.product_name, product.brand, product.attributes),
        **near_duplicates.sketch(judge, near_duplicates.input_text(prompt.facts(product))),
    }

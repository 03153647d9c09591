"""Finds families, components and near-copies that are in more than one split of the published dataset."""

from __future__ import annotations

from walmart_pipeline.core.records import Record
from walmart_pipeline.core.warehouse import Database, Row

SHOWN = 10

DIVIDED = """
select count(*)
from (
    select {unit}
    from training.dataset
    where {unit} is not null
    group by {unit}
    having min(split) <> max(split)
)
"""

# Identical texts and near-copies of different splits, with one product for each text and split.
APART = """
with texts as (
    select 'input' as corpus, sketch_key, split, min(product_id) as product_id
    from training.dataset
    join training.inputs using (product_id)
    where sketch_key is not null
    group by sketch_key, split
    union all
    select 'output', sketch_key, split, min(product_id)
    from training.dataset
    join training.outputs using (product_id)
    where sketch_key is not null
    group by sketch_key, split
),
pairs as (
    select corpus, one, other, similarity
    from training.near_copies
    union all
    select corpus, sketch_key, sketch_key, 1.0
    from texts
    group by corpus, sketch_key
    having count(*) > 1
)
select
    pairs.corpus as of,
    format('{} ({})', first.product_id, first.split) as one,
    format('{} ({})', second.product_id, second.split) as other,
    similarity
from pairs
join texts as first on first.sketch_key = one and first.corpus = pairs.corpus
join texts as second on second.sketch_key = other and second.corpus = pairs.corpus
where first.split <> second.split and (pairs.one <> pairs.other or first.split < second.split)
"""


class Leakage(Record):
    """Overlaps between splits. pairs: the first SHOWN, {input or output, both products with splits, similarity}."""

    examples: int
    divided_families: int
    divided_components: int
    near_copies: int
    pairs: list[Row]

    @property
    def found(self) -> bool:
        """Whether a model would be tested on its training data."""
        return bool(self.divided_families or self.divided_components or self.near_copies)


def leakage(db: Database) -> Leakage:
    """Return the overlaps between the splits of `training.dataset`."""
    db.execute(f"create or replace temp table apart as {APART}")
    return Leakage(
        examples=db.count("training.dataset"),
        divided_families=int(db.value(DIVIDED.format(unit="family"))),
        divided_components=int(db.value(DIVIDED.format(unit="component"))),
        near_copies=db.count("apart"),
        pairs=db.query(f"select * from apart order by of, one, other limit {SHOWN}"),
    )

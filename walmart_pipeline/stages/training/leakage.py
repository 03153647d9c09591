"""Whether what is held out is told on the training split: measured on the dataset as it was published.

Belongs here: families, components and near-copies that stand on two splits. Does not: dealing splits
(split_assignment.py). Reads the examples themselves and makes their sketches anew, so that a fault of the split does
not hide itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from walmart_pipeline.core.records import Record
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.training import near_duplicates
from walmart_pipeline.stages.training.near_duplicates import NEAR_COPY, Corpus

SHOWN = 10

DIVIDED = """
select {unit} as name, count(*) as examples, list(distinct split order by split) as splits
from training.dataset
where {unit} is not null
group by {unit}
having count(distinct split) > 1
order by examples desc, name
"""

EXAMPLES = "select product_id, example::varchar as text from training.dataset order by product_id"

APART = """
select distinct least(one, other) as one, greatest(one, other) as other
from near_pairs
join sketched as first on first.place = one
join sketched as second on second.place = other
join training.dataset as here on here.product_id = first.product_id
join training.dataset as there on there.product_id = second.product_id
where here.split <> there.split
order by all
"""

NAMED = "select place, product_id, split from sketched join training.dataset using (product_id) where place in ($1, $2)"


class Leakage(Record):
    """What stands on two splits. pairs: the first ones, {input or output, both products and splits, similarity}."""

    examples: int
    divided_families: int
    divided_components: int
    near_copies: int
    pairs: list[Row]

    @property
    def found(self) -> bool:
        """Whether anything held out is told elsewhere."""
        return bool(self.divided_families or self.divided_components or self.near_copies)


def leakage(db: Database, judge: Judge) -> Leakage:
    """What of `training.dataset` stands on two splits. Near-copies are measured exactly, on candidates by sketches."""
    count = 0
    shown: list[Row] = []
    for kind, read in (("input", near_duplicates.example_input), ("output", near_duplicates.example_output)):
        for pair in _across(db, judge, Corpus("select * from dataset_sketches", EXAMPLES, read)):
            count += 1
            if len(shown) < SHOWN:
                shown.append({"of": kind} | pair)
    return Leakage(
        examples=db.count("training.dataset"),
        divided_families=len(db.query(DIVIDED.format(unit="family"))),
        divided_components=len(db.query(DIVIDED.format(unit="component"))),
        near_copies=count,
        pairs=shown,
    )


def _across(db: Database, judge: Judge, corpus: Corpus) -> Iterator[Row]:
    """Near-copies that stand on two splits."""
    db.execute("create or replace temp table dataset_sketches (product_id varchar, bands ubigint[], bits ubigint[])")
    for page in db.pages_by_key(EXAMPLES, key="product_id"):
        sketches = ((row["product_id"], near_duplicates.sketch(judge, corpus.read(row["text"]))) for row in page)
        db.append("dataset_sketches", ({"product_id": key} | sketch for key, sketch in sketches))
    near_duplicates.find(db, corpus)
    for page in db.pages(APART):
        pairs = [(row["one"], row["other"]) for row in page]
        texts = near_duplicates.texts_at(db, corpus, pairs)
        for one, other in pairs:
            similarity = near_duplicates.similarity(texts[one], texts[other])
            if similarity >= NEAR_COPY:
                first, second = (f"{row['product_id']} ({row['split']})" for row in db.query(NAMED, [one, other]))
                yield {"one": first, "other": second, "similarity": f"{similarity:.2f}"}

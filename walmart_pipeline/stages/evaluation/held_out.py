"""Held-out products with both of their texts, judged.

Belongs here: which products are held out, and `evaluation.results`. Does not: comparing (comparison.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from walmart_pipeline.core.records import Listing, Product, QualityReport
from walmart_pipeline.core.warehouse import Database, Row, struct
from walmart_pipeline.judge.judge import Judge, source_listing
from walmart_pipeline.stages.evaluation.comparison import Judged, Pair

# Bumped when the same texts would give another comparison: the assets' code_version.
VERSION = "2"

# At a spread of 20 points, the mean of 5,000 differences is known to 0.6 points (95 %); more products would only take
# memory, since both texts of each are held while they are compared.
PRODUCTS_AT_MOST = 5_000

# Products of the test split with a text, accepted or not: choosing by success would flatter the text, and so would what
# people wrote.
HELD_OUT = f"""
select
    {struct("products", Product)} as product,
    {struct("content", Listing)} as listing,
    split.family
from training.split
join catalog.products using (product_id)
join content.generated_content as content using (product_id)
where split.split = 'test' and content.status = 'complete' and content.provider <> 'reviewer'
order by md5(product_id)
limit {PRODUCTS_AT_MOST}
"""

WRITERS = """
select content.written_by || case when content.fallback is null then '' else ' in place of a model' end as writer,
    count(distinct product_id) as texts
from evaluation.results
join content.generated_content as content using (product_id)
where text = 'generated'
group by writer
order by texts desc, writer
"""

REPORTS = """
select *
from evaluation.results
order by product_id, text
"""


def judge_all(db: Database, judge: Judge, *, advance: Callable[[int], None]) -> int:
    """Fill `evaluation.results` with both reports of each held-out product. Returns how many rows.

    advance: told the number of products since the last call.
    """

    def rows() -> Iterator[Row]:
        for product, generated, _ in _texts(db):
            yield judge.report(product, generated).flat() | {"text": "generated"}
            yield judge.report(product, source_listing(product)).flat() | {"text": "source"}
            advance(1)

    return db.replace("evaluation.results", rows())


def pairs(db: Database) -> list[Pair]:
    """The held-out products with both texts and their reports in `evaluation.results`."""
    reports = {(row["product_id"], row["text"]): QualityReport.from_flat(row) for row in db.query(REPORTS)}
    return [
        Pair(
            product=product,
            generated=Judged(listing=generated, report=reports[product.product_id, "generated"]),
            source=Judged(listing=source_listing(product), report=reports[product.product_id, "source"]),
            family=family,
        )
        for product, generated, family in _texts(db)
        if (product.product_id, "source") in reports
    ]


def writers(db: Database) -> str:
    """Who wrote the held-out texts, with the number of texts of each author."""
    return ", ".join(f"{row['writer']} ({row['texts']:,})" for row in db.query(WRITERS)) or "nobody"


def _texts(db: Database) -> list[tuple[Product, Listing, str]]:
    """Product, generated text and family."""
    return [(Product(**row["product"]), Listing(**row["listing"]), row["family"]) for row in db.query(HELD_OUT)]

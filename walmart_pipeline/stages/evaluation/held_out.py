"""Scores of the generated and the source text of held-out products: `evaluation.results`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from walmart_pipeline.core.records import Listing, Product, QualityReport, content_hash
from walmart_pipeline.core.warehouse import Database, Row, struct
from walmart_pipeline.judge.judge import Judge, source_listing
from walmart_pipeline.stages.evaluation.evaluation_store import JudgedText

# Bumped when the same texts would give another comparison: the assets' code_version.
VERSION = "2"

# At a standard deviation of 20 points, the mean of 5,000 differences is known to 0.6 points (95 %); all texts are held
# in memory.
MAX_PRODUCTS = 5_000

# Accepted or not, and without edits: both would bias the comparison.
HELD_OUT = f"""
select
    to_json({struct("products", Product)})::varchar as product,
    to_json({struct("content", Listing)})::varchar as listing,
    split.family,
    content.written_by || case when content.fallback is null then '' else ' in place of a model' end as writer
from training.split
join catalog.products using (product_id)
join content.generated_content as content using (product_id)
where split.split = 'test' and content.status = 'complete' and content.provider <> 'reviewer'
order by md5(product_id)
limit {MAX_PRODUCTS}
"""


# Reports of these very texts, judged for `quality.scores`.
SCORED = """
select scores.*
from quality.scores
join training.split using (product_id)
join catalog.products using (product_id)
join content.generated_content as content using (product_id, content_hash)
where split.split = 'test' and scores.policy = $policy and scores.facts_hash = products.facts_hash
"""

FORGET_OUTDATED = """
delete from evaluation.results
where policy <> $policy or inputs_hash is null or inputs_hash not in (select unnest($hashes::varchar[]))
"""


class HeldOutText(NamedTuple):
    """A held-out product with its generated text, its family, and the text's author."""

    product: Product
    listing: Listing
    family: str
    writer: str


def judge_all(db: Database, judge: Judge, *, advance: Callable[[int], None]) -> int:
    """Bring `evaluation.results` up to date: both reports of each held-out product. Returns the number of rows.

    A text is judged once for the same facts under the same policy, here or for `quality.scores`.
    """
    wanted: dict[str, tuple[Product, str, Listing]] = {}
    for product, generated, *_ in _held_out(db):
        for kind, listing in (("generated", generated), ("source", source_listing(product))):
            key = content_hash([product.product_id, kind, product.facts, listing.model_dump()])
            wanted[key] = product, kind, listing
    db.execute(FORGET_OUTDATED, {"policy": judge.policy.label, "hashes": list(wanted)})
    known = {row["inputs_hash"] for row in db.query("select inputs_hash from evaluation.results")}
    scored = {
        row["product_id"]: QualityReport.from_row(row) for row in db.query(SCORED, {"policy": judge.policy.label})
    }

    def rows() -> Iterator[Row]:
        for key in wanted.keys() - known:
            product, kind, listing = wanted[key]
            report = scored.get(product.product_id) if kind == "generated" else None
            report = judge.with_uniqueness(report, None) if report else judge.report(product, listing)
            yield report.as_row() | {"text": kind, "inputs_hash": key}
            advance(1)

    db.append("evaluation.results", rows())
    return len(wanted)


def judged_texts(db: Database) -> list[JudgedText]:
    """Return both texts of each held-out product with their reports in `evaluation.results`."""
    rows = db.query("select * from evaluation.results")
    reports = {(row["product_id"], row["text"]): QualityReport.from_row(row) for row in rows}
    return [
        judged_text(product, listing, report, family, writer if is_generated else None)
        for product, generated, family, writer in _held_out(db)
        for is_generated, listing in ((True, generated), (False, source_listing(product)))
        if (report := reports.get((product.product_id, "generated" if is_generated else "source")))
    ]


def judged_text(
    product: Product, listing: Listing, report: QualityReport, family: str, writer: str | None
) -> JudgedText:
    """Create one text of a comparison. writer: of a generated text; None for the source text."""
    return JudgedText(
        contender="generated" if writer else "source",
        kind="generated" if writer else "source",
        writer=writer,
        product_id=product.product_id,
        product_name=product.product_name,
        category=product.category,
        family=family,
        listing=listing,
        report=report,
    )


def _held_out(db: Database) -> list[HeldOutText]:
    return [
        HeldOutText(
            Product.model_validate_json(row["product"]),
            Listing.model_validate_json(row["listing"]),
            row["family"],
            row["writer"],
        )
        for row in db.query(HELD_OUT)
    ]

"""Storage of model evaluations: a row of `evaluation.model_evaluation` for each contender and product."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from pydantic import Field

from walmart_pipeline.core.records import Listing, QualityReport, Record
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.generation.recipe_trials import AnswerStatus

ContenderKind: TypeAlias = Literal["base", "champion", "candidate", "template", "source", "generated"]

LATEST_WITH_ALL = """
select
    evaluation_number,
    contender,
    avg(score) as mean_score,
    avg(publishable::integer) as publishable,
    count(*) as products
from evaluation.model_evaluation
where list_contains($names, contender) and evaluation_number = (
    select max(evaluation_number)
    from (
        select evaluation_number
        from evaluation.model_evaluation
        where list_contains($names, contender)
        group by evaluation_number
        having count(distinct contender) = $different
    )
)
group by evaluation_number, contender
order by mean_score desc, contender
"""


class JudgedText(Record):
    """A contender's scored text about a held-out product; the score of a missing text is 0."""

    contender: str
    kind: ContenderKind
    product_id: str
    product_name: str
    category: list[str]
    family: str = Field(description="Texts of one family are not independent.")
    status: AnswerStatus = "complete"
    reason: str | None = Field(default=None, description="Why there is no text.")
    listing: Listing
    report: QualityReport
    writer: str | None = Field(default=None, description="Author of a generated text, marked if it is a stand-in.")
    seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0

    @property
    def broadest_category(self) -> str:
        """The first level of the category."""
        return self.category[0] if self.category else "no category"


class ModelEvaluation(Record):
    """An evaluation, with a text, or the reason for none, of every contender about every product."""

    number: int
    provider: str
    dataset_version: str
    evaluated_at: datetime
    texts: list[JudgedText]

    @property
    def policy(self) -> str:
        """The policy of all reports."""
        return self.texts[0].report.policy


def next_number(db: Database) -> int:
    """Return the number of the next evaluation."""
    return int(db.value("select coalesce(max(evaluation_number), 0) + 1 from evaluation.model_evaluation"))


def save(db: Database, evaluation: ModelEvaluation) -> int:
    """Append an evaluation to its table. Returns the number of rows."""
    about = evaluation.model_dump(include={"provider", "dataset_version", "evaluated_at"})
    about["evaluation_number"] = evaluation.number
    rows = (
        about
        | text.model_dump(exclude={"listing", "report", "writer"})
        | text.listing.model_dump()
        | text.report.as_row()
        for text in evaluation.texts
    )
    return db.append("evaluation.model_evaluation", rows)


def latest(db: Database) -> ModelEvaluation | None:
    """Return the latest evaluation; None before the first."""
    number = db.value("select max(evaluation_number) from evaluation.model_evaluation")
    if number is None:
        return None
    rows = db.query(
        "select * from evaluation.model_evaluation where evaluation_number = ? order by product_id, contender", [number]
    )
    about = {name: rows[0][name] for name in ("provider", "dataset_version", "evaluated_at")}
    return ModelEvaluation(number=number, **about, texts=[_judged_text(row) for row in rows])


def scores_of(db: Database, names: Sequence[str]) -> list[Row]:
    """Return the scores of contenders in the latest evaluation with all of them, best first.

    A row: evaluation_number, contender, mean_score (0 to 100), publishable (share, 0 to 1), products.
    """
    return db.query(LATEST_WITH_ALL, {"names": list(names), "different": len(set(names))})


def _judged_text(row: Row) -> JudgedText:
    columns = {name: row[name] for name in JudgedText.model_fields if name not in ("listing", "report", "writer")}
    listing = Listing(**{name: row[name] for name in Listing.model_fields})
    return JudgedText(**columns, listing=listing, report=QualityReport.from_row(row))

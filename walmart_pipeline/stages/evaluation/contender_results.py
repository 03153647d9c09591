"""One contender's text about one held-out product, judged: a row of `evaluation.contest`.

Belongs here: the record, and how it enters and leaves the table. Does not: who writes the texts (model_evaluation.py),
or what they show (model_results.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from walmart_pipeline.core.records import Listing, QualityReport, Record
from walmart_pipeline.core.warehouse import Database, Row

Kind: TypeAlias = Literal["base", "champion", "candidate", "template", "source"]
Status: TypeAlias = Literal["complete", "declined", "failed", "lost"]

MET = """
select contest, contender, avg(score) as mean_score, avg(publishable::integer) as publishable, count(*) as products
from evaluation.contest
where list_contains($names, contender) and contest = (
    select max(contest)
    from (
        select contest
        from evaluation.contest
        where list_contains($names, contender)
        group by contest
        having count(distinct contender) = $different
    )
)
group by contest, contender
order by mean_score desc, contender
"""


class Entry(Record):
    """What a contender wrote about a product. Where there is no text, the report's score is 0."""

    contender: str
    kind: Kind
    product_id: str
    product_name: str
    category: list[str]
    family: str
    status: Status
    reason: str | None
    listing: Listing
    report: QualityReport
    seconds: float
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float

    @property
    def broadest(self) -> str:
        """The category that it is counted in."""
        return self.category[0] if self.category else "no category"


class Contest(Record):
    """A contest as it is kept: every contender has an entry for every product."""

    number: int
    provider: str
    dataset_version: str
    held_at: datetime
    entries: list[Entry]

    @property
    def policy(self) -> str:
        """Under which all texts were judged."""
        return self.entries[0].report.policy


def next_number(db: Database) -> int:
    """The number of the contest to be held."""
    return int(db.value("select coalesce(max(contest), 0) + 1 from evaluation.contest"))


def keep(db: Database, contest: Contest) -> int:
    """Add a contest to `evaluation.contest`; returns its rows."""
    about = {"contest": contest.number} | contest.model_dump(include={"provider", "dataset_version", "held_at"})
    rows = (
        about | entry.model_dump(exclude={"listing", "report"}) | entry.listing.model_dump() | entry.report.flat()
        for entry in contest.entries
    )
    return db.append("evaluation.contest", rows)


def latest(db: Database) -> Contest | None:
    """The contest that was held last; None before the first."""
    number = db.value("select max(contest) from evaluation.contest")
    if number is None:
        return None
    rows = db.query("select * from evaluation.contest where contest = ? order by product_id, contender", [number])
    about = {name: rows[0][name] for name in ("provider", "dataset_version", "held_at")}
    return Contest(number=number, **about, entries=[_entry(row) for row in rows])


def scores_of(db: Database, names: Sequence[str]) -> list[Row]:
    """How contenders did in the latest contest in which all of them stood, the best first; empty where they never met.

    A row: contest (its number), contender, mean_score (0 to 100), publishable (share, 0 to 1), products.
    """
    return db.query(MET, {"names": list(names), "different": len(set(names))})


def _entry(row: Row) -> Entry:
    kept = {name: row[name] for name in Entry.model_fields if name not in ("listing", "report")}
    listing = Listing(**{name: row[name] for name in Listing.model_fields})
    return Entry(**kept, listing=listing, report=QualityReport.from_flat(row))

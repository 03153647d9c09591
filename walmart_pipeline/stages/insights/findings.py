"""What is worth knowing: findings in sentences with the figures behind them, each beyond a threshold and chance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from walmart_pipeline.core.warehouse import Database

FindingSeverity: TypeAlias = Literal["warning", "note"]

KNOWN = "select finding, first_found_at from insights.insights"


@dataclass(frozen=True)
class Finding:
    """A sentence with its figures. expected: what `value` was compared with. cases: how many it rests on."""

    kind: str
    severity: FindingSeverity
    subject: str
    sentence: str
    value: float
    expected: float
    cases: int
    since: datetime | None = None

    @property
    def key(self) -> str:
        """The same from night to night."""
        return f"{self.kind}: {self.subject}"


def store(db: Database, findings: Iterable[Finding], now: datetime) -> list[Finding]:
    """Replace the findings of the last time, most serious first; one that is found again keeps its first time."""
    known = {row["finding"]: row["first_found_at"] for row in db.query(KNOWN)}
    ordered = sorted(findings, key=lambda found: (found.severity != "warning", -found.cases))
    db.replace(
        "insights.insights",
        [
            vars(found) | {"finding": found.key, "found_at": now, "first_found_at": known.get(found.key) or now}
            for found in ordered
        ],
    )
    return ordered


def day(moment: datetime, now: datetime) -> str:
    """Format a day, with the year where it is another one."""
    moment, now = moment.astimezone(UTC), now.astimezone(UTC)
    return f"{moment.day} {moment:%B}" + (f" {moment.year}" if moment.year != now.year else "")

"""The result of a simulated week: its days, and every expectation with what the tables say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import dagster as dg
from pydantic import BaseModel, Field

from walmart_pipeline.simulation import evidence, expectations
from walmart_pipeline.simulation.evidence import Evidence
from walmart_pipeline.simulation.expectations import Expectation


class DayFigures(BaseModel):
    """A day: what happened around the pipeline, and what it did, by event log and ledger."""

    number: int
    seconds: float
    events: list[str]
    runs: int
    failed_runs: int
    calls: int
    purposes: dict[str, int] = Field(description="Calls by what they were for.")
    cost_usd: float


class SimulationReport(BaseModel):
    """The table of a simulated week."""

    home: str
    clock: str = Field(description="How simulated days relate to the real clock.")
    days: list[DayFigures]
    expectations: list[Expectation]

    @property
    def unmet(self) -> list[Expectation]:
        """What did not happen as it should have."""
        return [each for each in self.expectations if not each.is_met]


CLOCK = (
    "Dagster's own daemon on the real clock. A day ends when its runs have ended; then the schedule `nightly`, whose "
    "cron is every minute here, is switched on for one tick. Sensors look every 5 seconds instead of 30 and 60. All "
    "days are one day for the limits of a day."
)


def of(home: Path) -> SimulationReport:
    """Examine the folder of a simulation that has ended."""
    with evidence.opened(home) as found:
        days = [_day(found, number) for number in range(len(found.diary.days))]
        return SimulationReport(home=str(home), clock=CLOCK, days=days, expectations=expectations.all_of(found))


def _day(found: Evidence, index: int) -> DayFigures:
    days = found.diary.days
    day = days[index]
    # What comes after the last night belongs to the last day.
    until = days[index + 1].started if index + 1 < len(days) else None
    runs = [run for run, created in found.created if day.started <= created and (until is None or created < until)]
    calls = found.calls_between(day.started, until)
    return DayFigures(
        number=day.number,
        seconds=round(((day.ended or day.started) - day.started).total_seconds(), 1),
        events=day.events,
        runs=len(runs),
        failed_runs=sum(run.status == dg.DagsterRunStatus.FAILURE for run in runs),
        calls=len(calls),
        purposes=dict(Counter(call["purpose"] for call in calls).most_common()),
        cost_usd=round(sum(call["cost_usd"] for call in calls), 4),
    )

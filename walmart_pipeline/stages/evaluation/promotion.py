"""Who writes from now on, decided by the latest contest.

Belongs here: the decision about each candidate, and carrying it out. Does not: the single gates (gates.py).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from walmart_pipeline.core.records import Record
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.statistics import MeanDifference
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.registry import compatibility, model_versions
from walmart_pipeline.registry.model_versions import ModelVersion
from walmart_pipeline.stages.evaluation import gates, report_pages
from walmart_pipeline.stages.evaluation.contender_results import Contest
from walmart_pipeline.stages.evaluation.model_results import Standing, Standings

DECIDED_BY = "evaluation"


class Decision(Record):
    """About one candidate. is_final: it is out of the race; otherwise the next contest may say something else."""

    candidate: str
    reference: str
    difference: MeanDifference | None
    verdict: Literal["promoted", "refused"]
    reasons: list[str]
    is_final: bool

    @property
    def row(self) -> Row:
        """As a table has it."""
        points = self.difference
        return {
            "candidate": self.candidate,
            "reference": self.reference,
            "difference": points.mean if points else None,
            "low": points.low if points else None,
            "high": points.high if points else None,
            "level": points.level if points else None,
            "verdict": self.verdict,
            "reasons": self.reasons,
        }


def is_decided(db: Database, number: int) -> bool:
    """Whether decisions of that contest have been carried out."""
    return bool(db.value("select count(*) from evaluation.decisions where contest = ?", [number]))


def registered(db: Database, provider: str) -> dict[str, ModelVersion]:
    """The provider's versions by name."""
    return {version.name: version for version in model_versions.versions(db) if version.recipe.provider == provider}


def decide(
    contest: Contest, table: Standings, versions: dict[str, ModelVersion], settings: Settings, judge: Judge
) -> list[Decision]:
    """What the contest says about each of its candidates, the best first: at most one is promoted.

    versions: as they are now; the contest may be older. Whether a candidate could write here is asked of its server,
    and only where nothing else is in its way.
    """
    decisions: list[Decision] = []
    promoted: str | None = None
    for candidate in table.candidates:
        verdict = gates.verdict(table, candidate)
        stale = _stale(table, versions, candidate)
        if stale:
            verdict = gates.Verdict(stale, is_final=False)
        elif not verdict.reasons and promoted:
            verdict = gates.Verdict([f"{promoted} is better still"], is_final=True)
        elif not verdict.reasons:
            problems = compatibility.problems(versions[candidate.name], settings, judge)
            verdict = gates.Verdict(problems, is_final=False)
        if not verdict.reasons:
            promoted = candidate.name
        decisions.append(
            Decision(
                candidate=candidate.name,
                reference=table.reference,
                difference=candidate.difference,
                verdict="refused" if verdict.reasons else "promoted",
                reasons=verdict.reasons,
                is_final=verdict.is_final,
            )
        )
    return decisions


def carry_out(db: Database, contest: Contest, decisions: list[Decision]) -> None:
    """Promote who won, retire who lost for good, and keep every decision in `evaluation.decisions`."""
    for decision in decisions:
        if decision.verdict == "promoted":
            model_versions.promote(db, decision.candidate, decided_by=DECIDED_BY, reason=why(decision, contest.number))
        elif decision.is_final:
            model_versions.retire(
                db, decision.candidate, reason=f"contest {contest.number}: {'; '.join(decision.reasons)}"
            )
    decided = {"contest": contest.number, "decided_at": datetime.now(UTC)}
    db.append("evaluation.decisions", [decision.row | decided for decision in decisions])


def why(decision: Decision, number: int) -> str:
    """The evidence for a promotion in a line."""
    if decision.difference is None:
        raise ValueError(f"{decision.candidate} has no difference and can't have been promoted")
    points = f"{report_pages.signed(decision.difference.mean)} points against {decision.reference}"
    return f"contest {number}: {points}, {report_pages.interval(decision.difference)}"


def _stale(table: Standings, versions: dict[str, ModelVersion], candidate: Standing) -> list[str]:
    """What has changed since the contest."""
    version = versions.get(candidate.name)
    if version is None or version.status != "candidate":
        return [f"it is no candidate any more: {version.status if version else 'the registry has lost it'}"]
    champion = next((name for name, version in versions.items() if version.status == "champion"), None)
    held_against = table.reference if table.of(table.reference).kind == "champion" else None
    if champion != held_against:
        return [f"{champion or 'no version'} is the champion now, it was held against {table.reference}"]
    return []

"""Promotion: decides about each candidate of an evaluation, and applies the decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from walmart_pipeline.core.records import Record
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.statistics import MeanDifference
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.registry import compatibility, model_versions
from walmart_pipeline.registry.model_versions import ModelVersion
from walmart_pipeline.stages.evaluation import gates
from walmart_pipeline.stages.evaluation.formats import interval, signed
from walmart_pipeline.stages.evaluation.gates import GateOutcome
from walmart_pipeline.stages.evaluation.results import Results

DECIDED_BY = "evaluation"


class Decision(Record):
    """The decision about one candidate. is_final: it is retired; otherwise it is evaluated again."""

    candidate: str
    reference: str
    difference: MeanDifference | None
    verdict: Literal["promoted", "refused"]
    reasons: list[str]
    is_final: bool

    @property
    def row(self) -> Row:
        """The decision as a row of a table."""
        points = self.difference
        return self.model_dump(exclude={"difference", "is_final"}) | {
            "difference": points.mean if points else None,
            "low": points.low if points else None,
            "high": points.high if points else None,
            "level": points.level if points else None,
        }


def is_decided(db: Database, number: int) -> bool:
    """Whether the decisions of an evaluation have been applied."""
    return bool(db.value("select count(*) from evaluation.decisions where evaluation_number = ?", [number]))


def decide(results: Results, versions: Mapping[str, ModelVersion], settings: Settings, judge: Judge) -> list[Decision]:
    """Decide about each candidate, the best first; at most one is promoted.

    versions: current ones by name; the evaluation may be older. A candidate's server is checked last, only if there is
    no other reason to refuse it.
    """
    decisions: list[Decision] = []
    promoted: str | None = None
    for candidate in results.candidates:
        outcome = gates.outcome(results, candidate)
        outdated = _outdated(results, versions, candidate.name)
        if outdated:
            outcome = GateOutcome(outdated, is_final=False)
        elif not outcome.reasons and promoted:
            outcome = GateOutcome([f"{promoted} is better still"], is_final=True)
        elif not outcome.reasons:
            problems = compatibility.problems(versions[candidate.name], settings, judge)
            outcome = GateOutcome(problems, is_final=False)
        if not outcome.reasons:
            promoted = candidate.name
        decisions.append(
            Decision(
                candidate=candidate.name,
                reference=results.reference,
                difference=candidate.difference,
                verdict="refused" if outcome.reasons else "promoted",
                reasons=outcome.reasons,
                is_final=outcome.is_final,
            )
        )
    return decisions


def carry_out(db: Database, number: int, decisions: Sequence[Decision]) -> None:
    """Promote the winner, retire finally refused candidates, and record all decisions."""
    for decision in decisions:
        if decision.verdict == "promoted":
            reason = _evidence(decision, number)
            model_versions.promote(db, decision.candidate, decided_by=DECIDED_BY, reason=reason)
        elif decision.is_final:
            reason = f"evaluation {number}: {'; '.join(decision.reasons)}"
            model_versions.retire(db, decision.candidate, reason=reason)
    decided = {"evaluation_number": number, "decided_at": datetime.now(UTC)}
    db.append("evaluation.decisions", [decision.row | decided for decision in decisions])


def _evidence(decision: Decision, number: int) -> str:
    if decision.difference is None:
        raise ValueError(f"{decision.candidate} has no difference and can't have been promoted")
    points = f"{signed(decision.difference.mean)} points against {decision.reference}"
    return f"evaluation {number}: {points}, {interval(decision.difference)}"


def _outdated(results: Results, versions: Mapping[str, ModelVersion], candidate: str) -> list[str]:
    """Return relevant changes in the registry since the evaluation."""
    version = versions.get(candidate)
    if version is None or version.status != "candidate":
        return [f"it is no candidate any more: {version.status if version else 'the registry does not have it'}"]
    champion = next((name for name, version in versions.items() if version.status == "champion"), None)
    compared_with = results.reference if results.of(results.reference).kind == "champion" else None
    if champion != compared_with:
        return [f"{champion or 'no version'} is the champion now, it was compared with {results.reference}"]
    return []

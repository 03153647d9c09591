"""What a candidate has to pass before it may write.

Belongs here: each gate, and the reason it gives where it stays shut. Does not: the figures (model_results.py), or
moving a version (promotion.py).
"""

from __future__ import annotations

from typing import NamedTuple

from walmart_pipeline.stages.evaluation.comparison import FEW_PAIRS
from walmart_pipeline.stages.evaluation.model_results import Standing, Standings
from walmart_pipeline.stages.evaluation.report_pages import interval, signed

# Slower or dearer by half is told: a nightly run of eight hours would take twelve.
REGRESSION = 1.5


class Verdict(NamedTuple):
    """Why a candidate may not write; nothing where it may. is_final: another contest would say the same."""

    reasons: list[str]
    is_final: bool


def verdict(table: Standings, candidate: Standing) -> Verdict:
    """Whether the candidate may write in the reference's place.

    A contest that was too small or lost answers says nothing about the candidate: it is refused this time only.
    """
    unproven = [*enough(table), *answered(candidate), *answered(table.of(table.reference))]
    if unproven:
        return Verdict(unproven, is_final=False)
    faults = [*better(table, candidate), *no_worse_on_blocking(table, candidate)]
    return Verdict(faults, is_final=True)


def enough(table: Standings) -> list[str]:
    """Families are counted, not products: variants of one product are no independent evidence."""
    if table.families >= FEW_PAIRS:
        return []
    return [
        f"{table.products} products of {table.families} families were written about: {FEW_PAIRS} families are needed "
        "for an interval that can be trusted"
    ]


def answered(standing: Standing) -> list[str]:
    """Answers that were lost through no fault of the contender would count against it."""
    if not standing.lost:
        return []
    why = standing.reasons.get("lost", "no answer")
    return [f"{standing.name} lost {standing.lost} answers ({why}): hold the contest again, it asks for these alone"]


def better(table: Standings, candidate: Standing) -> list[str]:
    """Beyond chance: the low end of its interval lies above the reference."""
    points = candidate.difference
    if points is None or points.low is None or points.high is None:
        return [f"there is no interval for its difference from {table.reference}"]
    if points.low > 0:
        return []
    shown = f"{signed(points.mean)} points, {interval(points)}"
    if points.high < 0:
        return [f"it is worse than {table.reference}: {shown}"]
    return [f"it is not better than {table.reference} beyond chance: {shown}"]


def no_worse_on_blocking(table: Standings, candidate: Standing) -> list[str]:
    """A plain count, without a test: what may never be published is not made up for by a better mean."""
    reference = table.of(table.reference).blocking
    return [
        f"it breaks the blocking rule {rule} for {count} of {table.products} products, {table.reference} for "
        f"{reference.get(rule, 0)}"
        for rule, count in candidate.blocking.items()
        if count > reference.get(rule, 0)
    ]


def regressions(table: Standings, candidate: Standing) -> list[str]:
    """What a better candidate may still cost: told, not in its way."""
    reference = table.of(table.reference)
    found = []
    if candidate.seconds_p50 and reference.seconds_p50 and candidate.seconds_p50 > REGRESSION * reference.seconds_p50:
        found.append(
            f"it takes {candidate.seconds_p50:.2f} s for a listing (median), {reference.name} "
            f"{reference.seconds_p50:.2f} s"
        )
    if candidate.cost_usd > REGRESSION * reference.cost_usd:
        found.append(
            f"it costs ${candidate.cost_usd / table.products:.4f} a listing, {reference.name} "
            f"${reference.cost_usd / table.products:.4f}"
        )
    return found


def below_the_floor(table: Standings, candidate: Standing) -> list[str]:
    """The template writer asks no model: told where that would serve better than what may write."""
    floor = next(standing for standing in table.contenders if standing.kind == "template")
    if candidate.mean.mean >= floor.mean.mean:
        return []
    return [f"the template writer scores {floor.mean.mean - candidate.mean.mean:.1f} points higher without a model"]

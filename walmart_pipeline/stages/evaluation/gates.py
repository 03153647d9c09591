"""Gates for the promotion of a candidate; each returns the reasons for a refusal."""

from __future__ import annotations

from typing import NamedTuple

from walmart_pipeline.stages.evaluation.formats import interval, signed
from walmart_pipeline.stages.evaluation.results import MIN_FAMILIES, ContenderResult, Results

# A nightly run of eight hours would take twelve.
REGRESSION = 1.5


class GateOutcome(NamedTuple):
    """Reasons for refusing a candidate; none if it passes. is_final: another evaluation would not change it."""

    reasons: list[str]
    is_final: bool


def outcome(results: Results, candidate: ContenderResult) -> GateOutcome:
    """Decide whether the candidate may replace the reference.

    If the evaluation was too small or lost answers, the refusal is not final.
    """
    unproven = [*enough_families(results), *no_lost_answers(candidate), *no_lost_answers(results.of(results.reference))]
    if unproven:
        return GateOutcome(unproven, is_final=False)
    return GateOutcome([*better(results, candidate), *no_more_blocking(results, candidate)], is_final=True)


def enough_families(results: Results) -> list[str]:
    """Require a minimum of families: variants of one product are not independent."""
    if results.families >= MIN_FAMILIES:
        return []
    return [
        f"{results.products} products of {results.families} families were evaluated: {MIN_FAMILIES} families are "
        "needed for an interval that can be trusted"
    ]


def no_lost_answers(contender: ContenderResult) -> list[str]:
    """Require all answers: those lost through no fault of the contender would count against it."""
    if not contender.lost:
        return []
    reason = contender.reasons.get("lost", "no answer")
    return [f"{contender.name} lost {contender.lost} answers ({reason}): evaluate again, which requests only these"]


def better(results: Results, candidate: ContenderResult) -> list[str]:
    """Require a significant improvement: the interval of the difference is above 0."""
    difference = candidate.difference
    if difference is None or difference.low is None or difference.high is None:
        return [f"there is no interval for its difference from {results.reference}"]
    if difference.low > 0:
        return []
    shown = f"{signed(difference.mean)} points, {interval(difference)}"
    if difference.high < 0:
        return [f"it is worse than {results.reference}: {shown}"]
    return [f"it is not better than {results.reference} beyond chance: {shown}"]


def no_more_blocking(results: Results, candidate: ContenderResult) -> list[str]:
    """Require that no blocking rule is broken for more products, without a significance test."""
    reference = results.of(results.reference).blocking
    return [
        f"it breaks the blocking rule {rule} for {count} of {results.products} products, {results.reference} for "
        f"{reference.get(rule, 0)}"
        for rule, count in candidate.blocking.items()
        if count > reference.get(rule, 0)
    ]


def regressions(results: Results, candidate: ContenderResult) -> list[str]:
    """Report higher latency and cost than the reference's, which are no reason to refuse."""
    reference = results.of(results.reference)
    found = []
    if candidate.seconds_p50 and reference.seconds_p50 and candidate.seconds_p50 > REGRESSION * reference.seconds_p50:
        found.append(
            f"it takes {candidate.seconds_p50:.2f} s for a listing (median), {reference.name} "
            f"{reference.seconds_p50:.2f} s"
        )
    if candidate.cost_usd > REGRESSION * reference.cost_usd:
        found.append(
            f"it costs ${candidate.cost_usd / results.products:.4f} a listing, {reference.name} "
            f"${reference.cost_usd / results.products:.4f}"
        )
    return found


def below_template(results: Results, candidate: ContenderResult) -> list[str]:
    """Report a higher score of the template writer, which is no reason to refuse."""
    template = next(contender for contender in results.contenders if contender.kind == "template")
    lead = template.score.mean - candidate.score.mean
    return [f"the template writer scores {lead:.1f} points higher without a model"] if lead > 0 else []

"""What a contest shows: how each contender did, and by how much it differs from who writes now.

Belongs here: the figures. Does not: what follows from them (gates.py, promotion.py), or how they are shown
(model_report.py).
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Sequence
from math import ceil
from statistics import fmean

from pydantic import Field

from walmart_pipeline.core.records import Record
from walmart_pipeline.core.statistics import MeanDifference, mean_difference
from walmart_pipeline.stages.evaluation.comparison import WORST, Texts, outcomes, texts_of
from walmart_pipeline.stages.evaluation.contender_results import Contest, Entry, Kind, Status

# Divided by the number of candidates (Bonferroni), for the best of several flatters itself. Of 1,000 contests of equals
# over 40 products (scores 75 ± 12), 40 ended in a promotion with one candidate and 28 with three; undivided, 81.
ERROR = 0.05


class Standing(Record):
    """One contender's figures. What it has no text for counts as 0 in `texts` and `mean`."""

    name: str
    kind: Kind
    texts: Texts
    mean: MeanDifference = Field(description="Mean score with its interval.")
    difference: MeanDifference | None = Field(description="Its score less the reference's; None for the reference.")
    wins: int = Field(description="Products for which it scores higher than the reference.")
    losses: int
    ties: int
    declined: int
    failed: int
    lost: int = Field(description="Products without an answer through no fault of its own.")
    reasons: dict[Status, str] = Field(description="Why there is no text: of each status the most frequent reason.")
    blocking: dict[str, int] = Field(description="Products that break each blocking rule.")
    seconds_p50: float | None = Field(description="Of the texts that were asked for; None where none was.")
    seconds_p95: float | None
    tokens: float = Field(description="Of prompt and answer together, mean of a product.")
    cost_usd: float = Field(description="Of all its texts, whenever they were paid.")


class CategoryRow(Record):
    """A candidate beside the reference within the broadest category."""

    category: str
    n: int
    candidate_score: float
    reference_score: float
    difference: MeanDifference


class Beside(Record):
    """The texts of one product beside each other."""

    candidate: Entry
    reference: Entry
    source: Entry


class Standings(Record):
    """A contest's figures."""

    products: int
    families: int
    reference: str = Field(description="The champion; where there is none, the base model.")
    contenders: list[Standing] = Field(description="Best mean first.")

    def of(self, name: str) -> Standing:
        """A contender's figures. Raises KeyError."""
        for standing in self.contenders:
            if standing.name == name:
                return standing
        raise KeyError(name)

    @property
    def candidates(self) -> list[Standing]:
        """Best mean first."""
        return [standing for standing in self.contenders if standing.kind == "candidate"]

    @property
    def leader(self) -> Standing | None:
        """The best candidate."""
        return next(iter(self.candidates), None)


def standings(contest: Contest) -> Standings:
    """The figures of a contest; the order of its entries does not matter.

    Intervals come from resampling whole families. A candidate's is wider than 95 % where several stand: see ERROR.
    """
    by_contender = _by_contender(contest)
    kinds = {name: entries[0].kind for name, entries in by_contender.items()}
    reference = next(name for kind in ("champion", "base") for name, its_kind in kinds.items() if its_kind == kind)
    candidates = sum(kind == "candidate" for kind in kinds.values())
    found = [
        _standing(entries, by_contender[reference], level=1 - ERROR / (candidates if kinds[name] == "candidate" else 1))
        for name, entries in by_contender.items()
    ]
    return Standings(
        products=len(by_contender[reference]),
        families=len({entry.family for entry in by_contender[reference]}),
        reference=reference,
        contenders=sorted(found, key=lambda standing: (-standing.mean.mean, standing.name)),
    )


def categories(contest: Contest, candidate: str, reference: str) -> list[CategoryRow]:
    """Both within each broadest category, most products first; the intervals are those of a single comparison."""
    by_contender = _by_contender(contest)
    groups: dict[str, list[tuple[Entry, Entry]]] = defaultdict(list)
    for one, other in zip(by_contender[candidate], by_contender[reference], strict=True):
        groups[one.broadest].append((one, other))
    rows = [
        CategoryRow(
            category=category,
            n=len(both),
            candidate_score=fmean(one.report.score for one, _ in both),
            reference_score=fmean(other.report.score for _, other in both),
            difference=_mean([one.report.score - other.report.score for one, other in both], [one for one, _ in both]),
        )
        for category, both in groups.items()
    ]
    return sorted(rows, key=lambda row: (-row.n, row.category))


def worst(contest: Contest, candidate: str, reference: str) -> list[Beside]:
    """The candidate's ten lowest scores beside the other texts; of equal ones first where the reference was better."""
    by_contender = _by_contender(contest)
    [source] = [entries for entries in by_contender.values() if entries[0].kind == "source"]
    rows = [
        Beside(candidate=one, reference=other, source=own)
        for one, other, own in zip(by_contender[candidate], by_contender[reference], source, strict=True)
    ]
    return heapq.nsmallest(
        WORST, rows, key=lambda row: (row.candidate.report.score, -row.reference.report.score, row.candidate.product_id)
    )


def _by_contender(contest: Contest) -> dict[str, list[Entry]]:
    """Each contender's entries, all in the same order of products. Raises ValueError where one lacks a product."""
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(contest.entries, key=lambda entry: entry.product_id):
        found[entry.contender].append(entry)
    products = [entry.product_id for entry in next(iter(found.values()))]
    for name, entries in found.items():
        if [entry.product_id for entry in entries] != products:
            raise ValueError(f"contest {contest.number}: {name} was not held against the same products as the others")
    return found


def _standing(entries: Sequence[Entry], reference: Sequence[Entry], *, level: float) -> Standing:
    differences = [one.report.score - other.report.score for one, other in zip(entries, reference, strict=True)]
    wins, losses, ties = outcomes(differences)
    statuses = Counter(entry.status for entry in entries)
    asked = sorted(entry.seconds for entry in entries if entry.seconds)
    blocking = Counter(
        rule
        for entry in entries
        for rule in {broken.rule for broken in entry.report.violations if broken.severity == "blocking"}
    )
    return Standing(
        name=entries[0].contender,
        kind=entries[0].kind,
        texts=texts_of([entry.report for entry in entries]),
        mean=_mean([entry.report.score for entry in entries], entries),
        difference=None if entries is reference else _mean(differences, entries, level),
        wins=wins,
        losses=losses,
        ties=ties,
        declined=statuses["declined"],
        failed=statuses["failed"],
        lost=statuses["lost"],
        reasons=_reasons(entries),
        blocking=dict(sorted(blocking.items())),
        seconds_p50=_quantile(asked, 0.5),
        seconds_p95=_quantile(asked, 0.95),
        tokens=fmean(entry.prompt_tokens + entry.completion_tokens for entry in entries),
        cost_usd=sum(entry.cost_usd for entry in entries),
    )


def _reasons(entries: Sequence[Entry]) -> dict[Status, str]:
    given: dict[Status, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        if entry.reason:
            given[entry.status][entry.reason] += 1
    return {status: reasons.most_common(1)[0][0] for status, reasons in given.items()}


def _mean(values: Sequence[float], entries: Sequence[Entry], level: float = 0.95) -> MeanDifference:
    found = mean_difference(values, groups=[entry.family for entry in entries], level=level)
    if found is None:
        raise ValueError("a contest without a product has no figures")
    return found


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """The value that so large a share does not exceed (nearest rank)."""
    return ordered[ceil(share * len(ordered)) - 1] if ordered else None

"""A contest as a page for people, the decision first: HTML that stands alone, and a Markdown summary.

Belongs here: its wording. Does not: the figures themselves (model_results.py), the decision (promotion.py), or the
drawings (model_plots.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from walmart_pipeline.stages.evaluation import gates, model_plots, report_pages
from walmart_pipeline.stages.evaluation.contender_results import Contest
from walmart_pipeline.stages.evaluation.model_results import Standing, Standings, categories, worst
from walmart_pipeline.stages.evaluation.promotion import Decision

TITLE = "Contest of the models"


@dataclass(frozen=True)
class Shown:
    """What is reported. is_carried_out: otherwise the decisions are what would have been done."""

    contest: Contest
    table: Standings
    decisions: Sequence[Decision]
    is_carried_out: bool

    @property
    def won(self) -> Decision | None:
        """The decision for the one that is promoted."""
        return next((decision for decision in self.decisions if decision.verdict == "promoted"), None)

    @property
    def leader(self) -> Standing | None:
        """The candidate that the page is about: the promoted one, else the one of the best mean."""
        return self.table.of(self.won.candidate) if self.won else self.table.leader


def render(shown: Shown) -> str:
    """The whole report as one HTML page: no script, nothing loaded from elsewhere, everything from a catalog escaped.

    The same contest and decisions give the same page.
    """
    from markupsafe import Markup

    table, leader = shown.table, shown.leader
    # Drawn from numbers and the contenders' names, which matplotlib escapes: nothing of a catalog is in them.
    figures = {
        "differences": Markup(model_plots.differences(table, leader)),  # noqa: S704
        "scores": Markup(model_plots.scores(table, leader)),  # noqa: S704
        "dimensions": Markup(model_plots.dimensions(table, leader)),  # noqa: S704
    }
    return report_pages.html(
        "contest.html.j2",
        **_values(shown),
        figures=figures,
        categories=categories(shown.contest, leader.name, table.reference) if leader else [],
        worst=worst(shown.contest, leader.name, table.reference) if leader else [],
    )


def markdown(shown: Shown) -> str:
    """The decision and the table of contenders as GitHub-flavoured Markdown; every value is escaped."""
    return report_pages.markdown("contest.md.j2", **_values(shown))


def finding(shown: Shown) -> str:
    """Who writes from now on, and by what evidence, in a sentence."""
    won = shown.won
    if won and won.difference:
        writes = "writes from now on" if shown.is_carried_out else "would be promoted"
        points = f"{report_pages.points(won.difference.mean)} points better than {won.reference}"
        return f"{won.candidate} {writes}: {points} ({report_pages.interval(won.difference)})."
    goes_on = f"{shown.table.reference} {'goes' if shown.is_carried_out else 'would go'} on writing"
    match len(shown.decisions):
        case 0:
            return f"{goes_on}: no candidate stood against it."
        case 1:
            return f"{goes_on}: {shown.decisions[0].candidate} has not shown that it is better."
        case several:
            return f"{goes_on}: none of {several} candidates has shown that it is better."


def _values(shown: Shown) -> dict[str, Any]:
    table = shown.table
    leader = shown.leader
    warnings = [*gates.regressions(table, leader), *gates.below_the_floor(table, leader)] if leader else []
    return {
        "title": TITLE,
        "finding": finding(shown),
        "contest": shown.contest,
        "table": table,
        "leader": leader,
        "decisions": shown.decisions,
        "warnings": warnings,
    }

"""A comparison as a page for people: HTML that stands alone, and a Markdown summary.

Belongs here: its wording. Does not: the figures themselves (comparison.py), the drawings (comparison_plots.py) or
number formats (report_pages.py).
"""

from __future__ import annotations

from datetime import datetime

from walmart_pipeline.core.records import Record
from walmart_pipeline.stages.evaluation import comparison_plots, report_pages
from walmart_pipeline.stages.evaluation.comparison import FEW_PAIRS, Comparison
from walmart_pipeline.stages.evaluation.report_pages import points, signed


class ReportContext(Record):
    """What was compared, and when."""

    title: str
    policy: str
    dataset_version: str
    written_by: str
    created_at: datetime


def render(comparison: Comparison, context: ReportContext) -> str:
    """The whole report as one HTML page: no script, nothing loaded from elsewhere, everything from a catalog escaped.

    The same comparison and context give the same page.
    """
    from markupsafe import Markup

    figures = {}
    if comparison.n:
        # Drawn from numbers and fixed words only: nothing of a catalog is in them.
        figures["scores"] = Markup(comparison_plots.scores(comparison))  # noqa: S704
        figures["dimensions"] = Markup(comparison_plots.dimensions(comparison))  # noqa: S704
    return report_pages.html(
        "report.html.j2", comparison=comparison, context=context, finding=finding(comparison), figures=figures
    )


def markdown(comparison: Comparison, context: ReportContext) -> str:
    """The summary as GitHub-flavoured Markdown; every value is escaped, so none can break a table or become HTML."""
    return report_pages.markdown("summary.md.j2", comparison=comparison, context=context, finding=finding(comparison))


def finding(comparison: Comparison) -> str:
    """What the comparison shows, in one or two sentences, with what it cannot show."""
    difference = comparison.difference
    if difference is None:
        return "There is no held-out product, so nothing was compared."
    if difference.low is None or difference.high is None:
        what = "One product is" if comparison.n == 1 else "Products of one family are"
        return f"{what} no comparison; there, the generated text differs by {signed(difference.mean)} points."
    interval = report_pages.interval(difference)
    if difference.low > 0:
        text = f"The generated text scores {points(difference.mean)} points higher than the source’s own ({interval})."
    elif difference.high < 0:
        text = f"The generated text scores {points(-difference.mean)} points lower than the source’s own ({interval})."
    else:
        text = f"No difference is shown: the mean is {signed(difference.mean)} points ({interval})."
    if comparison.n < FEW_PAIRS:
        text += f" With only {comparison.n} products the interval is narrower than it should be."
    return text

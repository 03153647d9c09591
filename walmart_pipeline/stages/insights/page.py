"""The insights as a self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from walmart_pipeline.core import html_page
from walmart_pipeline.stages.insights import plots
from walmart_pipeline.stages.insights.overview import InsightsOverview

TEMPLATES = Path(__file__).parent / "templates"

NOTHING = "Nothing stands out: no figure is beyond its threshold."


def render(overview: InsightsOverview, now: datetime) -> str:
    """Render the page, without scripts and external resources; values are escaped."""
    from markupsafe import Markup

    # From numbers and names, which matplotlib escapes.
    figures = {name: Markup(svg) for name, svg in plots.draw(overview).items()}  # noqa: S704
    environment = html_page.environment(TEMPLATES, autoescape=True)
    environment.filters |= {"seconds": seconds, "share": share, "usd": usd, "points": points}
    return environment.get_template("insights.html.j2").render(
        overview=overview,
        headline=headline([row["severity"] for row in overview.findings]),
        figures=figures,
        created=f"{now:%Y-%m-%d %H:%M} UTC",
    )


def headline(severities: Sequence[str]) -> str:
    """Summarize the findings in a sentence."""
    warnings = sum(severity == "warning" for severity in severities)
    if not severities:
        return NOTHING
    if not warnings:
        return "Nothing is wrong, but worth knowing:" if len(severities) > 1 else "Nothing is wrong. Worth knowing:"
    return "One thing needs attention." if warnings == 1 else f"{warnings} things need attention."


def seconds(value: float | None) -> str:
    """Format seconds; a dash for None."""
    return "–" if value is None else f"{value:.2f} s"


def share(value: float | None) -> str:
    """Format a share from 0 to 1 in per cent; a dash for None."""
    return "–" if value is None else f"{100 * value:.1f} %"


def usd(value: float | None) -> str:
    """Format an amount; a dash for None."""
    return "–" if value is None else f"${value:,.4f}" if 0 < value < 1 else f"${value:,.2f}"


def points(value: float | None) -> str:
    """Format a score or stars; a dash for None."""
    return "–" if value is None else f"{value:.1f}"

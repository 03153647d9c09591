"""A comparison as a page for people: HTML that stands alone, and a Markdown summary.

Belongs here: wording and number formats. Does not: the figures themselves (compare.py) or the drawings (plots.py).
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walmart_pipeline.evaluation import plots
from walmart_pipeline.evaluation.compare import Comparison
from walmart_pipeline.records import Record

if TYPE_CHECKING:
    from jinja2 import Environment

# Below 20 pairs the bootstrap's 95 % interval held the true mean in 91 % of samples or fewer (bootstrap.py).
FEW_PAIRS = 20

_TEMPLATES = Path(__file__).parent / "templates"
_MINUS = "−"


class ReportContext(Record):
    """What was compared, and when."""

    title: str
    policy: str
    dataset_version: str
    provider: str
    model: str
    created_at: datetime


def render(comparison: Comparison, context: ReportContext) -> str:
    """The whole report as one HTML page: no script, nothing loaded from elsewhere, everything from a catalog escaped.

    The same comparison and context give the same page.
    """
    from markupsafe import Markup

    environment = _environment(autoescape=True)
    figures = {}
    if comparison.n:
        # Drawn from numbers and fixed words only: nothing of a catalog is in them.
        figures["scores"] = Markup(plots.scores(comparison))  # noqa: S704
        figures["dimensions"] = Markup(plots.dimensions(comparison))  # noqa: S704
    return environment.get_template("report.html.j2").render(
        comparison=comparison, context=context, finding=finding(comparison), figures=figures
    )


def markdown(comparison: Comparison, context: ReportContext) -> str:
    """The summary as GitHub-flavoured Markdown; every value is escaped, so none can break a table or become HTML."""
    environment = _environment(autoescape=False, finalize=_markdown_text)
    return environment.get_template("summary.md.j2").render(
        comparison=comparison, context=context, finding=finding(comparison)
    )


def finding(comparison: Comparison) -> str:
    """What the comparison shows, in one or two sentences, with what it cannot show."""
    difference = comparison.difference
    if difference is None:
        return "There is no held-out product, so nothing was compared."
    if difference.low is None or difference.high is None:
        return f"One product is no comparison; on it, the generated text differs by {signed(difference.mean)} points."
    interval = f"95 % interval {signed(difference.low)} to {signed(difference.high)}"
    if difference.low > 0:
        text = f"The generated text scores {points(difference.mean)} points higher than the source’s own ({interval})."
    elif difference.high < 0:
        text = f"The generated text scores {points(-difference.mean)} points lower than the source’s own ({interval})."
    else:
        text = f"No difference is shown: the mean is {signed(difference.mean)} points ({interval})."
    if comparison.n < FEW_PAIRS:
        text += f" With only {comparison.n} products the interval is narrower than it should be."
    return text


def points(value: float | None) -> str:
    """A score with one decimal; a dash where nothing was measured."""
    return "–" if value is None else f"{value:z.1f}"


def signed(value: float) -> str:
    """A difference with its sign: +3.1 or −2.0."""
    return f"{value:+z.1f}".replace("-", _MINUS)


def share(count: int, total: int) -> str:
    """A count as a whole percentage of a total; a dash where the total is 0."""
    return f"{100 * count / total:.0f} %" if total else "–"


def _environment(**options: Any) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # The autoescaping of `render` is on; Markdown escapes by `finalize`.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )
    environment.filters |= {"points": points, "signed": signed, "share": share}
    return environment


def _markdown_text(value: object) -> str:
    """A value on one line, without meaning to Markdown or HTML."""
    text = " ".join(str(value).split()).replace("&", "&amp;")
    return re.sub(r"([\\`*_\[\]<>|~#])", r"\\\1", text)

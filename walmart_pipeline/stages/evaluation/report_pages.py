"""What the reports of the evaluation share: number formats, and the way a template becomes a page.

Belongs here: nothing that knows what is reported. Does not: what a report says (comparison_report.py, model_report.py).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walmart_pipeline.core.statistics import MeanDifference

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"
_MINUS = "−"


def html(template: str, **values: Any) -> str:
    """A page that stands alone: everything is escaped unless it is Markup."""
    return _environment(autoescape=True).get_template(template).render(**values)


def markdown(template: str, **values: Any) -> str:
    """GitHub-flavoured Markdown; every value is escaped, so none can break a table or become HTML."""
    return _environment(autoescape=False, finalize=_markdown_text).get_template(template).render(**values)


def points(value: float | None) -> str:
    """A score with one decimal; a dash where nothing was measured."""
    return "–" if value is None else f"{value:z.1f}"


def signed(value: float) -> str:
    """A difference with its sign: +3.1 or −2.0."""
    return f"{value:+z.1f}".replace("-", _MINUS)


def share(count: int, total: int) -> str:
    """A count as a whole percentage of a total; a dash where the total is 0."""
    return f"{100 * count / total:.0f} %" if total else "–"


def interval(found: MeanDifference) -> str:
    """Of a difference: `95 % interval +1.2 to +4.0`; of a single pair or family there is none, which is said."""
    if found.low is None or found.high is None:
        return "no interval"
    return f"{100 * found.level:.4g} % interval {signed(found.low)} to {signed(found.high)}"


def _environment(**options: Any) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # The autoescaping of `html` is on; Markdown escapes by `finalize`.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )
    environment.filters |= {"points": points, "signed": signed, "share": share, "interval": interval}
    return environment


def _markdown_text(value: object) -> str:
    """A value on one line, without meaning to Markdown or HTML."""
    text = " ".join(str(value).split()).replace("&", "&amp;")
    return re.sub(r"([\\`*_\[\]<>|~#])", r"\\\1", text)

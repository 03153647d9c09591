"""A quality report as HTML: score, dimensions and violations."""

from __future__ import annotations

from walmart_pipeline.core.records import QualityReport
from walmart_pipeline.studio.escaping import markup

STYLE = """<style>
.score { line-height: 1.5; }
.score .figure { font-size: 2rem; font-weight: 600; }
.score .verdict { margin: 0 0 0.6rem; }
.score dl { display: grid; grid-template-columns: max-content 1fr 2.2rem; gap: 0.15rem 0.6rem; margin: 0 0 0.8rem;
  padding: 0; align-items: center; font-size: 0.9rem; }
.score dt { font-weight: 400; }
.score dd { margin: 0; }
.score dd.value { text-align: right; font-variant-numeric: tabular-nums; }
.score .bar { height: 0.5rem; border-radius: 0.25rem; background: rgba(120, 130, 150, 0.25); overflow: hidden; }
.score .bar span { display: block; height: 100%; background: rgba(0, 83, 226, 0.8); }
.score ul { list-style: none; margin: 0; padding: 0; font-size: 0.9rem; }
.score li { margin: 0 0 0.6rem; padding-left: 0.6rem; border-left: 4px solid rgba(130, 140, 160, 0.8);
  overflow-wrap: anywhere; }
.score li.blocking { border-color: rgba(208, 48, 48, 1); }
.score li.major { border-color: rgba(220, 140, 0, 1); }
.score .rule { font-weight: 600; }
</style>"""


def score_html(report: QualityReport) -> str:
    """The report; what a rule's words refer to is marked in the text beside it."""
    verdict = "can be published" if report.publishable else "can’t be published as it is"
    head = (
        f'<p class="verdict"><span class="figure">{report.score:g}</span> of 100, {report.band}: {verdict}'
        f"<br><small>{markup(report.policy)}</small></p>"
    )
    dimensions = "".join(
        f'<dt>{name}</dt><dd><div class="bar"><span style="width: {value or 0:.0f}%"></span></div></dd>'
        f'<dd class="value">{"–" if value is None else f"{value:.0f}"}</dd>'
        for name, value in report.dimensions.items()
    )
    violations = "".join(
        f'<li class="{each.severity}"><span class="rule">{markup(each.rule)}</span> '
        f"{each.severity}, {markup(each.field)}<br>{markup(each.message)}</li>"
        for each in report.violations
    )
    found = f"<ul>{violations}</ul>" if violations else "<p>No rule is broken.</p>"
    return f'{STYLE}<div class="score">{head}<dl>{dimensions}</dl>{found}</div>'

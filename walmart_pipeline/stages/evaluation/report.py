"""Evaluation reports, as a self-contained HTML page and a Markdown summary."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walmart_pipeline.core import html_page
from walmart_pipeline.core.statistics import MeanDifference
from walmart_pipeline.stages.evaluation import gates, plots
from walmart_pipeline.stages.evaluation.evaluation_store import JudgedText, ModelEvaluation
from walmart_pipeline.stages.evaluation.formats import FILTERS, interval, points, signed
from walmart_pipeline.stages.evaluation.promotion import Decision
from walmart_pipeline.stages.evaluation.results import MIN_FAMILIES, GroupResult, Results, grouped, lowest

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Report:
    """The contents of a report. subject: the contender that it is about; None without candidates."""

    title: str
    finding: str
    facts: Mapping[str, str]
    texts: Sequence[JudgedText]
    results: Results
    subject: str | None
    decisions: Sequence[Decision] = ()
    warnings: Sequence[str] = ()
    writers: Sequence[GroupResult] = ()

    def html(self) -> str:
        """Render one HTML page, without scripts and external resources; values are escaped."""
        from markupsafe import Markup

        # From numbers and contenders' names, which matplotlib escapes; nothing from a catalog.
        drawn = plots.draw(self.results, self.subject) if self.results.products else {}
        figures = {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704
        return _environment(autoescape=True).get_template("report.html.j2").render(**self._values(), figures=figures)

    def markdown(self) -> str:
        """Render the summary as GitHub-flavoured Markdown; values are escaped."""
        environment = _environment(autoescape=False, finalize=_markdown_text)
        return environment.get_template("report.md.j2").render(**self._values())

    def _values(self) -> dict[str, Any]:
        reference = self.results.reference
        about = (self.texts, self.subject, reference) if self.subject else ((), "", reference)
        return {
            "report": self,
            "results": self.results,
            "subject": self.results.of(self.subject) if self.subject and self.results.products else None,
            "categories": grouped(*about, key=lambda text: text.broadest_category),
            "lowest": lowest(*about) if self.subject else [],
        }


def comparison_report(texts: Sequence[JudgedText], results: Results, facts: Mapping[str, str]) -> Report:
    """Create the report that compares generated with source texts."""
    difference = results.of("generated").difference if results.products else None
    writers = grouped(texts, "generated", "source", key=lambda text: text.writer or "unknown")
    written_by = ", ".join(f"{row.group} ({row.products:,})" for row in writers) or "nobody"
    return Report(
        title="Generated text against the source’s own",
        finding=comparison_finding(difference, results.products),
        facts={**facts, "Written by": written_by, "Held-out products": str(results.products)},
        writers=writers,
        texts=texts,
        results=results,
        subject="generated",
    )


def comparison_finding(difference: MeanDifference | None, products: int) -> str:
    """Summarize the comparison in one or two sentences, with its limits."""
    if difference is None:
        return "There is no held-out product, so nothing was compared."
    if difference.low is None or difference.high is None:
        what = "One product is" if products == 1 else "Products of one family are"
        return f"{what} no comparison; there, the generated text differs by {signed(difference.mean)} points."
    if difference.low > 0:
        text = f"The generated text scores {points(difference.mean)} points higher than the source’s own"
    elif difference.high < 0:
        text = f"The generated text scores {points(-difference.mean)} points lower than the source’s own"
    else:
        text = f"No difference is shown: the mean is {signed(difference.mean)} points"
    text += f" ({interval(difference)})."
    if products < MIN_FAMILIES:
        text += f" With only {products} products the interval is narrower than it should be."
    return text


def model_report(
    evaluation: ModelEvaluation, results: Results, decisions: Sequence[Decision], *, is_carried_out: bool
) -> Report:
    """Create the report on a model evaluation. is_carried_out: whether the decisions were applied."""
    promoted = next((decision for decision in decisions if decision.verdict == "promoted"), None)
    best = next(iter(results.candidates), None)
    subject = results.of(promoted.candidate) if promoted else best
    warnings = [*gates.regressions(results, subject), *gates.below_template(results, subject)] if subject else []
    return Report(
        title=f"Model evaluation {evaluation.number}",
        finding=model_finding(results.reference, decisions, is_carried_out=is_carried_out),
        facts={
            "Policy": evaluation.policy,
            "Dataset version": evaluation.dataset_version,
            "Provider": evaluation.provider,
            "Reference": results.reference,
            "Held-out products": f"{results.products} of {results.families} families",
            "Evaluated": timestamp(evaluation.evaluated_at),
        },
        texts=evaluation.texts,
        results=results,
        subject=subject.name if subject else None,
        decisions=decisions,
        warnings=warnings,
    )


def model_finding(reference: str, decisions: Sequence[Decision], *, is_carried_out: bool) -> str:
    """Summarize the decision and its evidence in one sentence."""
    for decision in decisions:
        if decision.verdict == "promoted" and decision.difference:
            promoted = "is promoted" if is_carried_out else "would be promoted"
            better = f"{points(decision.difference.mean)} points better than {decision.reference}"
            return f"{decision.candidate} {promoted}: {better} ({interval(decision.difference)})."
    stays = f"{reference} {'stays' if is_carried_out else 'would stay'} in use"
    match len(decisions):
        case 0:
            return f"{stays}: there is no candidate."
        case 1:
            return f"{stays}: {decisions[0].candidate} has not shown that it is better."
        case several:
            return f"{stays}: none of {several} candidates has shown that it is better."


def timestamp(moment: datetime) -> str:
    """Format a time."""
    return f"{moment:%Y-%m-%d %H:%M %Z}"


def _environment(**options: Any) -> Environment:
    environment = html_page.environment(TEMPLATES, **options)
    environment.filters |= FILTERS
    return environment


def _markdown_text(value: object) -> str:
    """Escape a value for Markdown and HTML, on one line."""
    text = " ".join(str(value).split()).replace("&", "&amp;")
    return re.sub(r"([\\`*_\[\]<>|~#])", r"\\\1", text)

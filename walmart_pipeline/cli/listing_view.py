"""Renders a listing and its quality report for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Column, Table
from rich.text import Text

from walmart_pipeline.core.records import Completion, Listing, Product, QualityReport
from walmart_pipeline.stages.content.single_product import Written

READING_WIDTH = 100
BAR_WIDTH = 20
BAND_COLOURS = {"poor": "red", "good": "yellow", "excellent": "green"}
SEVERITY_COLOURS = {"blocking": "red", "major": "yellow", "minor": "dim"}


def printable(text: str) -> str:
    """Replace control characters: the text comes from a model or a feed and must not control the terminal."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "�" for letter in text)


def view(product: Product, written: Written) -> RenderableType:
    """Render the listing, its quality report, and its author, time and cost."""
    if not written.listing or not written.report:
        return _origin(written.completion)
    panel = Panel(_listing(product, written.listing), width=READING_WIDTH, padding=(1, 2))
    return Group(panel, _report(written.report), _origin(written.completion))


def _listing(product: Product, listing: Listing) -> RenderableType:
    parts: list[RenderableType] = []
    if product.category:
        parts.append(Text(printable(" > ".join(product.category)), style="dim"))
    if product.brand:
        parts.append(Text(printable(product.brand), style="dim"))
    parts += [Text(printable(listing.title), style="bold"), Text()]
    parts += [Padding(Text(f"• {printable(feature)}"), (0, 0, 0, 2)) for feature in listing.key_features]
    parts += [Text(), Text(printable(listing.description))]
    if listing.seo_keywords:
        parts += [Text(), Text(f"Search words: {printable(', '.join(listing.seo_keywords))}", style="dim")]
    return Group(*parts)


def _report(report: QualityReport) -> RenderableType:
    verdict = "can be published" if report.publishable else "can't be published as it is"
    head = Text.assemble(
        ("Quality ", "bold"),
        (f"{report.score:g} of 100, {report.band}", BAND_COLOURS[report.band]),
        f": {verdict}, by {report.policy}",
    )
    dimensions = Table(box=None, show_header=False, padding=(0, 1))
    for name, value in report.dimensions.items():
        shown = "–" if value is None else f"{value:g}"
        dimensions.add_row(f"  {name}", Text(shown, justify="right"), "█" * round((value or 0) * BAR_WIDTH / 100))
    return Group(head, dimensions, _violations(report))


def _violations(report: QualityReport) -> RenderableType:
    if not report.violations:
        return Text("  no rule is broken", style="green")
    table = Table(
        "severity", Column("rule", no_wrap=True), "field", "evidence", "what to change", box=None, padding=(0, 1)
    )
    for violation in report.violations:
        table.add_row(
            Text(violation.severity, style=SEVERITY_COLOURS[violation.severity]),
            violation.rule,
            Text(violation.field),
            Text(printable(violation.evidence)),
            Text(printable(violation.message)),
        )
    return table


def _origin(completion: Completion) -> RenderableType:
    tokens = completion.prompt_tokens + completion.completion_tokens
    author = completion.written_by if completion.fallback else f"{completion.provider}, {completion.model}"
    facts = [author, f"{completion.seconds:.1f} s"]
    facts += [f"{tokens:,} tokens"] if tokens else []
    facts += [f"${completion.cost_usd:.4f}"] if completion.cost_usd else []
    line = Text(f"Written by {', '.join(facts)}" if completion.status == "complete" else ", ".join(facts), style="dim")
    if not completion.fallback:
        return line
    reason = f"The template writer's text stands in for the model's: {printable(completion.fallback)}"
    return Group(Text(reason, style="yellow"), line)

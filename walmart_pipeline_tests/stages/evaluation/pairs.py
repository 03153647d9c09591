"""Planted pairs: what the tests of a comparison are about."""

from walmart_pipeline.core.records import Band, Dimension, Listing, Product, QualityReport, Severity, Violation
from walmart_pipeline.stages.evaluation.comparison import Judged, Pair


def report(
    product_id: str,
    score: float,
    *,
    rules: tuple[str, ...] = (),
    dimensions: dict[Dimension, float | None] | None = None,
    severity: Severity = "major",
) -> QualityReport:
    band: Band = "poor" if score < 60 else "good" if score < 80 else "excellent"
    return QualityReport(
        product_id=product_id,
        score=score,
        band=band,
        publishable=score >= 60,
        dimensions=dimensions or {},
        violations=[
            Violation(rule=rule, severity=severity, field="title", evidence="evidence", message="message")
            for rule in rules
        ],
        policy="walmart-2025@3f2a",
    )


def pair(
    product_id: str,
    generated: float | QualityReport,
    source: float | QualityReport,
    category: str | None = "Home",
    name: str = "Kettle",
    title: str = "A kettle",
) -> Pair:
    return Pair(
        product=Product(product_id=product_id, product_name=name, category=[category] if category else []),
        generated=Judged(
            listing=Listing(title=title, key_features=["Boils"], description="It boils water."),
            report=generated if isinstance(generated, QualityReport) else report(product_id, generated),
        ),
        source=Judged(
            listing=Listing(title=name),
            report=source if isinstance(source, QualityReport) else report(product_id, source),
        ),
    )

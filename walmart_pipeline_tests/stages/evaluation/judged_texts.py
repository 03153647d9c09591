"""Planted texts: what the tests of results and reports are about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

from walmart_pipeline.core.records import Band, Dimension, Listing, Product, QualityReport, Severity, Violation
from walmart_pipeline.stages.evaluation.evaluation_store import ContenderKind, JudgedText, ModelEvaluation
from walmart_pipeline.stages.evaluation.held_out import judged_text

KINDS: dict[str, ContenderKind] = {
    "llama": "base",
    "gpt:1": "candidate",
    "gpt:2": "candidate",
    "template": "template",
    "source": "source",
}


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
    writer: str = "llama3.1:8b",
) -> list[JudgedText]:
    """The generated and the source's text about one product."""
    product = Product(product_id=product_id, product_name=name, category=[category] if category else [])
    written = Listing(title=title, key_features=["Boils"], description="It boils water.")
    return [
        judged_text(
            product,
            listing,
            found if isinstance(found, QualityReport) else report(product_id, found),
            product_id,
            author,
        )
        for author, listing, found in ((writer, written, generated), (None, Listing(title=name), source))
    ]


def text_of(
    contender: str, number: int, score: float, *, family: str | None = None, said: str = "Kettle"
) -> JudgedText:
    """A contender's text in a model evaluation."""
    return JudgedText(
        contender=contender,
        kind=KINDS[contender],
        product_id=str(number),
        product_name=said,
        category=[said],
        family=family or str(number),
        listing=Listing(title=said, key_features=[said], description=said),
        report=report(str(number), score, rules=(said,), dimensions=dict.fromkeys(get_args(Dimension), score)),
        seconds=1.0 + number,
        prompt_tokens=100,
        completion_tokens=50,
        cost_usd=0.001,
    )


def evaluation(texts: list[JudgedText]) -> ModelEvaluation:
    evaluated_at = datetime(2025, 3, 1, 12, tzinfo=UTC)
    return ModelEvaluation(number=7, provider="ollama", dataset_version="v3", evaluated_at=evaluated_at, texts=texts)


def planted(products: int = 24, said: str = "Kettle") -> ModelEvaluation:
    means = {"llama": 50, "gpt:1": 70, "gpt:2": 60, "template": 65, "source": 40}
    return evaluation(
        [
            text_of(name, number, mean + number % 10, said=said)
            for name, mean in means.items()
            for number in range(products)
        ]
    )

"""A small catalog with texts, scores and their history, and a ledger with calls of the last weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Product
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Row, Warehouse
from walmart_pipeline.llm.calls import Answer, CallError, ErrorClass, Message, Purpose, Request
from walmart_pipeline.llm.ledger import Call, Ledger

NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
POLICY = "walmart-2025@1"
MODEL = "llama3.1:8b"
DIMENSIONS = ("compliance", "grounding", "writing", "coverage", "readability", "search", "uniqueness")


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def add_texts(
    db: Database,
    category: str,
    scores: Sequence[float],
    *,
    violations: Sequence[Row] = (),
    blocked: int = 0,
    provider: str = "ollama",
    model: str = f"{MODEL}@0123456789ab",
    stand_ins: int = 0,
    days_ago: float = 0.1,
) -> list[str]:
    """Products of a category with a text each; the first `blocked` are not publishable. Returns their ids."""
    ids = [f"{category}-{number}" for number in range(len(scores))]
    db.append(
        "catalog.products",
        [Product(product_id=each, product_name=each, category=[category]).model_dump() for each in ids],
    )
    db.append(
        "content.generated_content",
        [
            {
                "product_id": each,
                "provider": provider,
                "model": model,
                "status": "complete",
                "fallback": "no answer" if number < stand_ins else None,
                "content_hash": f"hash of {each}",
                "generated_at": ago(days_ago),
            }
            for number, each in enumerate(ids)
        ],
    )
    db.append(
        "quality.scores",
        [
            {
                "product_id": each,
                "content_hash": f"hash of {each}",
                "policy": POLICY,
                "score": score,
                "publishable": number >= blocked,
                "violations": list(violations) if score < 80 or number < blocked else [],
                **dict.fromkeys(DIMENSIONS, score),
            }
            for number, (each, score) in enumerate(zip(ids, scores, strict=True))
        ],
    )
    return ids


def violation(rule: str, message: str, severity: str = "major") -> Row:
    return {"rule": rule, "severity": severity, "field": "description", "evidence": "", "message": message}


def add_run(db: Database, days_ago: float, mean: float, categories: dict[str, float], texts: int = 100) -> None:
    """What a run recorded of the scores."""
    about = {"run_id": f"run-{days_ago}", "policy": POLICY, "texts": texts, "recorded_at": ago(days_ago)}
    db.append(
        "quality.score_history", [about | {"mean": mean, "p10": 60.0, "p50": mean, "p90": 95.0, "publishable": 99.0}]
    )
    db.append(
        "quality.category_history", [about | {"category": name, "mean": value} for name, value in categories.items()]
    )


def add_calls(
    settings: Settings,
    product_ids: Sequence[str],
    *,
    days_ago: float = 0.1,
    seconds: float = 2.0,
    cost_usd: float = 0.0,
    error: ErrorClass | None = None,
    purpose: Purpose = "listing",
    hits: int = 0,
) -> None:
    """Calls of the model for these products at that time."""
    requests = [
        Request(each, "ollama", MODEL, None, "1", (Message("user", f"{each} {days_ago} {error}"),), purpose=purpose)
        for each in product_ids
    ]
    outcome = CallError(error, f"{error}: no") if error else Answer("{}", 100, 50, cost_usd)
    with Ledger(settings.ledger) as ledger:
        for request in requests:
            call = Call.of(
                request,
                request.request_hash,
                "http://one",
                outcome=outcome,
                attempt=1,
                seconds_queued=0.1,
                seconds_served=seconds,
            )
            ledger.record(replace(call, called_at=ago(days_ago)))
        ledger.record_hits((request, Answer("{}", 100, 50, cost_usd)) for request in requests[:hits])


def warehouse(settings: Settings) -> Warehouse:
    return FileWarehouse(settings.warehouse)

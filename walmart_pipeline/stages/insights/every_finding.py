"""All kinds of findings, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Warehouse
from walmart_pipeline.stages.insights import call_log, findings, model_findings, performance, quality_findings, usage
from walmart_pipeline.stages.insights.findings import Finding

# Bumped when the same figures would give other findings: the asset's code_version.
VERSION = "1"

KINDS: tuple[Callable[[Database, datetime], Iterator[Finding]], ...] = (
    quality_findings.below_the_mean,
    quality_findings.withheld,
    quality_findings.moved,
    quality_findings.disliked,
    quality_findings.waiting,
    quality_findings.unrated,
    model_findings.failing,
    model_findings.slower,
    model_findings.replaced,
    model_findings.repaired,
    model_findings.costly,
)


def find(db: Database, now: datetime) -> list[Finding]:
    """Return every finding, from tables that are up to date."""
    return [finding for kind in KINDS for finding in kind(db, now)]


def refresh(settings: Settings, warehouse: Warehouse) -> list[Finding]:
    """Bring performance and usage up to date, and store the findings, as the assets do. Raises LedgerError."""
    now = datetime.now(UTC)
    call_log.copy(settings, warehouse, now)
    with warehouse.writing() as db:
        performance.update(db, now, settings.retention_days)
        usage.update(db)
        return findings.store(db, find(db, now), now)

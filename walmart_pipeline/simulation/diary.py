"""What happened around the pipeline in a simulated week, kept in its folder: the truth that its tables are held to."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, Field

from walmart_pipeline.core.files import write_atomically

DIARY = "simulation.json"
ALERTS = "alerts.jsonl"
SERVER_LOGS = "model-server-*.log"
DELIVERIES = "deliveries"


class Day(BaseModel):
    """A day, from its first event to the end of its night."""

    number: int
    started: datetime
    ended: datetime | None = None
    events: list[str] = Field(default_factory=list)


class Kill(BaseModel):
    """A `kill -9` of the daemon. run: of the run that was in progress. with_runs: it died, too."""

    at: datetime
    run: str
    with_runs: bool


class Outage(BaseModel):
    """No model server answered. arrived, corrected: products of the files that came meanwhile."""

    began: datetime
    ended: datetime
    arrived: list[str]
    corrected: list[str]


class Drift(BaseModel):
    """A model server that wrote poor texts about a category. is_limited: after the day's regeneration was used up."""

    category: str
    products: list[str]
    at: datetime
    is_limited: bool


class Diary(BaseModel):
    """The events of a week. Deliveries are kept beside it, a folder for each day."""

    seed: int
    products: int
    concurrency: int
    budget_usd: float = Field(description="Of a run.")
    days: list[Day] = Field(default_factory=list)
    repriced: dict[int, list[str]] = Field(default_factory=dict, description="By day: another price, nothing else.")
    corrected: dict[int, list[str]] = Field(default_factory=dict, description="By day: facts that texts state.")
    added: dict[int, list[str]] = Field(default_factory=dict, description="By day: new products.")
    ratings: int = Field(default=0, description="Of one reviewer and text each; their file was imported twice.")
    rejected: list[str] = Field(default_factory=list, description="Products whose texts got one star.")
    kills: list[Kill] = Field(default_factory=list)
    outages: list[Outage] = Field(default_factory=list)
    server_kills: int = 0
    broken_exports: int = Field(default=0, description="Runs that could not write their exports.")
    retrainings: int = 0
    drifts: list[Drift] = Field(default_factory=list)
    touched: int = Field(default=0, description="Files with another time, but the same content.")

    def save(self, home: Path) -> None:
        """Write it into the folder of the simulation."""
        write_atomically(home / DIARY, self.model_dump_json(indent=2))

    @classmethod
    def load(cls, home: Path) -> Diary:
        """Read it from there."""
        return cls.model_validate_json((home / DIARY).read_text(encoding="utf-8"))

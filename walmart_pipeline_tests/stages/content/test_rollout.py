"""How a new champion takes over: a canary, its judgement, and the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_pipeline.benchmarks import synthetic_catalog
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.stages.content import planning, rollout
from walmart_pipeline.stages.content.planning import PlanScope
from walmart_pipeline_tests.stages.content.test_planning import MODEL, Model


class Champion(Model):
    model = "champion@1"


CHAMPION = Champion()
SHARE = 0.25


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """100 judged texts of MODEL, and CHAMPION promoted."""
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as database:
        synthetic_catalog.make(database, 100)
        synthetic_catalog.write_texts(database, MODEL)
        judge(database, "70 + hash(product_id) % 20")
        database.append("models.promotions", [{"number": 1, "move": "promotion", "provider": "ollama"}])
        yield database


def judge(db: Database, score: str) -> None:
    db.execute(
        "insert into quality.scores by name "
        f"select product_id, content_hash, facts_hash, {score} as score, score > 60 as publishable "
        "from content.generated_content anti join quality.scores using (product_id, content_hash)"
    )


def plan(db: Database, provider: Model = CHAMPION) -> dict[str, int]:
    """What the next run would write, by reason."""
    scope = PlanScope(rollout=rollout.advance(db, provider, SHARE))
    return {row["reason"]: row["products"] for row in planning.plan(db, provider, "run", scope)}


def write(db: Database, score: str) -> None:
    """The champion writes what is planned, and the judge scores it."""
    db.execute(
        "update content.generated_content set model = ?, content_hash = 'new ' || product_id "
        "where product_id in (select product_id from content.generation_plan)",
        [CHAMPION.model],
    )
    judge(db, score)


def test_a_new_champion_rewrites_a_canary_and_then_the_rest(db: Database) -> None:
    assert plan(db) == {"model changed": 25}
    assert plan(db) == {"model changed": 25}
    write(db, "95")
    assert plan(db) == {"model changed": 75}
    (row,) = db.query("select phase, difference > 10 as better, publishable_after from content.rollouts")
    assert row == {"phase": "full", "better": True, "publishable_after": 25}
    write(db, "95")
    assert plan(db) == {}


def test_a_champion_whose_texts_are_worse_rewrites_no_more_but_writes_what_is_new(db: Database) -> None:
    plan(db)
    write(db, "65")
    assert plan(db) == {}
    (row,) = db.query("select phase, reason from content.rollouts")
    assert row["phase"] == "stopped"
    assert "25 of 25 publishable instead of 25" in row["reason"]
    db.execute("update catalog.products set facts_hash = 'other' where source_row = 1")
    assert plan(db) == {"facts changed": 1}


def test_a_rollback_brings_the_earlier_champions_texts_back_at_once(db: Database) -> None:
    plan(db)
    write(db, "95")
    db.append("models.promotions", [{"number": 2, "move": "rollback", "provider": "ollama"}])
    assert plan(db, MODEL) == {"model changed": 25}


def test_a_model_that_somebody_names_is_not_held_back_by_a_stopped_rollout(db: Database) -> None:
    plan(db)
    write(db, "65")
    plan(db)
    assert plan(db, MODEL) == {"model changed": 25}

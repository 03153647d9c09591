"""The plan: which products are written about, why, and what it would cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from walmart_pipeline.benchmarks import synthetic_catalog
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Completion, Product
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.generation.provider import Provider, Task
from walmart_pipeline.llm.pricing import Estimate
from walmart_pipeline.stages.content import planning
from walmart_pipeline.stages.content.planning import PlanScope


class Model(Provider):
    """A provider that is only planned for."""

    name = "ollama"
    model = "writer@1"
    prompt_version = "p1"

    def write(self, tasks: Iterable[Task]) -> Iterator[tuple[Product, Completion]]:
        raise AssertionError("a plan asks nothing")

    def estimate(self, *, products: int, characters: int) -> Estimate:
        return Estimate(calls=products, prompt_tokens=characters // 4, completion_tokens=0, cost_usd=0.0)


MODEL = Model()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """Five products with a publishable text of MODEL."""
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as database:
        synthetic_catalog.make(database, 5)
        synthetic_catalog.write_texts(database, MODEL)
        database.execute(
            "insert into quality.scores by name "
            "select product_id, content_hash, facts_hash, 90 as score, true as publishable "
            "from content.generated_content"
        )
        yield database


def reasons(db: Database, *, provider: Provider = MODEL, **scope: Any) -> dict[str, int]:
    planned = planning.plan(db, provider, "run", PlanScope(**scope))
    return {row["reason"]: row["products"] for row in planned}


def revisions(db: Database) -> list[int]:
    return [row["revision"] for row in db.query("select revision from content.generation_plan order by product_id")]


def test_what_is_up_to_date_is_not_planned(db: Database) -> None:
    assert reasons(db) == {}


def test_a_new_product_is_planned(db: Database) -> None:
    db.execute("delete from content.generated_content where product_id = 'B-00000001'")
    assert reasons(db) == {"new": 1}


def test_changed_facts_are_planned_as_a_new_question(db: Database) -> None:
    db.execute("update content.generated_content set revision = 2")
    synthetic_catalog.change(db, 2)
    assert reasons(db) == {"facts changed": 2}
    assert revisions(db) == [0, 0]


@pytest.mark.parametrize(
    ("column", "reason"),
    [("model", "model changed"), ("prompt_version", "prompt changed"), ("parser_version", "parser changed")],
)
def test_another_model_prompt_or_parser_plans_everything(db: Database, column: str, reason: str) -> None:
    db.execute(f"update content.generated_content set {column} = 'older'")
    assert reasons(db) == {reason: 5}


def test_a_better_parser_reads_kept_answers_and_asks_no_new_question(db: Database) -> None:
    db.execute("update content.generated_content set parser_version = 'older', revision = 1")
    reasons(db)
    assert revisions(db) == [1] * 5


def test_what_failed_is_tried_again(db: Database) -> None:
    db.execute("update content.generated_content set status = 'failed' where product_id = 'B-00000003'")
    assert reasons(db) == {"failed before": 1}


def rate(db: Database, stars: int) -> None:
    db.execute(
        "insert into quality.ratings by name select product_id, content_hash, ? as stars, now() as rated_at "
        "from content.generated_content where product_id = 'B-00000002'",
        [stars],
    )


def test_what_a_reviewer_rejected_is_requested_again(db: Database) -> None:
    rate(db, 1)
    assert reasons(db) == {"rejected by a reviewer": 1}
    assert revisions(db) == [1]


def test_what_a_reviewer_liked_stays(db: Database) -> None:
    rate(db, 5)
    assert reasons(db) == {}


def test_a_rating_of_an_earlier_text_says_nothing_of_this_one(db: Database) -> None:
    rate(db, 1)
    db.execute("update content.generated_content set content_hash = 'another text'")
    assert "rejected by a reviewer" not in reasons(db)


def test_what_is_below_the_threshold_is_requested_again_but_not_for_ever(db: Database) -> None:
    db.execute("update quality.scores set publishable = false where product_id = 'B-00000004'")
    assert reasons(db) == {"below the threshold": 1}
    db.execute("update content.generated_content set revision = ?", [planning.MAX_REVISIONS])
    assert reasons(db) == {}


def test_old_texts_are_planned_only_if_an_age_is_given(db: Database) -> None:
    db.execute("update content.generated_content set generated_at = ?", [datetime.now(UTC) - timedelta(days=40)])
    assert reasons(db) == {}
    assert reasons(db, stale_days=50) == {}
    assert reasons(db, stale_days=30) == {"stale": 5}


def test_what_was_forced_and_waits_in_a_batch_stays_planned_without_being_forced_again(db: Database) -> None:
    """The batch's answers would be paid for and stay unused until somebody forced the same texts again."""
    reasons(db, everything=True)
    db.execute(
        "insert into content.waiting "
        "select product_id, facts_hash, revision, 'batch-1' from content.generation_plan order by product_id limit 2"
    )
    assert reasons(db) == {"waits in a batch": 2}
    assert revisions(db) == [1, 1]
    db.execute("update content.generated_content set revision = 1")
    assert reasons(db) == {}


def test_everything_can_be_forced_and_is_requested_again(db: Database) -> None:
    assert reasons(db, everything=True) == {"forced": 5}
    assert revisions(db) == [1] * 5


def planned(db: Database, **options: int | bool) -> list[str]:
    reasons(db, **options)
    return [row["product_id"][-1] for row in db.query("select product_id from content.generation_plan order by 1")]


def test_a_limit_takes_new_products_first_and_then_what_was_tried_longest_ago(db: Database) -> None:
    synthetic_catalog.change(db, 5)
    db.execute("update content.generated_content set attempted_at = now() where product_id < 'B-00000003'")
    db.execute("delete from content.generated_content where product_id = 'B-00000002'")
    assert planned(db, limit=1) == ["2"]
    assert planned(db, limit=3) == ["2", "3", "4"]


def test_products_that_always_fail_keep_nobody_waiting(db: Database) -> None:
    """Five permanent failures once took all places of `--limit 5` every night."""
    synthetic_catalog.change(db, 5)
    db.execute("update content.generated_content set failures = 3 where product_id < 'B-00000003'")
    assert planned(db, limit=2) == ["3", "4"]


def test_plans_of_other_runs_are_left_alone(db: Database) -> None:
    """`--plan-only --limit 5` beside a run once reduced that run's work to five products."""
    synthetic_catalog.change(db, 5)
    planning.plan(db, MODEL, "running")
    planning.plan(db, MODEL, "beside", PlanScope(limit=2))
    assert [planning.estimate(db, run_id).calls for run_id in ("running", "beside")] == [5, 2]
    assert planning.plan_of(db, ["running", None]) == "running"
    assert planning.plan_of(db, ["repeated", None]) == "beside"
    planning.forget(db, ["running"])
    assert planning.plans(db) == ["beside"]
    assert db.query("select distinct run_id from content.generation_plan") == [{"run_id": "beside"}]


def test_the_estimate_covers_the_plan_and_nothing_else(db: Database) -> None:
    planning.plan(db, MODEL, "run")
    assert planning.estimate(db, "run") == Estimate(calls=0, prompt_tokens=0, completion_tokens=0, cost_usd=0.0)
    planning.plan(db, MODEL, "run", PlanScope(everything=True))
    estimate = planning.estimate(db, "run")
    assert estimate.calls == 5
    assert 5 * 60 < estimate.prompt_tokens < 5 * 200


def test_a_selection_is_written_again_the_worst_texts_first_and_reviewers_texts_stay(db: Database) -> None:
    ids = [row["product_id"] for row in db.query("select product_id from catalog.products order by product_id")]
    category = db.value("select category[1] from catalog.products where product_id = ?", [ids[0]])
    db.execute("update quality.scores set score = 10 where product_id = ?", [ids[3]])
    db.execute("update content.generated_content set provider = 'reviewer' where product_id = ?", [ids[4]])
    assert reasons(db, ids=ids[2:], reason="too dull") == {"forced: too dull": 2}
    assert revisions(db) == [1, 1]
    assert reasons(db, ids=ids, worst_first=True, limit=1) == {"forced": 1}
    assert db.value("select product_id from content.generation_plan") == ids[3]
    by_model = "join content.generated_content using (product_id) where category[1] = ? and provider <> 'reviewer'"
    expected = db.value(f"select count(*) from catalog.products {by_model}", [category])
    assert reasons(db, categories=[category]) == {"forced": expected}
    assert planning.unknown(db, [ids[0], "no such id"]) == ["no such id"]


class PricedModel(Model):
    def estimate(self, *, products: int, characters: int) -> Estimate:
        return Estimate(calls=products, prompt_tokens=0, completion_tokens=0, cost_usd=0.1 * products)


def test_a_plan_stays_within_its_budget(db: Database) -> None:
    assert reasons(db, provider=PricedModel(), everything=True, budget_usd=0.35) == {"forced": 3}
    assert reasons(db, provider=PricedModel(), everything=True, budget_usd=0.05) == {}

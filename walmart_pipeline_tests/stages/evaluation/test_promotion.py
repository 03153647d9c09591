"""Which candidate is promoted after an evaluation: planted models on a real server, judged by the real judge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from aiohttp import web

from walmart_pipeline.registry import model_versions
from walmart_pipeline.stages.evaluation.assets import PromotionConfig, promotion_by_evidence
from walmart_pipeline_tests.stages.evaluation.examples import (
    BASE,
    JUDGE,
    Server,
    Shop,
    blocked,
    good,
    mostly,
    no_listing,
    poor,
    server,
)

pytestmark = pytest.mark.usefixtures("no_reports")


@pytest.fixture
def served() -> Iterator[Server]:
    with server() as running:
        yield running


def test_a_candidate_that_is_better_beyond_chance_is_promoted(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served)
    candidate = shop.plant(good)
    reported = shop.decide()
    with shop.warehouse.reading() as db:
        champion = model_versions.champion(db, "ollama")
    assert champion is not None
    assert champion.name == candidate.name
    [decision] = shop.rows("select * from evaluation.decisions")
    assert (decision["verdict"], decision["reference"], decision["reasons"]) == ("promoted", BASE, [])
    assert 0 < decision["low"] <= decision["difference"] <= decision["high"]
    assert decision["level"] == 0.95
    assert reported["decision"].startswith(f"{candidate.name} is promoted")
    page = Path(reported["report"])
    assert page == shop.settings.reports / "model-evaluation-1.html"
    assert reported["decision"] in page.read_text(encoding="utf-8")


def test_a_worse_candidate_is_refused_and_retired_with_the_reason(tmp_path: Path, served: Server) -> None:
    served.writes[BASE] = good
    shop = Shop(tmp_path, served)
    candidate = shop.plant(poor)
    reported = shop.decide()
    [decision] = shop.rows("select * from evaluation.decisions")
    assert decision["verdict"] == "refused"
    assert decision["high"] < 0
    assert f"worse than {BASE}" in decision["reasons"][0]
    assert shop.status(candidate) == "retired"
    [version] = shop.rows("select note from models.versions")
    assert decision["reasons"][0] in version["note"]
    assert reported["decision"].startswith(f"{BASE} stays in use")


def test_an_equal_candidate_is_refused(tmp_path: Path, served: Server) -> None:
    served.writes[BASE] = mostly(good, poor, every=2)
    shop = Shop(tmp_path, served)
    # As often good, but not for the same products.
    candidate = shop.plant(lambda place, name: (poor if place % 2 else good)(place, name))
    shop.decide()
    [decision] = shop.rows("select * from evaluation.decisions")
    assert decision["verdict"] == "refused"
    assert decision["low"] < 0 < decision["high"]
    assert "beyond chance" in decision["reasons"][0]
    assert shop.status(candidate) == "retired"


def test_a_better_mean_does_not_make_up_for_a_blocking_rule(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served)
    candidate = shop.plant(mostly(good, blocked, every=12))
    shop.decide()
    [decision] = shop.rows("select * from evaluation.decisions")
    assert decision["low"] > 0
    assert decision["verdict"] == "refused"
    assert any("claims.health for 2 of 24 products" in reason for reason in decision["reasons"])
    assert shop.status(candidate) == "retired"


def test_products_that_a_candidate_fails_on_count_as_nothing(tmp_path: Path, served: Server) -> None:
    """A mean over what succeeded would be the better one."""
    served.writes[BASE] = mostly(good, poor, every=4)
    shop = Shop(tmp_path, served)
    candidate = shop.plant(mostly(good, no_listing, every=2))
    shop.decide()
    [counted] = shop.rows(
        f"select count(*) as n, count(*) filter (status = 'failed' and score = 0) as failed, avg(score) as mean, "
        f"avg(score) filter (status = 'complete') as of_texts from evaluation.model_evaluation "
        f"where contender = '{candidate.name}'"
    )
    [base] = shop.rows(f"select avg(score) as mean from evaluation.model_evaluation where contender = '{BASE}'")
    assert (counted["n"], counted["failed"]) == (24, 12)
    assert counted["mean"] < base["mean"] < counted["of_texts"]
    assert shop.status(candidate) == "retired"


def test_the_next_candidate_is_compared_with_the_champion(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served)
    first = shop.plant(mostly(good, poor, every=2))
    shop.decide()
    second = shop.plant(good, temperature=0.7)
    shop.decide()
    [decision] = shop.rows("select * from evaluation.decisions where evaluation_number = 2")
    assert (decision["reference"], decision["verdict"]) == (first.name, "promoted")
    assert (shop.status(first), shop.status(second)) == ("retired", "champion")


def test_of_several_good_candidates_only_the_best_is_promoted_by_a_wider_interval(
    tmp_path: Path, served: Server
) -> None:
    shop = Shop(tmp_path, served)
    second = shop.plant(mostly(good, poor, every=3))
    best = shop.plant(good, temperature=0.7)
    shop.decide()
    decisions = {row["candidate"]: row for row in shop.rows("select * from evaluation.decisions")}
    assert decisions[best.name]["verdict"] == "promoted"
    assert decisions[second.name]["reasons"] == [f"{best.name} is better still"]
    assert decisions[best.name]["level"] == 0.975
    assert shop.status(second) == "retired"


def test_too_few_products_decide_nothing_and_leave_the_candidate_a_candidate(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served)
    candidate = shop.plant(good)
    shop.decide(products=6)
    [decision] = shop.rows("select * from evaluation.decisions")
    assert "20 families are needed" in decision["reasons"][0]
    assert shop.status(candidate) == "candidate"


def test_answers_that_a_server_lost_are_not_held_against_a_candidate(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served)

    def refuses(_: int, __: str) -> web.Response:
        return web.json_response({"error": "no such option"}, status=400)

    candidate = shop.plant(mostly(good, refuses, every=12))
    shop.decide()
    [decision] = shop.rows("select * from evaluation.decisions")
    assert decision["verdict"] == "refused"
    assert "lost 2 answers" in decision["reasons"][0]
    assert "no such option" in decision["reasons"][0]
    assert shop.status(candidate) == "candidate"


def test_without_automatic_promotion_the_decision_is_only_reported(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served)
    candidate = shop.plant(good)
    reported = shop.decide(automatic=False)
    assert reported["decision"].startswith(f"{candidate.name} would be promoted")
    assert shop.status(candidate) == "candidate"
    assert shop.rows("select * from evaluation.decisions") == []


def test_materializing_everything_promotes_nothing_that_a_retraining_left_undecided(
    tmp_path: Path, served: Server
) -> None:
    """`retrain --no-promote` once ended in a new champion when someone pressed Materialize all."""
    shop = Shop(tmp_path, served)
    candidate = shop.plant(good)
    shop.decide(automatic=False)
    given = {"settings": shop.settings, "warehouse": shop.warehouse, "judge": JUDGE}
    [*promotion_by_evidence(dg.build_asset_context(), PromotionConfig(), **given)]
    assert shop.status(candidate) == "candidate"


def test_an_evaluation_is_decided_once(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served)
    shop.plant(good)
    shop.decide()
    # No new evaluation: the latest one is the first.
    assert shop.decide(products=0) == {}
    assert len(shop.rows("select * from evaluation.decisions")) == 1


def test_a_champion_of_a_later_day_makes_an_old_evaluation_worthless(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served)
    candidate, other = shop.plant(good), shop.plant(poor, temperature=0.7)
    shop.evaluate()
    with shop.warehouse.writing() as db:
        model_versions.promote(db, other.name, decided_by="a person", reason="by hand")
    shop.decide(products=0)
    reasons = {row["candidate"]: row["reasons"] for row in shop.rows("select * from evaluation.decisions")}
    assert reasons[candidate.name] == [f"{other.name} is the champion now, it was compared with {BASE}"]
    assert shop.status(candidate) == "candidate"


def test_a_version_whose_model_is_gone_is_not_promoted(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served)
    candidate = shop.plant(good)
    shop.evaluate()
    del served.writes[candidate.name]
    shop.decide(products=0)
    [decision] = shop.rows("select * from evaluation.decisions")
    assert decision["verdict"] == "refused"
    assert candidate.name in decision["reasons"][0]
    assert shop.status(candidate) == "candidate"

"""Model evaluation: its contenders, the calls that are made, and what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline.registry import model_versions
from walmart_pipeline.stages.evaluation import checks, evaluation_store, model_evaluation
from walmart_pipeline.stages.evaluation.assets import evaluated_models
from walmart_pipeline.stages.evaluation.results import of_evaluation
from walmart_pipeline_tests.stages.evaluation.examples import (
    BASE,
    JUDGE,
    NAMES,
    PRODUCTS,
    Server,
    Shop,
    blocked,
    good,
    mostly,
    poor,
    server,
)


@pytest.fixture
def served() -> Iterator[Server]:
    with server() as running:
        yield running


def test_everything_that_could_generate_has_a_row_for_every_product(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served)
    champion, candidate = shop.plant(good), shop.plant(good, temperature=0.7)
    with shop.warehouse.writing() as db:
        model_versions.promote(db, champion.name, decided_by="a person", reason="by hand")
    shop.evaluate(products=6)
    rows = shop.rows(
        "select contender, kind, count(distinct product_id) as n from evaluation.model_evaluation group by all"
    )
    assert {(row["contender"], row["kind"], row["n"]) for row in rows} == {
        (BASE, "base", 6),
        (champion.name, "champion", 6),
        (candidate.name, "candidate", 6),
        ("template", "template", 6),
        ("source", "source", 6),
    }


def test_an_evaluation_is_read_back_as_it_was_stored(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served)
    shop.plant(mostly(good, blocked, every=3))
    held = shop.evaluate(products=6)
    with shop.warehouse.reading() as db:
        kept = evaluation_store.latest(db)
    assert kept is not None
    assert of_evaluation(kept) == of_evaluation(held)
    assert sorted(kept.texts, key=repr) == sorted(held.texts, key=repr)


def test_every_dimension_is_measured_and_copies_are_found_among_a_contenders_texts(
    tmp_path: Path, served: Server
) -> None:
    shop = Shop(tmp_path, served)
    held = shop.evaluate(products=6)
    composed = [entry.report.dimensions for entry in held.texts if entry.contender == "template"]
    assert all(value is not None for measured in composed for value in measured.values())
    # All products are the same kettle under another name.
    assert min(measured["uniqueness"] or 0 for measured in composed) < 50


def test_what_was_answered_once_is_not_asked_again(tmp_path: Path, served: Server) -> None:
    """An evaluation that was killed goes on in the same way: the ledger has what was answered until then."""
    shop = Shop(tmp_path, served)
    shop.plant(good)
    first = shop.evaluate(products=6)
    asked = len(served.asked)
    assert asked == 12
    again = shop.evaluate(products=6)
    assert len(served.asked) == asked
    assert again.number == first.number + 1
    assert [one.score for one in of_evaluation(again).contenders] == [
        one.score for one in of_evaluation(first).contenders
    ]


def test_all_contenders_share_one_budget(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served, budget_calls=8)
    candidate = shop.plant(good)
    table = of_evaluation(shop.evaluate(products=6))
    assert len(served.asked) == 8
    assert table.of(BASE).lost == 0
    assert table.of(candidate.name).lost == 4


def test_each_category_has_its_share_and_no_family_comes_twice_before_all_came_once(
    tmp_path: Path, served: Server
) -> None:
    shop = Shop(tmp_path, served)
    with shop.warehouse.writing() as db:
        # Half of the products are variants of one family.
        db.execute("update training.split set family = 'one' where product_id in (select unnest(?))", [NAMES[:12]])
        sample = model_evaluation.held_out(db, 12)
        whole = model_evaluation.held_out(db, 100)
    assert len(whole) == len(PRODUCTS)
    assert len({each.family for each in sample}) >= 11
    counts = [sum(each.product.category == category for each in sample) for category in categories()]
    of_all = [sum(each.category == category for each in PRODUCTS) for category in categories()]
    assert all(abs(count - 12 * among / 24) <= 1 for count, among in zip(counts, of_all, strict=True))
    assert [each.product.product_id for each in sample] == [each.product.product_id for each in whole[:12]]


def categories() -> list[list[str]]:
    return [[f"Home {number}", "Kettles"] for number in range(3)]


def test_without_a_held_out_product_the_remedy_is_given(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served)
    with shop.warehouse.writing() as db:
        db.execute("update training.split set split = 'train'")
    with pytest.raises(model_evaluation.EvaluationError, match="run the pipeline on a larger catalog"):
        shop.evaluate()


def test_a_version_of_ours_cannot_be_the_base_model(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served)
    version = shop.plant(good)
    shop.settings = shop.settings.model_copy(update={"model": version.name})
    with pytest.raises(model_evaluation.EvaluationError, match="--model"):
        shop.evaluate()


def test_versions_are_compared_in_the_latest_evaluation_that_has_both(tmp_path: Path, served: Server) -> None:
    shop = Shop(tmp_path, served)
    one, other = shop.plant(good), shop.plant(poor, temperature=0.7)
    shop.evaluate(products=6)
    with shop.warehouse.writing() as db:
        model_versions.retire(db, other.name, reason="worse")
    shop.evaluate(products=8)
    with shop.warehouse.reading() as db:
        both = evaluation_store.scores_of(db, [one.name, other.name])
        alone = evaluation_store.scores_of(db, [one.name])
        never = evaluation_store.scores_of(db, [one.name, "walmart-gpt-expert:9.0.0"])
    assert [(row["evaluation_number"], row["contender"], row["products"]) for row in both] == [
        (1, one.name, 6),
        (1, other.name, 6),
    ]
    assert both[0]["mean_score"] > both[1]["mean_score"]
    assert both[1]["publishable"] == 0
    assert [(row["evaluation_number"], row["products"]) for row in alone] == [(2, 8)]
    assert never == []


def test_by_default_nothing_is_evaluated_and_no_model_is_called(tmp_path: Path, served: Server) -> None:
    assert Shop(tmp_path, served).decide(products=0) == {}
    assert served.asked == []


@pytest.mark.parametrize("products", [0, 6])
def test_the_checks_report_what_is_wrong_and_an_evaluation_that_is_off_is_skipped_with_them(
    tmp_path: Path, served: Server, products: int
) -> None:
    shop = Shop(tmp_path, served)
    shop.plant(mostly(good, blocked, every=2))
    result = dg.materialize(
        [evaluated_models, checks.model_evaluation_checks],
        resources={
            "settings": shop.settings,
            "warehouse": shop.warehouse,
            "judge": JUDGE,
            "progress": LogProgress(),
        },
        run_config={"ops": {"evaluation__model_evaluation": {"config": {"products": products}}}},
    )
    found = {each.check_name: each for each in result.get_asset_check_evaluations()}
    if not products:
        assert found == {}
        assert result.get_asset_materialization_events() == []
        return
    assert not found["enough_families"].passed
    assert found["no_lost_answers"].passed
    assert not found["candidates_block_no_more"].passed
    assert "claims.health" in (found["candidates_block_no_more"].description or "")

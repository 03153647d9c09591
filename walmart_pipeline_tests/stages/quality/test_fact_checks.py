"""A model as fact-checker: off by default, asked once, and no verdict where it gives none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from aiohttp import web

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing, Product, Rating
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Warehouse
from walmart_pipeline.generation import fact_checker
from walmart_pipeline.generation.provider import ProviderError
from walmart_pipeline.judge.claims import examination
from walmart_pipeline.judge.claims.model import Thresholds
from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.resources import resources
from walmart_pipeline.reviews import edits, ratings
from walmart_pipeline.reviews.edits import Edit
from walmart_pipeline.stages.quality.assets import fact_checks, listings, review_queue
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE, KETTLE
from walmart_pipeline_tests.llm.fake_ollama import FakeOllama, fake_ollama
from walmart_pipeline_tests.llm.fake_openai import fake_openai
from walmart_pipeline_tests.reviews.test_ratings import write_text
from walmart_pipeline_tests.stages.warehouse_lock import is_free

FALSE = "The cordless base folds flat and comes with a stainless steel tea strainer."
DOUBTFUL = HONEST.model_copy(update={"description": f"{HONEST.description}\n\n{FALSE}"})


def verdict(name: str, passage: str = "") -> str:
    return json.dumps({"passage": passage, "verdict": name})


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with fake_ollama(lambda _: verdict("unsupported")) as running:
        yield running


@pytest.fixture(autouse=True)
def _in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge hints at this statement alone, whatever its model was fitted to."""
    shipped = examination.model()
    logits = sorted(
        (each.logit, found.text(place))
        for found in [examination.Examination(JUDGE.case(KETTLE, DOUBTFUL).listing_text, KETTLE)]
        for place, each in enumerate(found.statements)
    )
    assert logits[-1][1] == FALSE
    bounds = Thresholds(block=99, hint=(logits[-1][0] + logits[-2][0]) / 2, open=99)
    monkeypatch.setattr(examination, "model", lambda: replace(shipped, thresholds=bounds))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """A text with an uncertain statement, and one without."""
    made = FileWarehouse(Settings(workspace=tmp_path).warehouse)
    with made.writing() as db:
        write(db, KETTLE, DOUBTFUL)
        write(db, KETTLE.model_copy(update={"product_id": "kettle-2"}), HONEST)
    return made


def write(db: Database, product: Product, listing: Listing) -> None:
    write_text(db, product, listing)
    report = JUDGE.report(product, listing)
    assert report.publishable
    hashes = {"content_hash": listing.content_hash, "facts_hash": product.facts_hash}
    db.upsert("quality.scores", [report.as_row() | hashes], ["product_id"])


def configured(server: FakeOllama, home: Path, **more: object) -> Settings:
    given = {"workspace": home, "ollama_base_url": server.url, "fact_check": "ollama:writer"}
    return Settings.model_validate(given | more)


def run(settings: Settings) -> dict[str, Any]:
    """Materialize what follows the scores. Returns the metadata of the fact checks."""
    given = resources() | {"settings": settings, "judge": JUDGE}
    result = dg.materialize([fact_checks, listings, review_queue], resources=given)
    assert len(result.asset_materializations_for_node("quality__listings")) == 1
    return {
        name: each.value
        for event in result.asset_materializations_for_node("quality__fact_checks")
        for name, each in event.metadata.items()
    }


def accepted(warehouse: Warehouse) -> set[str]:
    with warehouse.reading() as db:
        return {row["product_id"] for row in db.query("select product_id from quality.listings")}


def stored(warehouse: Warehouse, columns: str) -> list[tuple[Any, ...]]:
    with warehouse.reading() as db:
        return [
            tuple(row.values()) for row in db.query(f"select {columns} from quality.fact_checks order by checked_at")
        ]


def hints(warehouse: Warehouse) -> int:
    with warehouse.reading() as db:
        violations = db.value("select violations from quality.scores where product_id = 'kettle-1'")
    return sum(each["rule"].startswith("grounding.") and each["severity"] == "minor" for each in violations)


@pytest.mark.parametrize("answer", [verdict("unsupported"), verdict("contradicted", KETTLE.product_name)])
def test_a_statement_that_the_model_finds_false_sends_the_text_to_review_with_it_as_reason(
    server: FakeOllama, warehouse: Warehouse, answer: str
) -> None:
    server.says = lambda _: answer
    metadata = run(configured(server, warehouse.path.parent))
    assert (metadata["asked"], metadata["checked"]) == (1, 1)
    assert accepted(warehouse) == {"kettle-2"}
    with warehouse.reading() as db:
        (waiting,) = db.query("select product_id, status, reasons, score from quality.review_queue")
    assert (waiting["product_id"], waiting["status"]) == ("kettle-1", "needs_review")
    assert FALSE in waiting["reasons"][0]
    assert ("1.7 L" in waiting["reasons"][0]) == ("contradicted" in answer)
    assert waiting["score"] > 80
    assert hints(warehouse) > 0


@pytest.mark.parametrize("answer", [verdict("supported", KETTLE.product_name), verdict("not_about_the_product")])
def test_a_statement_that_the_model_finds_true_is_published_and_no_hint_any_more(
    server: FakeOllama, warehouse: Warehouse, answer: str
) -> None:
    assert hints(warehouse) > 0
    server.says = lambda _: answer
    run(configured(server, warehouse.path.parent))
    assert accepted(warehouse) == {"kettle-1", "kettle-2"}
    assert hints(warehouse) == 0


def test_a_text_that_is_judged_anew_loses_its_hint_again_without_a_call(
    server: FakeOllama, warehouse: Warehouse
) -> None:
    server.says = lambda _: verdict("not_about_the_product")
    run(configured(server, warehouse.path.parent))
    with warehouse.writing() as db:
        write(db, KETTLE, DOUBTFUL)
    assert run(configured(server, warehouse.path.parent))["asked"] == 0
    assert hints(warehouse) == 0
    assert len(server.asked) == 1


def test_a_statement_is_asked_about_again_only_if_text_or_record_change(
    server: FakeOllama, warehouse: Warehouse
) -> None:
    for _ in range(2):
        run(configured(server, warehouse.path.parent))
    assert len(server.asked) == 1
    with warehouse.writing() as db:
        write(db, KETTLE.model_copy(update={"features": [*KETTLE.features, "Tea strainer for the base"]}), DOUBTFUL)
    server.says = lambda _: verdict("not_about_the_product")
    run(configured(server, warehouse.path.parent))
    assert len(server.asked) == 2
    assert accepted(warehouse) == {"kettle-1", "kettle-2"}


def test_an_answer_is_paid_for_once_even_if_the_warehouse_is_lost(server: FakeOllama, warehouse: Warehouse) -> None:
    run(configured(server, warehouse.path.parent))
    with warehouse.writing() as db:
        db.execute("delete from quality.fact_checks")
    assert run(configured(server, warehouse.path.parent))["checked"] == 1
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "It is false.",
        verdict("wrong"),
        json.dumps({"verdict": "unsupported"}),
        json.dumps({"passage": "", "verdict": "unsupported", "sure": True}),
        verdict("contradicted"),
        verdict("supported", "Comes with a tea strainer"),
    ],
)
def test_a_broken_answer_is_an_error_and_never_a_verdict(server: FakeOllama, warehouse: Warehouse, answer: str) -> None:
    server.says = lambda _: answer
    metadata = run(configured(server, warehouse.path.parent))
    assert (metadata["asked"], metadata["checked"]) == (1, 0)
    ((found, error),) = stored(warehouse, "verdict, error")
    assert found is None
    assert error
    assert accepted(warehouse) == {"kettle-1", "kettle-2"}
    assert hints(warehouse) > 0
    assert run(configured(server, warehouse.path.parent))["asked"] == 0


def test_the_question_is_the_statement_with_the_passages_that_it_can_be_checked_against(
    server: FakeOllama, warehouse: Warehouse
) -> None:
    run(configured(server, warehouse.path.parent))
    system, user = server.asked[0]
    turn = json.loads(user["content"])
    assert (turn["product"], turn["statement"]) == (KETTLE.product_name, FALSE)
    assert turn["record"]
    assert "strainer" not in system["content"]
    ((field, statement, probability, model),) = stored(warehouse, "field, statement, probability, model")
    assert (field, statement) == ("description", FALSE)
    assert 0 < probability < 1
    assert model.startswith("writer@")


def test_it_is_off_by_default_and_verdicts_of_an_earlier_run_do_not_count(
    server: FakeOllama, warehouse: Warehouse
) -> None:
    run(configured(server, warehouse.path.parent))
    (warehouse.path.parent / "ledger.db").unlink()
    metadata = run(configured(server, warehouse.path.parent, fact_check=None))
    assert metadata == {}, "what is off is not shown as materialized"
    assert accepted(warehouse) == {"kettle-1", "kettle-2"}
    assert len(server.asked) == 1
    assert not (warehouse.path.parent / "ledger.db").exists()


def test_an_outage_leaves_the_judges_verdict_and_says_so(server: FakeOllama, warehouse: Warehouse) -> None:
    metadata = run(configured(server, warehouse.path.parent, ollama_base_url="http://127.0.0.1:9"))
    assert "127.0.0.1:9" in metadata["left unchecked"]
    assert accepted(warehouse) == {"kettle-1", "kettle-2"}
    assert stored(warehouse, "*") == []
    run(configured(server, warehouse.path.parent))
    assert accepted(warehouse) == {"kettle-2"}


def test_a_model_that_is_gone_while_it_is_asked_leaves_the_statement_for_the_next_run(
    server: FakeOllama, warehouse: Warehouse
) -> None:
    server.says = lambda _: (404, "model not found")
    assert "no model" in run(configured(server, warehouse.path.parent))["left unchecked"]
    assert accepted(warehouse) == {"kettle-1", "kettle-2"}
    server.says = lambda _: verdict("unsupported")
    assert run(configured(server, warehouse.path.parent))["checked"] == 1


def test_a_budget_of_nothing_makes_no_call_and_says_so(server: FakeOllama, warehouse: Warehouse) -> None:
    metadata = run(configured(server, warehouse.path.parent, fact_check_budget_usd=0))
    assert "budget" in metadata["left unchecked"]
    assert server.asked == []
    assert accepted(warehouse) == {"kettle-1", "kettle-2"}


def test_spending_stops_at_the_budget_and_the_next_run_goes_on(tmp_path: Path, warehouse: Warehouse) -> None:
    with warehouse.writing() as db:
        for number in range(3, 6):
            named = {"product_id": f"kettle-{number}", "product_name": f"{KETTLE.product_name}, model {number}"}
            write(db, KETTLE.model_copy(update=named), DOUBTFUL)
    prices = tmp_path / "prices.yaml"
    # An answer of the fake's 10 tokens, which is also the longest one, costs 0.10 USD.
    prices.write_text("models:\n  checker: {input: 0, cached_input: 0, output: 10000}\n")
    with fake_openai(lambda _: verdict("unsupported")) as openai:
        given = {
            "workspace": warehouse.path.parent,
            "provider": "openai",
            "base_url": openai.url,
            "fact_check": "openai:checker",
            "fact_check_budget_usd": 0.25,
            "prices": prices,
            "max_tokens": 10,
        }
        first, second = (run(Settings.model_validate(given)) for _ in range(2))
        assert "budget of 0.25 USD" in first["left unchecked"]
        assert (first["checked"], first["cost (USD)"]) == (2, 0.2)
        assert (second["checked"], second["left unchecked"]) == (2, "none")
        assert len(openai.live) == 4
    assert accepted(warehouse) == {"kettle-2"}


def test_a_reviewer_who_would_publish_the_text_overrules_the_model(server: FakeOllama, warehouse: Warehouse) -> None:
    about = {"product_id": "kettle-1", "content_hash": DOUBTFUL.content_hash, "stars": 5, "reviewer": "ada"}
    with warehouse.writing() as db:
        ratings.store(db, [Rating.model_validate(about | {"rated_at": datetime.now(UTC)})])
    metadata = run(configured(server, warehouse.path.parent))
    assert accepted(warehouse) == {"kettle-1", "kettle-2"}
    assert metadata["agreement with reviewers"] == {"n": 1, "share that agrees": 0}


def test_its_agreement_with_judge_and_reviewers_is_reported(server: FakeOllama, warehouse: Warehouse) -> None:
    run(configured(server, warehouse.path.parent))
    edited = Edit(product_id="kettle-1", listing=HONEST, reviewer="ada", edited_at=datetime.now(UTC))
    with warehouse.writing() as db:
        edits.apply(db, edited)
    metadata = run(configured(server, warehouse.path.parent))
    assert metadata["agreement with reviewers"] == {"n": 1, "share that agrees": 1}
    assert "probability from" in str(metadata["agreement with the judge"].records)
    assert "unsupported" in str(metadata["verdicts"].records)


@pytest.mark.shares_warehouse
def test_the_warehouse_is_free_while_the_model_checks(server: FakeOllama, warehouse: Warehouse) -> None:
    free: list[bool] = []

    def says(_: list[dict[str, str]]) -> str:
        free.append(is_free(warehouse))
        return verdict("unsupported")

    server.says = says
    run(configured(server, warehouse.path.parent))
    assert free == [True]


@pytest.mark.parametrize("named", ["writer", "ollama", "ollama:", "embedded:", "template:facts", "bard:1"])
def test_a_name_that_is_none_explains_how_to_name_a_model(server: FakeOllama, tmp_path: Path, named: str) -> None:
    with pytest.raises(ProviderError, match="ollama:llama3"):
        fact_checker.fact_checker(configured(server, tmp_path, fact_check=named), JUDGE)


def test_where_a_model_is_served_is_found_without_asking_it(tmp_path: Path) -> None:
    async def models(request: web.Request) -> web.StreamResponse:
        return web.json_response({"data": [{"id": "checker"}]})

    with fake_openai(lambda _: "") as openai:
        openai.handlers["GET /v1/models"] = models
        given = {"workspace": tmp_path, "provider": "openai", "base_url": openai.url}
        for name in ("checker", "another"):
            settings = Settings.model_validate(given | {"fact_check": f"openai:{name}"})
            checker = fact_checker.fact_checker(settings, JUDGE)
            assert checker
            with nullcontext() if name == "checker" else pytest.raises(CallError, match="another"):
                assert checker.served_at().startswith(openai.url.removesuffix("/v1"))
        assert openai.live == []

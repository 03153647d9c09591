"""Held-out texts are judged, and credited to whoever wrote them."""

from __future__ import annotations

from pathlib import Path

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing, Product, QualityReport
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.evaluation import held_out
from walmart_pipeline.stages.evaluation.report import comparison_report
from walmart_pipeline.stages.evaluation.results import summarize
from walmart_pipeline.stages.quality import scored_texts
from walmart_pipeline_tests.stages.evaluation.examples import COMPOSED, JUDGE, PRODUCTS


def test_a_text_in_place_of_a_failed_answer_is_not_credited_to_the_model(tmp_path: Path) -> None:
    """Of 66 texts that a report once credited to a model, the template writer had written all."""
    writers = [("ollama", "llama", None), ("ollama", "template", "no JSON"), ("reviewer", "ada", None)]
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as db:
        db.append("catalog.products", [each.model_dump() for each in PRODUCTS[:3]])
        for each, (provider, writer, fallback) in zip(PRODUCTS, writers, strict=False):
            db.append("training.split", [{"product_id": each.product_id, "family": "f", "split": "test"}])
            about = {"status": "complete", "provider": provider, "model": "llama", "fallback": fallback}
            row = COMPOSED[each.product_name].model_dump() | about | {"product_id": each.product_id}
            db.append("content.generated_content", [row | {"written_by": writer}])
        assert held_out.judge_all(db, JUDGE, advance=lambda _: None) == 4
        texts = held_out.judged_texts(db)
    report = comparison_report(texts, summarize(texts, reference="source"), {})
    assert sorted(report.facts["Written by"].split(", ")) == ["llama (1)", "template in place of a model (1)"]


class CountingJudge(Judge):
    """A judge that notes whose texts it reads."""

    def __init__(self, profile: str) -> None:
        super().__init__(profiles.load(profile))
        self.judged: list[str] = []

    def report(self, product: Product, listing: Listing) -> QualityReport:
        self.judged.append(product.product_id)
        return super().report(product, listing)


def test_a_second_night_judges_only_the_held_out_texts_that_changed(tmp_path: Path) -> None:
    judge = CountingJudge("walmart-2025")
    rewritten, same, gone = (each.product_id for each in PRODUCTS[:3])
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as db:
        db.append("catalog.products", [each.model_dump() for each in PRODUCTS[:3]])
        for each in PRODUCTS[:3]:
            db.append("training.split", [{"product_id": each.product_id, "family": "f", "split": "test"}])
            about = {"status": "complete", "provider": "template", "model": "template", "written_by": "template"}
            row = COMPOSED[each.product_name].model_dump() | about | {"product_id": each.product_id}
            db.append("content.generated_content", [row])
        assert held_out.judge_all(db, judge, advance=lambda _: None) == len(judge.judged) == 6
        judge.judged.clear()
        db.execute("update content.generated_content set title = 'Another title' where product_id = ?", [rewritten])
        db.execute("delete from training.split where product_id = ?", [gone])
        assert held_out.judge_all(db, judge, advance=lambda _: None) == 4
        assert judge.judged == [rewritten]
        assert {text.product_id for text in held_out.judged_texts(db)} == {rewritten, same}
        assert db.count("evaluation.results") == 4
        stricter = CountingJudge("walmart-classic")
        held_out.judge_all(db, stricter, advance=lambda _: None)
        assert sorted(stricter.judged) == sorted([rewritten, same] * 2)


def test_a_text_that_has_a_score_is_not_judged_again(tmp_path: Path) -> None:
    """The encoder reads 15 listings a second, and a night has judged its own texts already."""
    judge = CountingJudge("walmart-2025")
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as db:
        db.append("catalog.products", [each.model_dump() | {"facts_hash": each.facts_hash} for each in PRODUCTS[:3]])
        for each in PRODUCTS[:3]:
            db.append("training.split", [{"product_id": each.product_id, "family": "f", "split": "test"}])
            text = COMPOSED[each.product_name]
            about = {"status": "complete", "provider": "template", "model": "template", "written_by": "template"}
            row = text.model_dump() | about | {"product_id": each.product_id, "content_hash": text.content_hash}
            db.append("content.generated_content", [row])
        held_out.judge_all(db, judge, advance=lambda _: None)
        anew = {(text.product_id, text.contender): text.report for text in held_out.judged_texts(db)}
        db.execute("delete from evaluation.results")
        judge.judged.clear()
        scored_texts.score(db, judge, advance=lambda _: None)
        assert {row["uniqueness"] for row in db.query("select uniqueness from quality.scores")} != {None}
        held_out.judge_all(db, judge, advance=lambda _: None)
        assert sorted(judge.judged) == sorted(each.product_id for each in PRODUCTS[:3])
        assert {(text.product_id, text.contender): text.report for text in held_out.judged_texts(db)} == anew

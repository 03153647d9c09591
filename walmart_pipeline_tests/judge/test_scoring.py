from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from walmart_pipeline.benchmarks import scoring as benchmark
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing, Product, QualityReport
from walmart_pipeline.judge import code_fingerprint, profiles, score, workers
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.judge.pairs import Pair
from walmart_pipeline.judge.scoring import score_file, score_lines
from walmart_pipeline.stages.quality import scored_texts
from walmart_pipeline_tests.judge.duplicates.test_uniqueness import TOAST, TOASTER, Shop, named
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE, KETTLE

GOOD = Pair(product=KETTLE, listing=HONEST).model_dump_json()


def test_listings_are_scored_from_python_in_order_and_among_each_other() -> None:
    first, second, third = score([(KETTLE, HONEST), (TOASTER, TOAST), named("other", "Fennick")])
    assert [first.product_id, second.product_id, third.product_id] == ["kettle-1", "toaster-1", "other"]
    assert first.dimensions["uniqueness"] == third.dimensions["uniqueness"] == 0
    assert second.dimensions["uniqueness"] == 100
    assert second.score == JUDGE.grade(second.dimensions, blocked=not second.publishable).score
    by_itself = JUDGE.report(KETTLE, HONEST)
    assert first.violations == by_itself.violations
    assert first.score < by_itself.score


def test_a_collection_is_scored_under_the_policy_that_is_named() -> None:
    (report,) = score([(KETTLE, HONEST)], policy="walmart-classic")
    assert report.policy.startswith("walmart-classic@")
    with pytest.raises(profiles.PolicyError):
        score([], policy="walmart-1962")
    assert list(score([])) == []


def test_two_texts_of_one_product_are_no_copies_of_each_other() -> None:
    """A file may hold the old text beside the new one."""
    assert [report.dimensions["uniqueness"] for report in score([(KETTLE, HONEST)] * 2)] == [100, 100]


def test_a_line_that_is_no_pair_is_told_and_the_others_are_judged() -> None:
    first, broken, wrong, bare, last = score_lines(
        [GOOD, "{", '{"product": {}, "listing": {}}', "[]", "\n", GOOD], JUDGE
    )
    assert first.report is not None
    assert first.report == last.report
    assert QualityReport.model_validate_json(first.report).violations == JUDGE.report(KETTLE, HONEST).violations
    assert (broken.line, wrong.line, bare.line, last.line) == (2, 3, 4, 6)
    assert "not JSON" in str(broken.error)
    assert "product.product_id" in str(wrong.error)


@pytest.mark.parametrize("text", ['"\\ud800"', "NaN", "[" * 100_000, '"\\u0000"', "\ufeff"])
def test_any_line_is_answered(text: str) -> None:
    (odd,) = score_lines(['{"product": {"product_id": "1", "product_name": ' + text + '}, "listing": {}}'], JUDGE)
    assert (odd.report is None) != (odd.error is None)


def test_text_beyond_the_basic_plane_and_control_signs_survive_the_way() -> None:
    listing = HONEST.model_copy(update={"title": "Kettle 😀 \x00\x1f\u2028 ½ “L”", "seo_keywords": ["\ttab"]})
    (report,) = score([(KETTLE, listing)])
    assert report.violations == JUDGE.report(KETTLE, listing).violations


def test_a_file_gives_the_same_reports_with_one_process_and_with_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [
        Pair(product=product, listing=listing) for product, listing in [(TOASTER, TOAST), named("a", "Fennick")] * 6
    ]
    source = tmp_path / "pairs.jsonl"
    source.write_text("\n".join([GOOD, "no pair", *(pair.model_dump_json() for pair in pairs)]))
    alone = score_file(source, tmp_path / "alone.jsonl", JUDGE)
    monkeypatch.setattr(workers, "WORTH_PROCESSES", 2)
    monkeypatch.setattr(workers, "BATCH_LINES", 3)
    several = score_file(source, tmp_path / "several.jsonl", JUDGE)
    assert (tmp_path / "several.jsonl").read_text() == (tmp_path / "alone.jsonl").read_text()
    assert alone == several
    assert (alone.reports, alone.errors) == (13, 1)


def test_a_text_is_judged_once_under_one_judge_and_anew_under_another(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.write([(KETTLE, HONEST), (TOASTER, TOAST)])
    assert [shop.judge(), shop.judge()] == [2, 0]
    with shop.warehouse.writing() as db:
        other = Judge(profiles.load("walmart-classic"))
        assert scored_texts.due_count(db, other) == 2
        assert scored_texts.score(db, other, advance=lambda _: None) == 2
    assert {report["policy"] for report in shop.reports().values()} == {other.policy.label}


def test_a_run_that_dies_between_two_batches_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "BATCH_LINES", 1)
    died, whole = Shop(tmp_path / "died"), Shop(tmp_path / "whole")
    for shop in (died, whole):
        shop.write([(KETTLE, HONEST), (TOASTER, TOAST), named("other", "Fennick")])

    def die(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), died.warehouse.writing() as db:
        scored_texts.score(db, JUDGE, advance=die)
    assert len(died.reports()) == 1
    assert died.judge() == 2
    whole.judge()
    assert died.reports() == whole.reports()


def test_a_judge_of_other_code_or_other_words_makes_reports_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "package"
    for folder in code_fingerprint.FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(code_fingerprint.PACKAGE / folder, copy / folder, ignore=ignored)
    monkeypatch.setattr(code_fingerprint, "PACKAGE", copy)

    def fingerprint() -> str:
        code_fingerprint.fingerprint.cache_clear()
        return code_fingerprint.fingerprint()

    before = fingerprint()
    for name in ("judge/workers.py", "judge/scoring.py", "judge/policy/walmart-classic.yaml"):
        with (copy / name).open("a") as file:
            file.write("\n# a note\n")
    assert fingerprint() == before
    seen = {before}
    for name in ("text/tokenizer.py", "judge/rules/title.py", "judge/claims/vocabulary.yaml"):
        with (copy / name).open("a") as file:
            file.write("\n# a note\n")
        seen.add(fingerprint())
    assert len(seen) == 4
    code_fingerprint.fingerprint.cache_clear()


def test_what_is_no_part_of_the_judge_is_there_under_that_name() -> None:
    """A renamed file would count as a part, and every text be judged anew."""
    judge = code_fingerprint.PACKAGE / "judge"
    assert {name for name in code_fingerprint.EXCLUDED if not (judge / name).exists()} == set()


def test_reports_of_the_warehouse_and_of_a_file_are_the_same(tmp_path: Path) -> None:
    texts = [
        (KETTLE, HONEST),
        (TOASTER, TOAST),
        named("other", "Fennick"),
        (KETTLE.model_copy(update={"product_id": "e"}), Listing()),
    ]
    shop = Shop(tmp_path)
    shop.write(texts)
    shop.judge()
    kept = {row["product_id"]: QualityReport.from_row(row) for row in shop.reports().values()}
    assert kept == {report.product_id: report for report in score(texts)}
    assert kept["e"].score == 0


def test_the_benchmark_judges_what_it_makes(tmp_path: Path) -> None:
    figures = benchmark.measure(number=300, words=160, processes=2, profile="walmart-2025")
    assert (figures.listings, figures.processes) == (300, 2)
    assert 155 < figures.words_mean < 175
    assert 0 < figures.publishable < 300
    assert 0 < figures.with_near_copy < 60
    assert figures.cpu_seconds > 0
    assert json.loads(figures.model_dump_json())["peak_rss_mb"] > 50


def test_a_product_without_a_warehouse_needs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scoring a file leaves the pipeline's own warehouse alone."""
    monkeypatch.setenv("WALMART_HOME", str(tmp_path))
    (report,) = score([(Product(product_id="1", product_name="Lamp"), Listing(title="Lamp"))])
    assert report.band == "poor"
    assert list(tmp_path.iterdir()) == []
    assert not FileWarehouse(tmp_path / "warehouse.duckdb").path.exists()


def test_a_row_that_is_no_product_stops_the_judge_and_is_named(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.write([(KETTLE, HONEST)])
    with shop.warehouse.writing() as db:
        db.execute("update catalog.products set product_name = null")
    with pytest.raises(ValueError, match=r"product_name.*kettle-1"):
        shop.judge()

"""The pages of an evaluation, from planted texts."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from walmart_pipeline.stages.evaluation.evaluation_store import JudgedText, ModelEvaluation
from walmart_pipeline.stages.evaluation.promotion import Decision
from walmart_pipeline.stages.evaluation.report import Report, comparison_report, model_report
from walmart_pipeline.stages.evaluation.results import of_evaluation, summarize
from walmart_pipeline_tests.stages.evaluation.judged_texts import evaluation, pair, planted, report

FACTS = {"Policy": "walmart-2025@3f2a", "Dataset version": "v3"}
ATTACK = "<script>alert(1)</script>"


class Page(HTMLParser):
    """What a browser would make of a page: its elements, its text, and whatever it would fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.ids: list[str] = []
        self.fetched: list[str] = []
        self.text = ""
        self.feed(re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "srcset", "data") and not (value or "").startswith("#"):
                self.fetched.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def comparison(*pairs: list[JudgedText]) -> Report:
    texts = [text for both in pairs for text in both]
    return comparison_report(texts, summarize(texts, reference="source"), FACTS)


def many(count: int = 30) -> Report:
    return comparison(
        *(
            pair(
                f"{number:03}",
                report(f"{number:03}", 70 + number % 20, rules=("title.year",), dimensions={"grounding": 90.0}),
                report(f"{number:03}", 40 + number, rules=("title.url",), dimensions={"grounding": 50.0}),
            )
            for number in range(count)
        )
    )


def models(held: ModelEvaluation, *, promoted: str | None = "gpt:1", is_carried_out: bool = True) -> Report:
    found = of_evaluation(held)
    decisions = [
        Decision(
            candidate=one.name,
            reference=found.reference,
            difference=one.difference,
            verdict="promoted" if one.name == promoted else "refused",
            reasons=[] if one.name == promoted else [f"it is not {ATTACK}"],
            is_final=True,
        )
        for one in found.candidates
    ]
    return model_report(held, found, decisions, is_carried_out=is_carried_out)


def test_a_catalog_cannot_put_markup_into_a_page() -> None:
    attacked = pair(
        "1", report("1", 10, rules=(ATTACK,)), 80, category=ATTACK, name=ATTACK, title=ATTACK, writer=ATTACK
    )
    for shown, least in ((comparison(attacked), 6), (models(planted(said=ATTACK)), 50)):
        page = Page(shown.html())
        assert page.elements["script"] == 0
        assert page.text.count(ATTACK) >= least


@pytest.mark.parametrize("count", [0, 1, 30])
def test_a_page_loads_nothing_and_runs_nothing(count: int) -> None:
    html = many(count).html()
    page = Page(html)
    assert page.fetched == []
    assert not set(page.elements) & {"script", "link", "iframe", "img", "object", "base"}
    assert not re.search(r"@import|url\((?!#)", html)


@pytest.mark.parametrize("shown", [many(), models(planted())], ids=["comparison", "models"])
def test_the_plots_share_no_id_and_the_same_figures_give_the_same_page(shown: Report) -> None:
    html = shown.html()
    page = Page(html)
    assert page.elements["svg"] == 3
    assert len(page.ids) == len(set(page.ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', html)) <= set(page.ids)
    assert shown.html() == html


def test_a_page_names_what_was_compared() -> None:
    text = Page(many().html()).text
    for said in ("walmart-2025@3f2a", "v3", "llama3.1:8b (30)", "10,000 resamples"):
        assert said in text
    assert "2025-03-01 12:00 UTC" in Page(models(planted()).html()).text


def test_stand_ins_for_a_model_are_counted_apart() -> None:
    """The model's own texts are two points better than the source, the template writer's twenty."""
    stand_in = "template in place of a model"
    shown = comparison(
        *(pair(f"m{number}", 62, 60) for number in range(20)),
        *(pair(f"t{number}", 80, 60, writer=stand_in) for number in range(5)),
    )
    assert shown.facts["Written by"] == f"llama3.1:8b (20), {stand_in} (5)"
    assert [(row.group, row.products, row.difference.mean) for row in shown.writers] == [
        ("llama3.1:8b", 20, 2.0),
        (stand_in, 5, 20.0),
    ]
    assert stand_in in Page(shown.html()).text


def test_plots_follow_the_readers_colour_scheme() -> None:
    html = many().html()
    assert "prefers-color-scheme: dark" in html
    figures = "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    assert "var(--generated)" in figures
    assert not re.search(r"(fill|stroke): #", figures)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_products_are_reported_and_not_computed(count: int) -> None:
    shown = [many(count), *([models(planted(count), promoted=None)] if count else [])]
    for text in (text for one in shown for text in (Page(one.html()).text, one.markdown())):
        assert not re.search(r"\bnan\b|\bNone\b|\binf\b", text)
    assert count == 2 or "95 %" not in many(count).finding


def test_the_finding_never_claims_more_than_the_interval() -> None:
    better = comparison(*(pair(str(number), 90, 60 + number % 3) for number in range(30)))
    worse = comparison(*(pair(str(number), 60 + number % 3, 90) for number in range(30)))
    unclear = comparison(*(pair(str(number), 70 + 5 * (-1) ** number, 70) for number in range(30)))
    assert "29.0 points higher" in better.finding
    assert "29.0 points lower" in worse.finding
    assert unclear.finding.startswith("No difference is shown")
    assert "narrower than it should be" in comparison(*(pair(str(number), 90, 60) for number in range(5))).finding


def test_a_catalog_cannot_break_a_markdown_table() -> None:
    name = "Kettle | 1.7 L\n\n# Red \\| <b>[x](javascript:y)</b>"
    text = comparison(pair("1", 10, 80, category=name, name=name, title=name)).markdown()
    unescaped = re.compile(r"(?<!\\)(?:\\\\)*\|")
    rows = [line for line in text.splitlines() if "Kettle" in line]
    assert [len(unescaped.findall(row)) for row in rows] == [8, 6]
    assert not re.search(r"(?<!\\)[<\[]", text)
    assert not re.search(r"(?<!\\)[<\[]", models(planted(said=ATTACK)).markdown())


def test_the_page_names_the_promoted_model_first_and_then_why_others_are_not() -> None:
    text = Page(models(planted()).html()).text
    assert text.index("gpt:1 is promoted: 20.0 points better than llama") < text.index("gpt:2 was refused")


def test_the_texts_shown_are_those_of_the_promoted_one_even_where_another_has_the_better_mean() -> None:
    assert "Lowest scores of gpt:2" in models(planted(), promoted="gpt:2").html()


def test_without_a_winner_the_reference_stays() -> None:
    none_won = models(planted(), promoted=None)
    assert none_won.finding == "llama stays in use: none of 2 candidates has shown that it is better."
    assert models(planted(), promoted=None, is_carried_out=False).finding.startswith("llama would stay in use")
    alone = models(evaluation([each for each in planted().texts if each.kind != "candidate"]))
    assert alone.finding == "llama stays in use: there is no candidate."
    assert "Lowest scores" not in alone.html()

import re
from collections import Counter
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from walmart_pipeline.stages.evaluation.comparison import Comparison, compare
from walmart_pipeline.stages.evaluation.comparison_report import ReportContext, finding, markdown, render
from walmart_pipeline_tests.stages.evaluation.pairs import pair, report

CONTEXT = ReportContext(
    title="Held-out evaluation",
    policy="walmart-2025@3f2a",
    dataset_version="v3",
    written_by="llama3.1:8b (30)",
    created_at=datetime(2025, 3, 1, 12, tzinfo=UTC),
)
ATTACK = "<script>alert(1)</script>"


def many(count: int = 30) -> Comparison:
    return compare(
        [
            pair(
                f"{number:03}",
                report(f"{number:03}", 70 + number % 20, rules=("title.year",), dimensions={"grounding": 90.0}),
                report(f"{number:03}", 40 + number, rules=("title.url",), dimensions={"grounding": 50.0}),
            )
            for number in range(count)
        ]
    )


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


def test_a_catalog_cannot_put_markup_into_the_report() -> None:
    attacked = pair("1", report("1", 10, rules=(ATTACK,)), 80, category=ATTACK, name=ATTACK, title=ATTACK)
    page = Page(render(compare([attacked]), CONTEXT.model_copy(update={"title": ATTACK, "written_by": ATTACK})))
    assert page.elements["script"] == 0
    assert page.text.count(ATTACK) >= 7


@pytest.mark.parametrize("count", [0, 1, 30])
def test_the_report_loads_nothing_and_runs_nothing(count: int) -> None:
    html = render(many(count), CONTEXT)
    page = Page(html)
    assert page.fetched == []
    assert not set(page.elements) & {"script", "link", "iframe", "img", "object", "base"}
    assert not re.search(r"@import|url\((?!#)", html)


def test_the_two_figures_share_no_id() -> None:
    page = Page(render(many(), CONTEXT))
    assert page.elements["svg"] == 2
    assert [identity for identity, times in Counter(page.ids).items() if times > 1] == []
    html = render(many(), CONTEXT)
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', html)) <= set(page.ids)


def test_the_same_comparison_gives_the_same_page() -> None:
    assert render(many(), CONTEXT) == render(many(), CONTEXT)


def test_the_report_says_what_was_compared() -> None:
    text = Page(render(many(), CONTEXT)).text
    for said in ("walmart-2025@3f2a", "v3", "ollama", "llama3.1:8b", "2025-03-01 12:00 UTC", "10,000 resamples"):
        assert said in text


def test_figures_follow_the_readers_colour_scheme() -> None:
    html = render(many(), CONTEXT)
    assert "prefers-color-scheme: dark" in html
    figures = "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    assert "var(--generated)" in figures
    assert not re.search(r"(fill|stroke): #", figures)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_products_are_said_and_not_computed(count: int) -> None:
    for text in (Page(render(many(count), CONTEXT)).text, markdown(many(count), CONTEXT)):
        assert not re.search(r"\bnan\b|\bNone\b|\binf\b", text, re.IGNORECASE)
    assert "95 %" not in finding(many(count))


def test_the_finding_never_claims_more_than_the_interval() -> None:
    better = compare([pair(str(number), 90, 60 + number % 3) for number in range(30)])
    worse = compare([pair(str(number), 60 + number % 3, 90) for number in range(30)])
    unclear = compare([pair(str(number), 70 + 5 * (-1) ** number, 70) for number in range(30)])
    assert "29.0 points higher" in finding(better)
    assert "29.0 points lower" in finding(worse)
    assert finding(unclear).startswith("No difference is shown")
    assert "narrower than it should be" in finding(compare([pair(str(number), 90, 60) for number in range(5)]))


def test_a_catalog_cannot_break_a_markdown_table() -> None:
    name = "Kettle | 1.7 L\n\n# Red \\| <b>[x](javascript:y)</b>"
    text = markdown(compare([pair("1", 10, 80, category=name, name=name, title=name)]), CONTEXT)
    unescaped = re.compile(r"(?<!\\)(?:\\\\)*\|")
    rows = [line for line in text.splitlines() if "Kettle" in line]
    assert [len(unescaped.findall(row)) for row in rows] == [8, 6]
    assert not re.search(r"(?<!\\)[<\[]", text)

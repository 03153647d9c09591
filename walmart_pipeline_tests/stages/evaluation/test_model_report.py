"""The page of a contest, from planted entries."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from typing import get_args

import pytest

from walmart_pipeline.core.records import Dimension, Listing
from walmart_pipeline.core.statistics import MeanDifference
from walmart_pipeline.stages.evaluation.contender_results import Contest, Entry, Kind
from walmart_pipeline.stages.evaluation.model_report import Shown, finding, markdown, render
from walmart_pipeline.stages.evaluation.model_results import Standings, standings
from walmart_pipeline.stages.evaluation.promotion import Decision
from walmart_pipeline_tests.stages.evaluation.pairs import report
from walmart_pipeline_tests.stages.evaluation.test_comparison_report import ATTACK, Page

KINDS: dict[str, Kind] = {
    "llama": "base",
    "gpt:1": "candidate",
    "gpt:2": "candidate",
    "template": "template",
    "source": "source",
}


def entry(contender: str, number: int, score: float, *, family: str | None = None, said: str = "Kettle") -> Entry:
    planted = report(str(number), score, rules=(said,), dimensions=dict.fromkeys(get_args(Dimension), score))
    return Entry(
        contender=contender,
        kind=KINDS[contender],
        product_id=str(number),
        product_name=said,
        category=[said],
        family=family or str(number),
        status="complete",
        reason=None,
        listing=Listing(title=said, key_features=[said], description=said),
        report=planted,
        seconds=1.0 + number,
        prompt_tokens=100,
        completion_tokens=50,
        cost_usd=0.001,
    )


def contest(entries: list[Entry]) -> Contest:
    held_at = datetime(2025, 3, 1, 12, tzinfo=UTC)
    return Contest(number=7, provider="ollama", dataset_version="v3", held_at=held_at, entries=entries)


def planted(products: int = 24, said: str = "Kettle") -> Contest:
    means = {"llama": 50, "gpt:1": 70, "gpt:2": 60, "template": 65, "source": 40}
    return contest(
        [
            entry(name, number, mean + number % 10, said=said)
            for name, mean in means.items()
            for number in range(products)
        ]
    )


def shown(held: Contest, *, promoted: str | None = "gpt:1", is_carried_out: bool = True) -> Shown:
    table = standings(held)
    decisions = [
        Decision(
            candidate=one.name,
            reference=table.reference,
            difference=one.difference,
            verdict="promoted" if one.name == promoted else "refused",
            reasons=[] if one.name == promoted else [f"it is not {ATTACK}"],
            is_final=True,
        )
        for one in table.candidates
    ]
    return Shown(held, table, decisions, is_carried_out=is_carried_out)


def difference(table: Standings, name: str) -> MeanDifference:
    found = table.of(name).difference
    assert found is not None
    return found


def test_a_catalog_cannot_put_markup_into_the_page() -> None:
    page = Page(render(shown(planted(said=ATTACK))))
    assert page.elements["script"] == 0
    assert page.fetched == []
    assert page.text.count(ATTACK) > 50


def test_the_page_says_first_who_writes_and_beside_it_why_others_do_not() -> None:
    page = Page(render(shown(planted())))
    assert page.text.index("gpt:1 writes from now on: 20.0 points better than llama") < page.text.index("gpt:2 was")
    assert page.elements["svg"] == 3
    assert len(page.ids) == len(set(page.ids))


def test_the_texts_shown_are_those_of_the_promoted_one_even_where_another_has_the_better_mean() -> None:
    page = render(shown(planted(), promoted="gpt:2"))
    assert "Lowest scores of gpt:2" in page


def test_without_a_winner_the_reference_goes_on_writing() -> None:
    assert finding(shown(planted(), promoted=None)).startswith("llama goes on writing")
    assert finding(shown(planted(), promoted=None, is_carried_out=False)).startswith("llama would go on writing")
    alone = contest([each for each in planted().entries if each.kind != "candidate"])
    assert finding(shown(alone)) == "llama goes on writing: no candidate stood against it."
    assert "Lowest scores" not in render(shown(alone))


@pytest.mark.parametrize("products", [1, 2])
def test_a_single_product_is_shown_without_an_interval(products: int) -> None:
    told = shown(planted(products), promoted=None)
    for text in (Page(render(told)).text, markdown(told)):
        assert not re.search(r"\bnan\b|\bNone\b|\binf\b", text)


def test_the_summary_cannot_become_markup() -> None:
    told = markdown(shown(planted()))
    assert "script" in told
    assert not re.search(r"(?<!\\)[<\[]", told)
    assert "gpt:1 writes from now on" in told


def test_variants_of_one_product_do_not_make_an_interval_narrower() -> None:
    """Eight families of five variants each: five times the texts, but the evidence of eight products."""
    draw = random.Random(0)
    entries = []
    for family in range(8):
        gain = draw.gauss(5, 10)
        for variant in range(5):
            number = family * 5 + variant
            for name in ("llama", "template", "source"):
                entries.append(entry(name, number, 50, family=f"family {family}"))
            entries.append(entry("gpt:1", number, 50 + gain, family=f"family {family}"))
    grouped = difference(standings(contest(entries)), "gpt:1")
    naive = difference(
        standings(contest([each.model_copy(update={"family": each.product_id}) for each in entries])), "gpt:1"
    )
    assert None not in (grouped.low, grouped.high, naive.low, naive.high)
    assert grouped.mean == naive.mean
    width, naive_width = grouped.high - grouped.low, naive.high - naive.low  # type: ignore[operator]
    assert width > 1.7 * naive_width


def test_the_more_candidates_there_are_the_surer_each_must_be() -> None:
    held = planted()
    alone = contest([each for each in held.entries if each.contender != "gpt:2"])
    assert difference(standings(alone), "gpt:1").level == 0.95
    assert difference(standings(held), "gpt:1").level == 0.975
    assert difference(standings(held), "template").level == 0.95


def test_a_contender_that_lacks_a_product_is_no_contender() -> None:
    with pytest.raises(ValueError, match="gpt:1 was not held against the same products"):
        standings(contest([each for each in planted().entries if (each.contender, each.product_id) != ("gpt:1", "3")]))

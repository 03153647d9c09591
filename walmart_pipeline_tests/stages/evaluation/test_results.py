"""The figures of an evaluation, from planted texts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.statistics import MeanDifference
from walmart_pipeline.stages.evaluation.evaluation_store import JudgedText, ModelEvaluation
from walmart_pipeline.stages.evaluation.results import (
    DimensionMean,
    GroupResult,
    Results,
    grouped,
    lowest,
    of_evaluation,
    summarize,
)
from walmart_pipeline_tests.stages.evaluation.judged_texts import evaluation, pair, planted, report, text_of


def compare(*pairs: list[JudgedText]) -> Results:
    return summarize([text for both in pairs for text in both], reference="source")


def difference(found: Results, name: str) -> MeanDifference:
    points = found.of(name).difference
    assert points is not None
    return points


def by_category(texts: list[JudgedText]) -> list[GroupResult]:
    return grouped(texts, "generated", "source", key=lambda text: text.broadest_category)


def test_without_products_nothing_is_claimed() -> None:
    nothing = compare()
    assert (nothing.products, nothing.families, nothing.contenders) == (0, 0, [])
    assert by_category([]) == lowest([], "generated", "source") == []


def test_one_product_is_compared_without_an_interval() -> None:
    one = compare(pair("1", 90, 50))
    assert one.of("generated").score.mean == 90
    points = difference(one, "generated")
    assert (points.mean, points.low, points.high) == (40, None, None)


def test_means_bands_and_publishable_texts_are_counted_for_each_contender() -> None:
    found = compare(pair("1", 90, 50), pair("2", 70, 100), pair("3", 0, 0))
    generated, source = found.of("generated"), found.of("source")
    assert generated.score.mean == pytest.approx(160 / 3)
    assert generated.bands == {"poor": 1, "good": 1, "excellent": 1}
    assert (generated.publishable, source.publishable) == (2, 1)
    assert (generated.histogram[0], source.histogram[-1], sum(source.histogram)) == (1, 1, 3)


def test_scores_that_look_equal_tie() -> None:
    found = compare(pair("1", 80.04, 80), pair("2", 81, 80), pair("3", 79, 80), pair("4", 99, 80)).of("generated")
    assert (found.wins, found.losses, found.ties) == (2, 1, 1)


def test_a_dimension_that_was_not_measured_does_not_lower_its_mean() -> None:
    measured = report("1", 80, dimensions={"grounding": 90, "uniqueness": None})
    unmeasured = report("2", 80, dimensions={"grounding": None})
    found = compare(pair("1", measured, 50), pair("2", unmeasured, 50)).of("generated")
    assert found.dimensions["grounding"] == DimensionMean(mean=90, measured=1)
    assert found.dimensions["uniqueness"] == DimensionMean(mean=None, measured=0)


def test_a_text_counts_once_for_a_rule_however_often_it_breaks_it() -> None:
    found = compare(
        pair("1", report("1", 70, rules=("title.year", "title.year", "title.url")), 50),
        pair("2", report("2", 70, rules=("title.year",)), 50),
    )
    assert list(found.of("generated").rules.items()) == [("title.year", 2), ("title.url", 1)]
    assert found.of("source").rules == {}


def test_each_broadest_category_has_a_row() -> None:
    texts = [*pair("1", 90, 50, "Home"), *pair("2", 50, 70, "Home"), *pair("3", 80, 80, None)]
    home, none = by_category(texts)
    assert (home.group, home.products, home.score, home.reference_score) == ("Home", 2, 70, 60)
    assert (home.publishable, home.reference_publishable, home.wins, home.losses, home.ties) == (1, 1, 1, 1, 0)
    assert (none.group, none.products, none.difference.mean, none.ties) == ("no category", 1, 0, 1)


def test_the_lowest_ten_begin_with_the_lowest_score_and_the_greatest_harm() -> None:
    texts = [text for number in range(20) for text in pair(str(number), 50 + number, 60)]
    texts += [*pair("harmless", 40, 30), *pair("harmful", 40, 95)]
    found = lowest(texts, "generated", "source")
    assert [one.subject.product_id for one in found] == ["harmful", "harmless", *map(str, range(8))]


def test_a_clear_difference_is_distinguished_from_none() -> None:
    better = difference(compare(*(pair(str(number), 80 + number % 5, 60) for number in range(40))), "generated")
    same = difference(compare(*(pair(str(number), 70 + 5 * (-1) ** number, 70) for number in range(40))), "generated")
    assert better.low is not None
    assert better.low > 15
    assert same.low is not None
    assert same.high is not None
    assert same.low < 0 < same.high


def test_a_product_twice_and_a_contender_that_lacks_one_are_refused() -> None:
    with pytest.raises(ValueError, match="the same products"):
        compare(pair("7", 80, 60), pair("8", 80, 60), pair("7", 70, 60))
    texts = [each for each in planted().texts if (each.contender, each.product_id) != ("gpt:1", "3")]
    with pytest.raises(ValueError, match="gpt:1 does not have the same products"):
        of_evaluation(evaluation(texts))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_the_texts_does_not_matter(scores: list[tuple[float, float]], order: random.Random) -> None:
    texts = [text for number, both in enumerate(scores) for text in pair(f"{number:03}", *both)]
    found = summarize(texts, reference="source")
    assert summarize(order.sample(texts, k=len(texts)), reference="source") == found
    for one in found.contenders:
        assert one.wins + one.losses + one.ties == found.products == sum(one.histogram)


def test_variants_of_one_product_do_not_make_an_interval_narrower() -> None:
    """Eight families of five variants each: five times the texts, but the evidence of eight products."""
    draw = random.Random(0)
    texts = []
    for family in range(8):
        gain = draw.gauss(5, 10)
        for variant in range(5):
            number = family * 5 + variant
            scores = {"llama": 50.0, "template": 50.0, "source": 50.0, "gpt:1": 50 + gain}
            texts += [text_of(name, number, score, family=f"family {family}") for name, score in scores.items()]
    grouped = width(of_evaluation(evaluation(texts)))
    naive = width(of_evaluation(evaluation([each.model_copy(update={"family": each.product_id}) for each in texts])))
    assert grouped > 1.7 * naive


def width(found: Results) -> float:
    points = difference(found, "gpt:1")
    assert points.low is not None
    assert points.high is not None
    return points.high - points.low


def test_the_more_candidates_there_are_the_surer_each_must_be() -> None:
    both = planted()
    alone: ModelEvaluation = evaluation([each for each in both.texts if each.contender != "gpt:2"])
    assert difference(of_evaluation(alone), "gpt:1").level == 0.95
    assert difference(of_evaluation(both), "gpt:1").level == 0.975
    assert difference(of_evaluation(both), "template").level == 0.95

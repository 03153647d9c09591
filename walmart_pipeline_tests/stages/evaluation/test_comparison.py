import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.stages.evaluation.comparison import CategoryRow, DimensionMean, RuleCount, compare
from walmart_pipeline_tests.stages.evaluation.pairs import pair, report


def test_without_products_nothing_is_claimed() -> None:
    nothing = compare([])
    assert nothing.n == 0
    assert nothing.difference is None
    assert nothing.generated.mean_score is None
    assert nothing.generated.dimensions["grounding"] == DimensionMean(mean=None, measured=0)
    assert nothing.generated.bands == {"poor": 0, "good": 0, "excellent": 0}
    assert (nothing.categories, nothing.worst) == ([], [])
    assert "NaN" not in nothing.model_dump_json()


def test_one_product_is_compared_without_an_interval() -> None:
    one = compare([pair("1", 90, 50)])
    assert one.generated.mean_score == 90
    assert one.difference is not None
    assert (one.difference.mean, one.difference.low, one.difference.high) == (40, None, None)


def test_means_bands_and_publishable_texts_are_counted_for_each_side() -> None:
    found = compare([pair("1", 90, 50), pair("2", 70, 100), pair("3", 0, 0)])
    assert found.generated.mean_score == pytest.approx(160 / 3)
    assert found.generated.bands == {"poor": 1, "good": 1, "excellent": 1}
    assert (found.generated.publishable, found.source.publishable) == (2, 1)
    assert (found.generated.histogram[0], found.source.histogram[-1], sum(found.source.histogram)) == (1, 1, 3)


def test_scores_that_look_equal_tie() -> None:
    found = compare([pair("1", 80.04, 80), pair("2", 81, 80), pair("3", 79, 80), pair("4", 99, 80)])
    assert (found.wins, found.losses, found.ties) == (2, 1, 1)


def test_a_dimension_that_was_not_measured_does_not_lower_its_mean() -> None:
    measured = report("1", 80, dimensions={"grounding": 90, "uniqueness": None})
    unmeasured = report("2", 80, dimensions={"grounding": None})
    found = compare([pair("1", measured, 50), pair("2", unmeasured, 50)])
    assert found.generated.dimensions["grounding"] == DimensionMean(mean=90, measured=1)
    assert found.generated.dimensions["uniqueness"] == DimensionMean(mean=None, measured=0)


def test_a_text_counts_once_for_a_rule_however_often_it_breaks_it() -> None:
    found = compare(
        [
            pair("1", report("1", 70, rules=("title.year", "title.year", "title.url")), 50),
            pair("2", report("2", 70, rules=("title.year",)), 50),
        ]
    )
    assert found.generated.rules == [RuleCount(rule="title.year", texts=2), RuleCount(rule="title.url", texts=1)]
    assert found.source.rules == []


def test_each_broadest_category_has_a_row() -> None:
    found = compare([pair("1", 90, 50, "Home"), pair("2", 50, 70, "Home"), pair("3", 80, 80, None)])
    assert found.categories == [
        CategoryRow(
            category="Home",
            n=2,
            generated_score=70,
            source_score=60,
            generated_publishable=1,
            source_publishable=1,
            wins=1,
            losses=1,
            ties=0,
        ),
        CategoryRow(
            category="no category",
            n=1,
            generated_score=80,
            source_score=80,
            generated_publishable=1,
            source_publishable=1,
            wins=0,
            losses=0,
            ties=1,
        ),
    ]


def test_the_worst_ten_begin_with_the_lowest_score_and_the_greatest_harm() -> None:
    pairs = [pair(str(number), 50 + number, 60) for number in range(20)]
    pairs += [pair("harmless", 40, 30), pair("harmful", 40, 95)]
    worst = compare(pairs).worst
    assert [one.product.product_id for one in worst] == ["harmful", "harmless", *map(str, range(8))]


def test_a_clear_difference_is_told_from_none() -> None:
    better = compare([pair(str(number), 80 + number % 5, 60) for number in range(40)]).difference
    same = compare([pair(str(number), 70 + 5 * (-1) ** number, 70) for number in range(40)]).difference
    assert better is not None
    assert same is not None
    assert better.low is not None
    assert better.low > 15
    assert same.low is not None
    assert same.high is not None
    assert same.low < 0 < same.high


def test_a_product_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="product 7 comes twice"):
        compare([pair("7", 80, 60), pair("8", 80, 60), pair("7", 70, 60)])


def test_a_report_about_another_product_is_refused() -> None:
    with pytest.raises(ValueError, match="product 7 is paired with a report about another product"):
        compare([pair("7", report("8", 80), 60)])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_matter(scores: list[tuple[float, float]], order: random.Random) -> None:
    pairs = [pair(f"{number:03}", generated, source) for number, (generated, source) in enumerate(scores)]
    shuffled = order.sample(pairs, k=len(pairs))
    found = compare(shuffled)
    assert found == compare(pairs)
    assert found.wins + found.losses + found.ties == found.n == sum(found.generated.histogram)

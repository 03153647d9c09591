from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_pipeline.judge.duplicates.families import VARYING_WORDS, family


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kettle 1.7 L Red", "Kettle 1.2 L Blue"),
        ("Red Kettle, 1.7L", "Kettle (Matte Black) 1,2 l"),
        ("Bath Towel", "Bath Towels, Pack of 6"),
        ("Wet Cat Food 32 oz Trays, 24 Pack", "Wet Cat Food 12 oz trays (48-count)"),
        ("Area Rug 5' x 8' Navy", "Area Rug 9 x 12 Ivory"),
        ("Portable Drive 640GB USB", "Portable Drive 2 TB USB"),
        ("Women's Yoga Shorts, XL", "Womens Yoga Shorts M"),
        ("CAFÉ TABLE 1/2 inch", "Cafe Table 3/4 in."),
        ("Fitted Sheet Queen", "Fitted Sheet Twin"),
        ("Air Fryer 4-Quart AF100", "Air Fryer 6-Quart AF161"),
    ],
)
def test_variants_of_one_product_share_a_family(one: str, other: str) -> None:
    assert family(one, "Acme") == family(other, "Acme")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kettle 1.7 L Red", "Toaster 1.7 L Red"),
        ("Cat Food 12 oz", "Dog Food 12 oz"),
        ("Vitamin C Tablets", "Vitamin E Tablets"),
        ("Stand Mixer", "Stand Mixer Bowl"),
    ],
)
def test_different_products_do_not_share_a_family(one: str, other: str) -> None:
    assert family(one, "Acme") != family(other, "Acme")


def test_the_same_words_from_two_brands_are_two_families() -> None:
    assert family("Kettle", "Acme") != family("Kettle", "Borealis")


def test_a_brand_repeated_in_the_name_changes_nothing() -> None:
    assert family("Acme Kettle 1 L", "ACME") == family("Kettle 2 L", "Acme")


def test_names_that_are_only_a_part_number_are_not_thrown_together() -> None:
    assert family("Acme C6567B", "Acme") != family("Acme DK2113", "Acme")
    assert family("Blue", "Acme") != family("Red", "Acme")
    assert family("", None) == family("", None)


# A name of ignored words alone is used as it is.
words = st.text("abcdefghij", min_size=4, max_size=9).filter(lambda word: word not in VARYING_WORDS)


colours = st.sampled_from(sorted(VARYING_WORDS))
units = st.sampled_from(["oz", "ml", "Inch", "GB", "lb", "count", "mAh", "W"])


@given(
    st.lists(words, min_size=1, max_size=5),
    st.tuples(colours, st.integers(1, 9999), units),
    st.tuples(colours, st.decimals("0.1", "999", places=1), units),
)
def test_colour_and_amount_never_divide_a_family(
    name: list[str], one: tuple[str, int, str], other: tuple[str, Decimal, str]
) -> None:
    text = " ".join(name)
    colour, amount, unit = one
    first = family(f"{text} {amount} {unit} {colour}", None)
    colour, size, unit = other
    assert family(f"{colour.title()} {text}, {size}{unit}", None) == first


@given(st.text(), st.none() | st.text())
def test_any_name_has_a_family_and_always_the_same(name: str, brand: str | None) -> None:
    assert family(name, brand) == family(name, brand)
    assert len(family(name, brand)) == 32


def test_a_colour_that_no_list_knows_is_told_by_the_record() -> None:
    oat = family("Tolluvane Peatmoor Throw Blanket, Oat", "Tolluvane", {"Color": "Oat"})
    assert oat == family("Tolluvane Peatmoor Throw Blanket, Juniper", "Tolluvane", {"Color": "Juniper"})
    assert oat != family("Tolluvane Peatmoor Throw Pillow, Oat", "Tolluvane", {"Color": "Oat"})

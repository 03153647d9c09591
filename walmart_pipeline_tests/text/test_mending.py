import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_pipeline.text import mending
from walmart_pipeline.text.mending import mended

MENDED = {
    "Removable lid15 oz capacityDishwasher safe": "Removable lid\n15 oz capacity\nDishwasher safe",
    '26" lengthNylon/spandexHand wash': '26" length\nNylon/spandex\nHand wash',
    'Tall inseam 9"Faux fly': 'Tall inseam 9"\nFaux fly',
    "Two loops14 oz capacityBPA free TritanUSB-C charge": "Two loops\n14 oz capacity\nBPA free Tritan\nUSB-C charge",
    "12 quiet sounds7 colorsTimer with 3 steps": "12 quiet sounds\n7 colors\nTimer with 3 steps",
    "The Kettle ProThe one that whistles": "The Kettle Pro\nThe one that whistles",
    "Fits behind a door.If the wall is thin,use screws": "Fits behind a door. If the wall is thin, use screws",
    "Women s slippers that don t slip, so you re safe": "Women's slippers that don't slip, so you're safe",
    "Water won?t seep through": "Water won't seep through",
    "60 cotton 40 polyester pique": "60% cotton 40% polyester pique",
    "a tin of 0 15 oz": "a tin of 0.15 oz",
    "4 5 x 3 7 x 0 8 inches": "4.5 x 3.7 x 0.8 inches",
}
SOUND = [
    "A ComfortSmart waistband for the iPhone, with microSD and an MP3 player",
    "sizes s m l xl",
    "40 watts 60 bulbs",
    "Sold at Walmart.Com",
    "Two 16 oz bottles, 3 1/2 x 5 inches",
    "Ages 0 3 months",
    "A plain t shirt, 1,500 g, ratio 16:9",
]


@pytest.mark.parametrize(("text", "expected"), MENDED.items())
def test_what_was_lost_is_restored_where_it_is_certain(text: str, expected: str) -> None:
    assert mended(text) == expected
    assert mending.is_damaged(text)


@pytest.mark.parametrize("text", SOUND)
def test_what_only_looks_lost_stays(text: str) -> None:
    assert mended(text) == text


def test_a_name_with_a_capital_inside_is_no_two_lines() -> None:
    assert mended("The eufyCam sees you", {"eufycam"}) == "The eufyCam sees you"


@pytest.mark.parametrize("text", ["A jar of 1 64 g", "Certified by OEKO?TEX", "word " * 90])
def test_what_cannot_be_restored_is_marked(text: str) -> None:
    assert mended(text) == text
    assert mending.is_damaged(text)


@given(st.text(max_size=80))
def test_mending_twice_changes_nothing_more(text: str) -> None:
    assert mended(mended(text)) == mended(text)

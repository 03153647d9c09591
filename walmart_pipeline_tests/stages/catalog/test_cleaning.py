import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from walmart_pipeline.stages.catalog import cleaning

# Pieces that random text never has: mojibake, entities, tags, and what the mending of one may turn into another.
dirt = st.sampled_from(
    [
        "â€™", "Ã©", "Ã ", "â€œ", "&amp;", "&lt;", "&#x80;", "&nbsp;", "amp;", "<p>", "</p>", "<br/>", "<li>", "<!--",
        "-->", "\u2028", "\x85", "\x0b", "\u200b", "ﬁ", "＜ｂ＞", "“", "\ud800", "\ufeff", "\r\n", "\n\n\n", "e\u0301",
        "<", "&",
    ]
)  # fmt: skip
dirty = st.lists(dirt | st.text(max_size=5)).map("".join)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | dirty
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(dirty, inner), max_leaves=8)


@given(values)
@example("<" * 3000 + "p>")
@example("[" * 3000)
def test_any_value_becomes_text_without_control_characters(value: object) -> None:
    for clean in (cleaning.text(value), cleaning.line(value), cleaning.listed(value), *cleaning.items(value)):
        assert not any(unicodedata.category(character) in ("Cc", "Cs") and character != "\n" for character in clean)
        assert clean == clean.strip()


@given(dirty)
@example("&amp;amp;amp;lt;b&amp;gt;x")
@example("&acirc;&euro;&trade;")
@example("<\u200bp>x")
@example("＜ｐ＞x")
def test_clean_text_stays_as_it_is(value: str) -> None:
    once = cleaning.text(value)
    assert cleaning.text(once) == once


@given(values)
@example("[{1: 2}]")
@example("{[1]: 2}")
@example("{{}}")
def test_no_value_is_too_strange_for_attributes_paths_and_lists(value: object) -> None:
    assert all(name and shown for name, shown in cleaning.named_values(value).items())
    assert all(cleaning.items(value))
    assert all(cleaning.path(value))


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("itâ€™s a cafÃ© set", "it's a café set"),
        ("don’t “touch” 5″", 'don\'t "touch" 5″'),
        ("Salt &amp;amp; Pepper", "Salt & Pepper"),
        ("Salt &amp; Pepper &copy 2024", "Salt & Pepper &copy 2024"),
        ("5 &lt; 6", "5 < 6"),
        ("a < b and c > d", "a < b and c > d"),
        ("&lt;p&gt;Boils&lt;/p&gt;&lt;p&gt;Pours&lt;/p&gt;", "Boils\nPours"),
        ("Naïve café, 20 °C", "Naïve café, 20 °C"),
        ("soft\u00adhy\u200bphen", "softhyphen"),
        ("one\u2028two", "one\ntwo"),
        ("tab\tand\u00a0space", "tab and space"),
        ("tea\x0bpot", "tea pot"),
        ("NUL\0s go", "NULs go"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("e\u0301", "é"),
    ],
)
def test_text_is_mended(raw: str, clean: str) -> None:
    assert cleaning.text(raw) == clean


def test_html_keeps_paragraphs_and_list_items_apart_and_drops_what_is_not_shown() -> None:
    markup = (
        "<style>p {}</style><p>Boils <b>fast</b>.</p><ul><li>One</li><li>Two<li>Three</ul><script>x()</script>A<br>B"
    )
    assert cleaning.text(markup).split("\n") == ["Boils fast.", "One", "Two", "Three", "A", "B"]


def test_line_breaks_of_plain_text_survive_a_few_tags_in_it() -> None:
    assert cleaning.text("Made of <b>steel</b>\n• Boils\n• Pours") == "Made of steel\n• Boils\n• Pours"


def test_thousands_of_unclosed_elements_are_no_trouble() -> None:
    assert cleaning.text("<font>" * 20_000 + "kettle") == "kettle"


@pytest.mark.parametrize("hostile", ["<!--" * 50_000, "<a " * 50_000, "&" * 200_000, "Ã " * 20_000, " -" * 50_000])
def test_no_text_makes_cleaning_quadratic(hostile: str) -> None:
    """`<!--` repeated once took 75 seconds; with a quadratic pattern this test would not end."""
    cleaning.text(hostile)
    cleaning.number(hostile)
    cleaning.items(hostile)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("$1,299.00", 1299.0), ("1.299,00 €", 1299.0), ("USD 58.45", 58.45), ("58 45", 58.45), ("12", 12.0),
        ("0.999", 0.999), ("$.99", 0.99), ("Rs.500", 500.0), ("1'299.50", 1299.5), ("1 299,50", 1299.5),
        ("1.299", 1299.0), ("1,299,000", 1299000.0), ("12.–", 12.0), ("-5", -5.0), (12, 12.0), (58.45, 58.45),
        (["$12.00"], 12.0), ("$1,299.00&nbsp;", 1299.0),
        ("Call for price", None), ("", None), (None, None), ("10 - 20", None), ("$5 was $9", None), ("1,29,99.0", None),
        (True, None), (float("nan"), None), ("9" * 400, None), (10**400, None),
    ],
)  # fmt: skip
def test_amounts(value: object, amount: float | None) -> None:
    assert cleaning.number(value) == amount


@given(values)
def test_an_amount_is_finite_or_none(value: object) -> None:
    amount = cleaning.number(value)
    assert amount is None or abs(amount) < float("inf")


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_an_amount_reads_the_same_in_american_and_european_marks(amount: object) -> None:
    american = f"{amount:,}"
    european = american.translate(str.maketrans(",.", ".,"))
    assert cleaning.number(f"${american}") == cleaning.number(f"{european} €") == float(str(amount))


@pytest.mark.parametrize(
    ("value", "gtin"),
    [
        ("96385074", "00000096385074"),
        ("36000291452", "00036000291452"),
        ("036000291452", "00036000291452"),
        ("4006381333931", "04006381333931"),
        ("00012345678905", "00012345678905"),
        (36000291452.0, "00036000291452"),
        (36000291452, "00036000291452"),
        ("0 36000 29145 2", "00036000291452"),
        ("['036000291452']", "00036000291452"),
        ("", None),
        ("N/A", None),
        ([], None),
    ],
)
def test_a_gtin_of_any_length_has_fourteen_digits(value: object, gtin: str | None) -> None:
    assert cleaning.gtin(value) == gtin


@pytest.mark.parametrize(
    "value", ["036000291453", "00000000000000", "00000000", "123456789", "not one", "4.00638E+12", "٠٣٦٠٠٠٢٩١٤٥٢"]
)
def test_what_is_no_gtin_is_refused_with_its_own_words(value: str) -> None:
    with pytest.raises(ValueError, match="is not a GTIN") as refused:
        cleaning.gtin(value)
    assert value in str(refused.value)


@given(values)
def test_a_gtin_is_valid_or_refused(value: object) -> None:
    try:
        found = cleaning.gtin(value)
    except ValueError:
        return
    assert found is None or (len(found) == 14 and found.isascii() and found.isdigit())


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("Home > Kitchen > Kettles", ["Home", "Kitchen", "Kettles"]),
        ('["Home", "Kitchen"]', ["Home", "Kitchen"]),
        ("['Home', 'Kitchen']", ["Home", "Kitchen"]),
        ("Home/Kitchen", ["Home", "Kitchen"]),
        ("Home » Kitchen | Kettles", ["Home", "Kitchen", "Kettles"]),
        ("Home &gt; Salt &amp; Pepper", ["Home", "Salt & Pepper"]),
        ([{"id": 1, "name": "Home"}, {"id": 2, "name": "Kitchen"}], ["Home", "Kitchen"]),
        ("Home > Home > Kettles", ["Home", "Kettles"]),
        ("w/o lid", ["w/o lid"]),
        ("", []),
        ("N/A", []),
    ],
)
def test_category_paths(value: object, path: list[str]) -> None:
    assert cleaning.path(value) == path


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("['Boils fast', 'Steel']", ["Boils fast", "Steel"]),
        ('["Boils fast", "Steel"]', ["Boils fast", "Steel"]),
        ("<ul><li>Boils fast</li><li>Steel</li></ul>", ["Boils fast", "Steel"]),
        ("• Boils fast\n• Steel", ["Boils fast", "Steel"]),
        ("• Boils fast • Steel", ["Boils fast", "Steel"]),
        ("- Boils fast\n- Steel", ["Boils fast", "Steel"]),
        ("Boils fast | Steel", ["Boils fast", "Steel"]),
        ("-20 °C and below\nStain-free", ["-20 °C and below", "Stain-free"]),
        (["Steel", "Steel", " ", None], ["Steel"]),
        ([{"text": "Boils fast"}], ["text Boils fast"]),
        ("['C:\\d', 'x']", ["C:\\d", "x"]),
        ("[not a list", ["[not a list"]),
    ],
)
def test_lists_in_all_their_forms(value: object, items: list[str]) -> None:
    assert cleaning.items(value) == items


@pytest.mark.parametrize(
    ("value", "attributes"),
    [
        ({"item_weight": "2 lb", "Cordless": True}, {"Item weight": "2 lb", "Cordless": "Yes"}),
        ({"Colors": ["red", "blue"]}, {"Colors": "red, blue"}),
        ('{"Weave": "terry"}', {"Weave": "terry"}),
        ([{"name": "Weave", "value": "terry"}, {"name": "Size", "value": None}], {"Weave": "terry"}),
        ("Capacity: 1.7 L; Wattage: 1500 W.", {"Capacity": "1.7 L", "Wattage": "1500 W"}),
        (["Capacity: 1.7 L", "no name here"], {"Capacity": "1.7 L"}),
        ("see https://example.com", {}),
        ({"Color": "N/A", "": "x", "Size": "null"}, {}),
        ({"Assembly Required": "none"}, {"Assembly required": "none"}),
        ({"Item Weight": "2 lb", "item_weight": "3 lb"}, {"Item weight": "2 lb"}),
        ({"Size": {"width": 3, "height": 4.5}}, {"Size": "width 3, height 4.5"}),
    ],
)  # fmt: skip
def test_named_values_in_all_their_forms(value: object, attributes: dict[str, str]) -> None:
    assert cleaning.named_values(value) == attributes


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("countPerPack", "Count per pack"),
        ("count_per_pack", "Count per pack"),
        ("count-per-pack", "Count per pack"),
        ("Non-Stick Coating", "Non-stick coating"),
        ("USB ports", "USB ports"),
        ("Weight (lb)", "Weight (lb)"),
    ],
)
def test_labels_are_spelled_as_a_person_writes_them(name: str, label: str) -> None:
    assert cleaning.label(name) == label


def test_a_number_of_nine_digits_keeps_all_of_them() -> None:
    """Identifiers come as floats from Parquet and workbooks; `173530386.0` was once `1.7353e+08`, the same for many."""
    assert cleaning.listed(173530386.0) == "173530386"
    assert cleaning.listed(1234567.25) == "1234567.25"

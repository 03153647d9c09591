import json

import pytest

from walmart_pipeline.core.records import Product
from walmart_pipeline.stages.catalog.columns import ColumnMapping, Columns
from walmart_pipeline.stages.catalog.products import CleanRow, RejectedRowError, clean_row

KETTLE = {"sku": "K-17", "name": "Acme Kettle 1.7 L", "brand": "Acme", "description": "Boils.", "price": "$29.99"}


def clean(**cells: object) -> CleanRow:
    return clean_row(json.dumps(KETTLE | cells), Columns(ColumnMapping()), source_file="feed.csv", source_row=3)


def product(**cells: object) -> Product:
    return clean(**cells).product


def test_a_row_becomes_a_product_with_its_source() -> None:
    assert product(upc="036000291452", rating="4.5 out of 5 stars", reviews="1,234 reviews") == Product(
        product_id="K-17",
        product_name="Acme Kettle 1.7 L",
        brand="Acme",
        description="Boils.",
        price=29.99,
        gtin="00036000291452",
        rating=4.5,
        review_count=1234,
        source_file="feed.csv",
        source_row=3,
    )


@pytest.mark.parametrize("name", [None, "", "   ", "<p></p>", "&nbsp;", "N/A", "null"])
def test_a_row_without_a_name_is_rejected(name: object) -> None:
    with pytest.raises(RejectedRowError, match="it has no product name"):
        clean(name=name)


def test_a_name_that_is_none_is_rejected_with_its_reason() -> None:
    with pytest.raises(RejectedRowError, match="no letter: `---`"):
        clean(name="---")
    with pytest.raises(RejectedRowError) as rejected:
        clean(name="1" * 2000)
    assert len(rejected.value.reasons) == 2


def test_an_empty_row_is_rejected() -> None:
    with pytest.raises(RejectedRowError, match="the row is empty"):
        clean_row("{}", Columns(ColumnMapping()), source_file="", source_row=1)


@pytest.mark.parametrize("identifier", ["N/A", "null", "nan", "-", " "])
def test_a_word_for_nothing_is_no_identifier(identifier: str) -> None:
    """Two products that both have the id `N/A` would become one."""
    assert product(sku=identifier).product_id == ""


@pytest.mark.parametrize("identifier", ["00123", "A 1", 173530386, 173530386.0, "173530386.0"])
def test_an_identifier_is_kept_as_text(identifier: object) -> None:
    assert product(sku=identifier).product_id == str(identifier).removesuffix(".0")


def test_what_is_dropped_leaves_a_note() -> None:
    row = clean(price="Call for price", upc="036000291453", rating=9, reviews="9" * 30)
    assert (row.product.price, row.product.gtin, row.product.rating, row.product.review_count) == (None,) * 4
    assert [note.partition(":")[0] for note in row.notes] == ["price", "gtin", "rating", "review_count"]
    assert row.notes[0] == "price: `Call for price` is not an amount"


def test_the_second_best_column_stands_in_and_the_note_of_the_first_stays() -> None:
    row = clean(price="TBD", list_price="31.00")
    assert (row.product.price, row.notes) == (31.0, ["price: `TBD` is not an amount"])


@pytest.mark.parametrize("value", ["", "N/A", None, "nan"])
def test_an_empty_number_is_no_note(value: object) -> None:
    assert clean(rating=value, reviews=value, upc=value, price=value).notes == []


@pytest.mark.parametrize("brand", ["Unbranded", "n/a", "Generic", "", None])
def test_a_word_for_no_brand_is_none(brand: object) -> None:
    assert product(brand=brand).brand is None


def test_descriptions_are_joined_and_what_another_one_holds_is_left_out() -> None:
    found = product(
        long_description="<p>Boils fast.</p><p>Pours well.</p>", short_description="BOILS FAST", details="Steel"
    )
    assert found.description == "Boils fast.\nPours well.\n\nSteel"


def test_a_description_is_left_out_only_where_its_whole_words_stand_elsewhere() -> None:
    assert product(description="catalogue", details="log").description == "catalogue\n\nlog"


def test_attributes_come_from_columns_first_then_from_lists_of_them() -> None:
    found = product(
        color="N/A", colour="['Sage Green']", count="6.0", weight=2.5, specs="Color: red; Weave: terry", care=""
    )
    assert found.attributes == {"Color": "Sage Green", "Count": "6", "Weight": "2.5", "Weave": "terry"}


def test_price_rating_and_identifiers_are_no_facts() -> None:
    plain = product()
    other = product(price="$1.00", rating=2, reviews=9, upc="036000291452", sku="K-18")
    assert plain.facts_hash == other.facts_hash
    assert plain.facts_hash != product(description="Boils slowly.").facts_hash


def test_the_order_of_attributes_makes_no_other_facts() -> None:
    specs = {"Weave": "terry", "Size": "large", "Border": "flat"}
    assert product(specs=specs).facts_hash == product(specs=dict(reversed(specs.items()))).facts_hash


def test_options_and_conflicts_are_facts_and_without_them_the_hash_is_as_before_they_existed() -> None:
    """Otherwise the first run after the upgrade would write the whole catalog anew."""
    plain = product()
    assert "options" not in plain.facts
    assert "conflicts" not in plain.facts
    for more in ({"options": {"Color": ["teal", "navy"]}}, {"conflicts": {"Count": ["4", "6"]}}):
        assert plain.model_copy(update=more).facts_hash != plain.facts_hash

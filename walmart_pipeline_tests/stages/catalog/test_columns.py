from pathlib import Path

import pytest

from walmart_pipeline.stages.catalog import columns
from walmart_pipeline.stages.catalog.columns import (
    ALIASES,
    ATTRIBUTE_COLUMNS,
    ColumnMapping,
    Columns,
    MappingError,
    normalized,
)


def sort(record: dict[str, object], **mapping: object) -> columns.Cells:
    return Columns(ColumnMapping.model_validate(mapping)).sort(record)


def test_no_column_is_claimed_by_two_fields() -> None:
    names = [name for aliases in ALIASES.values() for name in aliases] + [*ATTRIBUTE_COLUMNS]
    assert len(names) == len(set(names))
    assert all(name == normalized(name) for name in names)


@pytest.mark.parametrize("column", ["usItemId", "US_Item_ID", "us item-id"])
def test_a_column_is_known_in_any_spelling(column: str) -> None:
    assert sort({column: "7"}).fields == {"product_id": ["7"]}


def test_the_best_column_comes_first_whatever_their_order() -> None:
    assert sort({"list_price": 9, "price": 8, "final_price": 7}).fields["price"] == [7, 8, 9]


def test_a_whole_path_leaves_single_levels_aside() -> None:
    assert sort({"department": "Home", "categories": "Home > Kitchen"}).fields["category"] == ["Home > Kitchen"]
    assert sort({"category": "Kitchen", "department": "Home"}).fields["category"] == ["Home", "Kitchen"]


@pytest.mark.parametrize(
    "record",
    [
        {"offer": {"price": 5}},
        {"offer.price": 5},
        {"primaryOffer": {"offerPrice": 5}},
        {"price": {"amount": 5, "currency": "USD"}},
        {"price": {"value": 5}},
    ],
)
def test_a_price_is_found_inside_an_object(record: dict[str, object]) -> None:
    assert sort(record).fields["price"] == [5]


def test_a_brand_that_is_an_object_names_the_brand_and_not_the_product() -> None:
    """schema.org writes it so."""
    cells = sort({"brand": {"@type": "Brand", "name": "Acme"}, "seller": {"name": "Shop", "id": 7}, "name": "Kettle"})
    assert cells.fields == {"brand": ["Acme"], "product_name": ["Kettle"]}


def test_what_describes_an_object_does_not_describe_the_product() -> None:
    cells = sort(
        {"image": {"size": "300x300", "title": "Front"}, "shipping": {"weight": "9 lb"}, "category": {"id": 4}}
    )
    assert cells.fields == {}
    assert cells.attributes == []


def test_an_object_of_attributes_stays_whole_and_dotted_attributes_keep_their_names() -> None:
    assert sort({"specs": {"Weave": "terry"}}).fields == {"attributes": [{"Weave": "terry"}]}
    assert sort({"specs.Item Weight": "2 lb", "specifications.fabricWeight": "9 g"}).attributes == [
        ("Item weight", "2 lb"),
        ("Fabric weight", "9 g"),
    ]


def test_columns_of_no_field_are_listed_and_ignored_ones_are_not() -> None:
    columns = Columns(ColumnMapping(ignore=["bin", "stock"]))
    found = columns.sort({"offer": {"price": 5, "currency": "USD"}, "bin": "D14", "stock": {"count": 3}, "mystery": 1})
    assert found.unmapped == ["offer.currency", "mystery"]


def test_a_mapping_wins_over_known_names_and_takes_an_object_whole() -> None:
    record = {"name": "internal", "shelf_text": "Kettle", "care": {"wash": "cold"}, "title": "other"}
    cells = sort(record, columns={"product_name": "shelf_text", "features": ["care"]}, ignore=["title"])
    assert cells.fields == {"product_name": ["Kettle", "internal"], "features": [{"wash": "cold"}]}


def test_of_two_columns_of_one_attribute_both_are_offered() -> None:
    assert sort({"color": " ", "colour": "red"}).attributes == [("Color", " "), ("Color", "red")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("columns: [", "is not YAML"),
        ("- a\n- b", "valid dictionary"),
        ("columns: {prize: cost}", "columns: prize: .*Fields are: product_id, product_name"),
        ("colums: {}", "colums: Extra inputs are not permitted"),
        ("ignore: 3", "ignore: Input should be a valid list"),
        (b"\xff\xfe\x00", "is not YAML"),
    ],
)
def test_a_mapping_that_is_wrong_gives_the_location(tmp_path: Path, content: str | bytes, said: str) -> None:
    path = tmp_path / "feed.mapping.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(MappingError, match=said):
        columns.read_mapping(path)


def test_an_empty_mapping_is_none(tmp_path: Path) -> None:
    (tmp_path / "feed.mapping.yaml").write_text("# nothing yet\n")
    assert columns.read_mapping(tmp_path / "feed.mapping.yaml") == ColumnMapping()
    assert columns.read_mapping(tmp_path / "other.mapping.yaml") == ColumnMapping()

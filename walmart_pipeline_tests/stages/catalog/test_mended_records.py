"""Records as suppliers send them, as products with what was lost restored and what contradicts itself set apart."""

import pytest

from walmart_pipeline_tests.stages.catalog.test_products import clean, product

TV = "Electronics > TVs"


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        ("Eye Stick Sugar Frost 1 64g", "A stick of 1.64g for the eyes.", "Eye Stick Sugar Frost 1.64g"),
        ("Eye Stick Sugar Frost 1 64g", "A stick for the eyes.", "Eye Stick Sugar Frost 1 64g"),
        ("Fitted Sheet up to 12 15 inches", "For mattresses of 12-15 inches.", "Fitted Sheet up to 12-15 inches"),
        ("Top with 3 4 Sleeve", "", "Top with 3/4 Sleeve"),
        ("Shirt 100 Cotton", "Made of 100% cotton.", "Shirt 100% Cotton"),
        ("Shirt 100 Cotton Road", "Made of linen.", "Shirt 100 Cotton Road"),
        ("Women s Slippers Size S", "", "Women's Slippers Size S"),
        ("L Oreal Mascara", "By L'Oreal.", "L'Oreal Mascara"),
        ("Rollerball 0 5mm", "", "Rollerball 0.5mm"),
    ],
)
def test_a_name_from_a_url_gets_back_what_the_record_proves(name: str, other: str, expected: str) -> None:
    assert product(name=name, description=other).product_name == expected


@pytest.mark.parametrize(
    ("name", "category", "expected"),
    [
        ("Element 65 4K TV", TV, 'Element 65" 4K TV'),
        ("Toshiba 40 Class LCD 1080p 60 Hz HDTV", TV, 'Toshiba 40" Class LCD 1080p 60 Hz HDTV'),
        ('Element 65" 4K TV', TV, 'Element 65" 4K TV'),
        ("Wall Mount for 65 Class TV", TV, "Wall Mount for 65 Class TV"),
        ("Antenna 65 Mile TV", TV, "Antenna 65 Mile TV"),
        ("Lamp 65 Classic", "Home > Lamps", "Lamp 65 Classic"),
    ],
)
def test_a_bare_size_gets_its_unit_only_on_a_television(name: str, category: str, expected: str) -> None:
    assert product(name=name, category=category).product_name == expected


def test_points_of_measures_come_back_and_model_numbers_stay() -> None:
    specs = {"Dimensions": "4 5 x 3 x 0 75 inches", "Shipping weight": "0 95", "Cord": "2 5 ft", "Series": "16 2"}
    assert product(specs=specs).attributes == {
        "Dimensions": "4.5 x 3 x 0.75 inches",
        "Shipping weight": "0.95",
        "Cord": "2.5 ft",
        "Series": "16 2",
    }


def test_features_that_ran_together_are_several() -> None:
    found = product(features=["Removable lid15 oz capacityDishwasher safe", "Two steps"])
    assert found.features == ["Removable lid", "15 oz capacity", "Dishwasher safe", "Two steps"]


def test_a_model_that_repeats_the_brand_is_dropped_with_a_note() -> None:
    row = clean(model="ACME")
    assert row.product.attributes == {}
    assert row.notes == ["Model: `ACME` only repeats the brand or the name"]
    assert product(model="Acme K17").attributes == {"Model": "Acme K17"}


@pytest.mark.parametrize(
    ("cells", "conflicts"),
    [
        ({"name": "Balm 6 pack", "description": "A pack of 4."}, {"Pack size": ["6", "4"]}),
        ({"name": "Lights 12 Pack", "description": "Shine 12 hours. 8 PACK."}, {"Pack size": ["12", "8"]}),
        ({"name": "Protector 3 Pack", "specs": {"Count": "2 pack"}}, {"Count": ["3", "2"]}),
        ({"name": "Stools Set of 2", "description": "Comes as a pack of 4."}, {"Pack size": ["2", "4"]}),
        ({"name": "Bag 10L", "capacity": "8 L"}, {"Capacity": ["10L", "8 L"]}),
        ({"name": "Mug, White", "color": "Black"}, {"Color": ["white", "black"]}),
        ({"name": "Shirt 100% Cotton", "material": "100% polyester"}, {"Material": ["cotton", "polyester"]}),
        ({"name": "Drill", "model": "DX-100", "description": "Model: DX-200."}, {"Model": ["DX-100", "DX-200"]}),
    ],
)
def test_what_a_record_contradicts_itself_on_is_no_fact(
    cells: dict[str, object], conflicts: dict[str, list[str]]
) -> None:
    found = product(**cells)
    assert found.conflicts == conflicts
    assert not found.conflicts.keys() & found.attributes.keys()


@pytest.mark.parametrize(
    "cells",
    [
        {"name": "Pens 4 ct 2 pack", "description": "Pack of 4."},
        {"name": "Towels 6 pack", "description": "Also as a pack of 4 or a pack of 12; this is the 6 pack."},
        {"name": "Pens 2 pack", "specs": {"Count": "24"}},
        {"name": "Chairs Set of 4", "description": "A set of 8 screws is in the box."},
        {"name": "Kettlebell, Yellow Band", "color": "black"},
        {"name": "Moka Pot, 3 cups", "capacity": "6 oz"},
        {"name": "Bottle 1 L", "capacity": "34 oz"},
        {"name": "Drill DX-100", "model": "DX-100", "description": "Model: DX-100B."},
        {"name": "Tool kit 55 pieces", "description": "Holds a 6 piece screwdriver set."},
    ],
)
def test_what_only_seems_a_contradiction_is_none(cells: dict[str, object]) -> None:
    assert product(**cells).conflicts == {}

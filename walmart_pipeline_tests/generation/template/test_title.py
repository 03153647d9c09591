"""Titles that a shopper can read and Walmart accepts."""

from __future__ import annotations

import pytest

from walmart_pipeline.core.records import Product
from walmart_pipeline.generation.template.facts import facts_of
from walmart_pipeline.generation.template.title import clean_name, cut, name_of, written


def title(name: str, brand: str | None = None, category: str = "", **attributes: str) -> str | None:
    clean = clean_name(name, brand)
    found = name_of(clean, brand, category.split(" > "))
    product = Product(product_id="p", product_name=name, brand=brand, attributes=attributes)
    return written(found, facts_of(product, clean), 50, 150) if found else None


@pytest.mark.parametrize(
    ("name", "brand", "cleaned"),
    [
        ("ACME STAINLESS STEEL KETTLE", "Acme", "Acme Stainless Steel Kettle"),
        ("acme steel kettle with usb lamp", "acme", "Acme Steel Kettle with USB Lamp"),
        ("~ Acme Kettle $$$ ★", "Acme", "Acme Kettle"),
        ("Kettle by Acme", "Acme", "Acme Kettle"),
        ("Steel Kettle", "Acme", "Acme Steel Kettle"),
        ("Steel Kettle", "Unbranded", "Steel Kettle"),
        ("Acme Kettle Kettle Steel", "Acme", "Acme Kettle Steel"),
        ("Acme Gel Pens, 0.5 mm, 12 pens, Blue", "Acme", "Acme Gel Pens, 0.5 mm, 12 pens, Blue"),
        ("Acme 500 pieces Puzzle, Harbor", "Acme", "Acme 500-Piece Puzzle, Harbor"),
        ("ACME SOFT-SIDED COOLER, 16 GB, 5 CANS", "Acme", "Acme Soft-Sided Cooler, 16 GB, 5 Cans"),
    ],
)
def test_a_name_is_cleaned(name: str, brand: str, cleaned: str) -> None:
    assert clean_name(name, brand) == cleaned


def test_a_name_with_signs_keeps_its_parts() -> None:
    name = "Acme Gooseneck Kettle with Lid, Stainless Steel, 1.7 L"
    assert title(name, "Acme", "Home > Kettles") == name


def test_a_name_without_signs_gets_commas_after_its_noun() -> None:
    name = "Acme Velvet Bolder Lip Pencil Dark Rose 1 Count"
    assert title(name, "Acme", "Makeup > Lip Pencils") == "Acme Velvet Bolder Lip Pencil, Dark Rose, 1 Count"


def test_a_list_of_search_words_becomes_what_it_is_and_its_parts() -> None:
    name = "Acme Womens Plus Size Shirt Tees Short Sleeve V Neck Casual Summer Loose Tunic Dressy Going Out Tops"
    assert title(name, "Acme", "Womens Clothing > Womens Tops") == "Acme Women's Plus Size Top, Short Sleeves, V Neck"
    assert title(name, "Acme", "Fashion") is None


def test_a_short_name_gets_a_size_or_count() -> None:
    assert title("Acme Kettle", "Acme", "Kettles", Capacity="1.7 L") == "Acme Kettle, 1.7 L"


@pytest.mark.parametrize("part", ["24 Pencils in Tin", "5.5 qt", "4 fl oz", "500 Lumens", "2 Pack", "8 in Blade"])
def test_a_name_in_title_case_ends_in_title_case(part: str) -> None:
    """Where feeds end in "72 pencils", so did the titles; abbreviated units have no capital in any of them."""
    assert title(f"Acme Field Kettle, {part.lower()}", "Acme", "Kettles") == f"Acme Field Kettle, {part}"
    assert title(f"Acme field kettle, {part.lower()}", "Acme", "Kettles") == f"Acme field kettle, {part.lower()}"


def test_a_long_title_ends_at_a_border() -> None:
    assert (
        cut("Acme Kettle, Brushed Stainless Steel, with a Window and a Filter", 40)
        == "Acme Kettle, Brushed Stainless Steel"
    )

"""Titles that a shopper can read and Walmart accepts."""

from __future__ import annotations

import pytest

from walmart_pipeline.core.records import Product
from walmart_pipeline.generation.template.attributes import facts_of
from walmart_pipeline.generation.template.title import clean_name, compliant, cut, extended


@pytest.mark.parametrize(
    ("name", "brand", "expected"),
    [
        ("ACME STAINLESS STEEL KETTLE WITH USB LAMP", "Acme", "Acme Stainless Steel Kettle with USB Lamp"),
        ("peerless universal tilt mount for tv", "peerless", "Peerless Universal Tilt Mount for TV"),
        ("King Duvet Set, 3 Piece by Simply Put", "Simply Put", "Simply Put King Duvet Set, 3 Piece"),
        ("Electric Kettle X200", "Acme", "Acme Electric Kettle X200"),
        ("GOTRAX Endura Bike", "GOTRAX", "GOTRAX Endura Bike"),
        ("N Ice Caps Ski Gloves", "N'Ice Caps", "N'Ice Caps Ski Gloves"),
        ("~~ Kettle *** Steel !!! $$", None, "Kettle Steel"),
        ("Cotton Sheet Set, Cotton Sheet Set, Cotton, Queen", None, "Cotton Sheet Set, Queen"),
        ("Steel Kettle", "Unbranded", "Steel Kettle"),
        ("Watering Wand, 8 Patterns, 16 in", "Acme", "Acme Watering Wand, 8 Patterns, 16 in"),
        ("Galvanized Watering Can", "Acme", "Acme Galvanized Watering Can"),
    ],
)
def test_a_name_is_cleaned_without_losing_what_it_says(name: str, brand: str | None, expected: str) -> None:
    assert clean_name(name, brand) == expected


def lengthened(name: str, **attributes: str) -> str:
    product = Product(product_id="t", product_name=name, attributes=attributes)
    return extended(name, facts_of(product, []), 50, 150)


def test_a_short_title_gets_what_the_name_does_not_tell() -> None:
    title = lengthened("Acme Steel Kettle", Material="Steel", Color="Silver", Capacity="1.7 L", Size="Large")
    assert title.startswith("Acme Steel Kettle, ")
    assert title.count("Steel") == 1
    assert "1.7 L" in title
    assert "Silver" in title


def test_a_pack_count_is_told_by_its_kind() -> None:
    assert lengthened("Acme Mug", **{"Number of Pieces": "4"}).endswith("4 Piece")
    assert lengthened("Acme Mug", **{"Pack Count": "6"}).endswith("6 Pack")


def test_a_year_is_not_added_and_nothing_is_invented() -> None:
    assert lengthened("Acme Wall Calendar", Style="Edition 2026") == "Acme Wall Calendar"


def test_a_long_name_ends_at_a_natural_border() -> None:
    assert cut("Acme Kettle, Stainless Steel Body with Window, Extra Base", 50) == (
        "Acme Kettle, Stainless Steel Body with Window"
    )
    assert cut("Acme Kettle with a Stainless Steel Body and Window", 46) == "Acme Kettle with a Stainless Steel Body"


def test_only_the_forbidden_words_are_lost() -> None:
    def clean(text: str) -> bool:
        return "free shipping" not in text.lower() and "hot" not in text.lower()

    assert compliant("Acme Kettle Free Shipping Steel", clean) == "Acme Kettle Steel"
    assert compliant("Hot Acme Kettle - Free Shipping", clean) == "Acme Kettle"
    assert compliant("Hot", clean) is None

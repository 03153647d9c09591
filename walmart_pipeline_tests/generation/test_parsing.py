"""A raw answer into a listing: what is put right, and what is refused."""

from __future__ import annotations

import json

import pytest

from walmart_pipeline.generation import parsing


def features(*given: str) -> list[str]:
    return parsing.listing(json.dumps({"title": "Kettle", "key_features": given, "description": "Boils."})).key_features


@pytest.mark.parametrize(
    ("given", "split"),
    [
        (
            "Holds 1.7 L | Switches itself off | Lid opens at a button",
            ["Holds 1.7 L", "Switches itself off", "Lid opens at a button"],
        ),
        ("| Holds 1.7 L | Switches itself off |", ["Holds 1.7 L", "Switches itself off"]),
        ("Holds 1.7 L|Switches itself off", ["Holds 1.7 L", "Switches itself off"]),
        ("Capacity: 1.7 L kettle | Wattage: 1500 W base", ["Capacity: 1.7 L kettle", "Wattage: 1500 W base"]),
    ],
)
def test_features_divided_by_bars_become_features_of_their_own(given: str, split: list[str]) -> None:
    assert features(given, "Two years of warranty") == [*split, "Two years of warranty"]


@pytest.mark.parametrize("given", ["Fits 1/2 | 3/4 in", "1/2 inch | 3/4 inch", "S | M | L", "An on|off switch"])
def test_a_bar_between_sizes_divides_no_features(given: str) -> None:
    assert features(given) == [given]


@pytest.mark.parametrize(
    ("given", "listed"),
    [("Colors: Red | Blue | Green", "Colors: Red, Blue, Green"), ("Durable | Lightweight", "Durable, Lightweight")],
)
def test_values_divided_by_bars_stay_one_feature_with_commas(given: str, listed: str) -> None:
    assert features(given) == [listed]


def test_control_characters_of_an_answer_reach_no_text() -> None:
    text = json.dumps(
        {"title": "Har\0bor\x07 Kettle", "key_features": ["Holds\x851.7 L"], "description": "One.\n\nTwo\0."}
    )
    listing = parsing.listing(text)
    assert (listing.title, listing.key_features, listing.description) == (
        "Harbor Kettle",
        ["Holds 1.7 L"],
        "One.\n\nTwo.",
    )


def test_a_lone_surrogate_is_refused_with_a_reason() -> None:
    with pytest.raises(parsing.UnusableAnswerError, match="hex escape"):
        parsing.listing('{"title":"Kettle \\ud800"}')

"""Rows of anybody's training_data.json: every flaw by name, what can be mended is mended."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_pipeline.core.records import TrainingExample
from walmart_pipeline.stages.training import published_schema
from walmart_pipeline.stages.training.published_schema import ReadExample

NOW = datetime(2025, 6, 1, tzinfo=UTC)
ROW: dict[str, Any] = {
    "timestamp": "2025-03-01T12:00:00+00:00",
    "input": {
        "product_name": "Kettle",
        "features": ["1.7 L", "Steel"],
        "category": "Home > Kitchen",
        "user_preferences": {},
    },
    "output": {
        "title": "Kettle, 1.7 L",
        "features_formatted": "Holds 1.7 L\nMade of steel",
        "description": "A kettle that boils water.",
        "seo_keywords": ["kettle"],
    },
    "metadata": {"model_used": "m", "generation_time": 1.5, "quality_score": 90, "user_rating": None},
}


def read(raw: object) -> ReadExample:
    return published_schema.read(raw, description_min_words=3, now=NOW)


def changed(path: str, value: object) -> dict[str, Any]:
    raw = copy.deepcopy(ROW)
    *sections, name = path.split(".")
    target = raw
    for section in sections:
        target = target[section]
    if value is ...:
        del target[name]
    else:
        target[name] = value
    return raw


def test_a_row_of_the_published_schema_is_read_as_it_is() -> None:
    example, flaws = read(ROW)
    assert flaws == []
    assert example == TrainingExample.model_validate(ROW)


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("output.description", "", "empty output"),
        ("output.title", " ", "empty output"),
        ("output.description", None, "empty output"),
        ("output.description", {"text": "a"}, "wrong type"),
        ("output", "a text", "wrong type"),
        ("output", ..., "missing field"),
        ("input", None, "missing field"),
        ("input.product_name", ..., "missing field"),
        ("input.features", 7, "wrong type"),
        ("output.title", True, "wrong type"),
        ("output.seo_keywords", [["a"]], "wrong type"),
    ],
)
def test_a_row_that_no_example_can_be_made_of_gives_the_reason(path: str, value: object, kind: str) -> None:
    example, flaws = read(changed(path, value))
    assert example is None
    assert flaws[-1].kind == kind
    assert path.rsplit(".", maxsplit=1)[-1] in flaws[-1].detail


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("output.description", "Two words", "short description"),
        ("output.features_formatted", "", "missing field"),
        ("output.seo_keywords", "kettle, water kettle", "normalised"),
        ("input.category", ["Home", "Kitchen"], "normalised"),
        ("input.price", 7, "unknown field"),
        ("language", "en", "unknown field"),
        ("timestamp", ..., "missing field"),
        ("timestamp", "yesterday", "wrong type"),
        ("metadata", ..., "missing field"),
        ("metadata.user_rating", 9, "wrong type"),
        ("metadata.generation_time", "fast", "wrong type"),
        ("input.user_preferences", ["plain"], "wrong type"),
    ],
)
def test_a_minor_flaw_is_reported_and_the_example_kept(path: str, value: object, kind: str) -> None:
    example, flaws = read(changed(path, value))
    assert example is not None
    assert kind in {flaw.kind for flaw in flaws}


@pytest.mark.parametrize(
    "features",
    [
        "• Holds 1.7 L\n• Made of steel",
        "- Holds 1.7 L\n- Made of steel",
        "* Holds 1.7 L\n\n* Made of steel",
        "• Holds 1.7 L • Made of steel",
        "1. Holds 1.7 L\n2. Made of steel",
        "1) Holds 1.7 L\n2) Made of steel",
        "<ul><li>Holds 1.7 L</li><li>Made of steel</li></ul>",
        ["Holds 1.7 L", "Made of steel"],
        ["• Holds 1.7 L", "• Made of steel"],
        "✓ Holds 1.7 L\n✓ Made of steel",
    ],
)
def test_features_in_any_shape_become_one_a_line(features: object) -> None:
    example, flaws = read(changed("output.features_formatted", features))
    assert example is not None
    assert example.output.features_formatted == "Holds 1.7 L\nMade of steel"
    assert "normalised" in {flaw.kind for flaw in flaws}


def test_a_feature_that_begins_with_a_figure_keeps_it() -> None:
    example, flaws = read(changed("output.features_formatted", "1.7 L of water\n2 years of warranty\n-20 °C proof"))
    assert example is not None
    assert example.output.features_formatted == "1.7 L of water\n2 years of warranty\n-20 °C proof"
    assert flaws == []


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(JSON | st.fixed_dictionaries({"input": JSON, "output": JSON}))
def test_no_row_of_json_brings_the_import_down(raw: object) -> None:
    read(raw)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            path: JSON
            for section in ("input", "output", "metadata")
            for path in (f"{section}.{name}" for name in ROW[section])
        },
    )
)
def test_what_is_kept_can_be_written_as_the_published_schema(values: dict[str, object]) -> None:
    raw = copy.deepcopy(ROW)
    for path, value in values.items():
        section, name = path.split(".")
        raw[section][name] = value
    if (example := read(raw).example) is not None:
        assert TrainingExample.model_validate_json(example.model_dump_json()) == example

"""Grounding asked of whole catalogs: a record never contradicts its own text, and what is changed in it is found."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.generation.template.writer import TooFewFactsError, compose
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.claims import Examination, ListingText
from walmart_pipeline.judge.judge import Judge, source_listing
from walmart_pipeline.stages.catalog import columns, feeds, readers
from walmart_pipeline.stages.catalog.products import RejectedRowError, clean_row
from walmart_pipeline_tests.judge.claims.examples import (
    BLENDER,
    HEADPHONES,
    SHEETS,
    SNACK,
    SOFA,
    doubted,
    listing_text,
    unproved,
)
from walmart_pipeline_tests.paths import SAMPLE, SHARED, needs_shared

CATALOGS = [SHARED / "data" / name for name in ("general_895.jsonl", "electronics_2554.csv", "browse_223.csv")]
JUDGE = Judge(profiles.load("walmart-2025"))


@cache
def products(path: Path) -> list[Product]:
    """Every usable row of the feeds of a path."""
    found = []
    for feed in feeds.find([path]):
        sorting = columns.Columns(columns.read_mapping(feed.mapping_path))
        with readers.read(feed) as reading:
            for number, row in enumerate(reading.rows, start=1):
                if row.problem:
                    continue
                try:
                    clean = clean_row(row.raw, sorting, source_file=feed.name, source_row=number)
                except RejectedRowError:
                    continue
                found.append(clean.product)
    return found


def composed(path: Path) -> list[tuple[Product, Listing]]:
    pairs = []
    for product in products(path):
        try:
            pairs.append((product, compose(product, JUDGE.policy.limits, JUDGE.acceptable)))
        except TooFewFactsError:
            continue
    return pairs


def faults(product: Product, listing: Listing) -> list[str]:
    fields = [("title", listing.title), ("description", listing.description)]
    fields += [(f"key_features[{index}]", text) for index, text in enumerate(listing.key_features)]
    fields += [(f"seo_keywords[{index}]", text) for index, text in enumerate(listing.seo_keywords)]
    told = ListingText(fields)
    return [
        f"{product.product_id}: {claim.subject} {claim.status} {told.text[claim.start : claim.end]!r}"
        for claim in Examination(told, product).claims()
        if claim.status != "supported" and not claim.hint
    ]


@needs_shared
@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.stem)
def test_a_real_records_own_text_is_wholly_supported(path: Path) -> None:
    asked = products(path)
    assert len(asked) > 200
    assert [fault for product in asked for fault in faults(product, source_listing(product))] == []


@pytest.mark.parametrize(
    "path", [SAMPLE, pytest.param(CATALOGS[0], marks=needs_shared)], ids=lambda path: path.stem if path else ""
)
def test_a_composed_listing_is_wholly_supported(path: Path) -> None:
    pairs = composed(path)
    # The template writer declines nearly all of general_895.
    assert len(pairs) > (200 if path == SAMPLE else 0)
    assert [fault for product, listing in pairs for fault in faults(product, listing)] == []


@pytest.mark.parametrize(("attribute", "wrong"), [("Weight", "977 lb"), ("Capacity", "97.7 L")])
def test_another_figure_of_an_attribute_is_found(attribute: str, wrong: str) -> None:
    unit = wrong.rpartition(" ")[2]
    asked = [each for each in products(SAMPLE) if each.attributes.get(attribute, "").endswith(f" {unit}")]
    assert len(asked) > 20
    assert all("number" in doubted(each, f"The {attribute.lower()} is {wrong}.") for each in asked)


def sentences(product: Product) -> list[str]:
    prose = [sentence.strip() for sentence in product.description.split(". ") if sentence.strip()]
    attributes = [f"{name}: {value}" for name, value in product.attributes.items()]
    return [product.product_name, *product.features, *prose, *attributes]


@settings(deadline=None)
@given(st.sampled_from([BLENDER, SOFA, SNACK, HEADPHONES, SHEETS, *products(SAMPLE)[:60]]), st.data())
def test_a_text_of_the_records_own_sentences_is_supported(product: Product, data: st.DataObject) -> None:
    own = data.draw(st.lists(st.sampled_from(sentences(product)), min_size=1, max_size=6))
    assert unproved(product, ". ".join(own)) == []


@settings(deadline=None)
@given(st.text(max_size=200), st.sampled_from([BLENDER, SOFA, Product(product_id="1", product_name=" ")]))
def test_any_text_can_be_asked_and_each_claim_is_a_span_of_it(text: str, product: Product) -> None:
    told = listing_text(product, text)
    for claim in Examination(told, product).claims():
        field, begin = told.place(claim.start)
        assert begin <= claim.start < claim.end <= begin + len(dict(told.fields)[field])


@settings(deadline=None)
@given(st.decimals(8, 400, places=1), st.sampled_from(["lb", "pounds", "oz", "watts", "W", "liters", "L"]))
def test_a_figure_that_is_far_from_the_records_is_never_supported(value: object, unit: str) -> None:
    weighed = BLENDER.attributes["Item Weight"]
    assert weighed == "7.2 lb"
    found = [
        verdict for subject, _, verdict in unproved(BLENDER, f"It is {value} {unit} in use.") if subject == "number"
    ]
    # An ounce may be one of the weight, 7.2 lb, or one of the capacity, 1.5 L.
    near = {"oz": (115.2, 50.7), "watts": (900,), "W": (900,)}.get(unit, ())
    if all(abs(float(str(value)) - figure) > 0.03 * figure for figure in near):
        assert found == ["contradicted"]

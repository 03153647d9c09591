"""The requirements of each tier, and what is reported if they are not met."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_pipeline.generation.recipes import PRODUCT_TOKENS
from walmart_pipeline.stages.models.modelfile import Modelfile, emit, parse
from walmart_pipeline.stages.models.tiers import TIERS, Sizes, fitted


def test_the_published_thresholds_hold() -> None:
    assert [(tier.name, tier.min_examples, tier.min_quality) for tier in TIERS.values()] == [
        ("basic", 50, 70),
        ("advanced", 200, 80),
        ("expert", 500, 90),
    ]


@pytest.mark.parametrize("name", TIERS)
def test_parameters_have_the_types_that_ollama_wants_and_leave_room_for_examples(name: str) -> None:
    tier = TIERS[name]
    assert set(tier.parameters) == {"temperature", "top_p", "top_k", "repeat_penalty", "num_ctx", "num_predict"}
    assert parse(emit(Modelfile("a", dict(tier.parameters)))).parameters == tier.parameters
    assert tier.parameters["num_ctx"] - tier.parameters["num_predict"] - PRODUCT_TOKENS > tier.shots * 500


def test_context_and_answer_are_lowered_to_what_the_dataset_needs() -> None:
    own = TIERS["expert"].parameters
    set_to = fitted(own, 2000, Sizes(facts=600, listing=450))
    assert (set_to["num_predict"], set_to["num_ctx"]) == (768, 4096)
    assert {**set_to, "num_ctx": 0, "num_predict": 0} == {**own, "num_ctx": 0, "num_predict": 0}


def test_long_products_get_a_larger_context_and_none_gets_more_than_the_tiers() -> None:
    own = TIERS["basic"].parameters
    assert fitted(own, 2000, Sizes(facts=2500, listing=450))["num_ctx"] == 6144
    assert fitted(own, 2000, Sizes(facts=90_000, listing=90_000)) == own


@given(st.integers(0, 8000), st.integers(0, 4000), st.integers(0, 4000))
def test_whatever_fits_the_tier_fits_what_it_is_lowered_to(prompt: int, facts: int, listing: int) -> None:
    own = TIERS["expert"].parameters
    set_to = fitted(own, prompt, Sizes(facts, listing))
    needed = prompt + max(facts, PRODUCT_TOKENS) + set_to["num_predict"]
    assert set_to["num_ctx"] >= min(needed, own["num_ctx"])
    assert set_to["num_predict"] >= min(listing, own["num_predict"])

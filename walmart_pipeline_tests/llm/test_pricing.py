"""What tokens cost, before a run and after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from walmart_pipeline.llm import pricing, token_counts
from walmart_pipeline.llm.pricing import FREE, Price, PricesError, UnknownPriceError


def test_cached_tokens_are_priced_by_themselves() -> None:
    price = Price(input=2.0, cached_input=0.1, cache_write=2.5, output=10.0)
    million = 1_000_000
    assert price.cost(prompt_tokens=million, completion_tokens=0) == 2.0
    assert price.cost(prompt_tokens=million, completion_tokens=0, cached_tokens=million) == 0.1
    assert price.cost(prompt_tokens=million, completion_tokens=0, written_tokens=million) == 2.5
    assert price.cost(prompt_tokens=0, completion_tokens=million) == 10.0


def test_without_a_price_of_their_own_cached_tokens_cost_what_others_do() -> None:
    assert Price(input=2, output=0).cost(prompt_tokens=10, completion_tokens=0, cached_tokens=4) == 2e-05


def test_a_dated_snapshot_costs_what_its_model_costs() -> None:
    table = pricing.load()
    assert table.price("gpt-4o-mini-2024-07-18") == table.price("gpt-4o-mini")


@pytest.mark.parametrize("model", ["gpt-99", "ft:gpt-99:acme::1", "gpt-4o-mini-tts"])
def test_a_model_without_a_known_price_is_refused(model: str) -> None:
    with pytest.raises(UnknownPriceError, match=r"pricing\.yaml"):
        pricing.load().price(model)


@pytest.mark.parametrize(
    "model", ["ft:gpt-4.1-mini-2025-04-14:acme:walmart:C3rey7aw", "ft:gpt-4.1-mini:acme::C3rey7aw"]
)
def test_a_fine_tuned_model_has_the_price_of_its_kind_not_of_its_base(model: str) -> None:
    table = pricing.load()
    assert table.price(model) == table.price("ft:gpt-4.1-mini") != table.price("gpt-4.1-mini")


def test_training_has_a_price_of_its_own_or_is_refused(tmp_path: Path) -> None:
    assert pricing.load().training_price("gpt-4.1-mini-2025-04-14") == 5.0
    with pytest.raises(UnknownPriceError, match=r"one of gpt-4\.1, .*pricing\.yaml"):
        pricing.load().training_price("gpt-6-luna")
    own = tmp_path / "own.yaml"
    own.write_text("training:\n  house-model: 0\n")
    assert pricing.load(own).training_price("house-model") == 0
    assert pricing.load(own).training_price("gpt-4.1-mini") == 5.0


def test_a_batch_costs_half() -> None:
    table = pricing.load()
    used = {"prompt_tokens": 1000, "completion_tokens": 500, "cached_tokens": 100}
    assert table.price("gpt-4.1-mini", batch=True).cost(**used) == pytest.approx(
        table.price("gpt-4.1-mini").cost(**used) / 2
    )


def test_no_cached_token_costs_more_than_another() -> None:
    for model, price in pricing.load().models.items():
        assert price.cached_input is not None, model
        assert price.cached_input <= price.input < price.output, model


def test_a_file_of_ones_own_overrides_single_models(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("models:\n  gpt-4o: {input: 1, output: 2}\n  house-model: {input: 0, output: 0}\n")
    table = pricing.load(own)
    assert table.price("gpt-4o") == Price(input=1, output=2)
    assert table.price("house-model") == FREE
    assert table.price("gpt-4o-mini") == pricing.load().price("gpt-4o-mini")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("models:\n  gpt-4o: {input: -1, output: 2}", "models.gpt-4o.input"),
        ("models:\n  gpt-4o: {inputs: 1, output: 2}", "models.gpt-4o.inputs"),
        ("models: [gpt-4o]", "models"),
        ("- gpt-4o", "begin with"),
        ("models: {", "not YAML"),
    ],
)
def test_a_table_that_cannot_be_read_names_file_and_entry(tmp_path: Path, content: str, words: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(content)
    with pytest.raises(PricesError, match=r"own\.yaml") as raised:
        pricing.load(own)
    assert words in str(raised.value)


def test_a_table_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(PricesError, match="exists"):
        pricing.load(tmp_path / "absent.yaml")


def test_a_run_is_estimated_before_it_is_made() -> None:
    estimate = pricing.estimate(
        Price(input=1, output=10), calls=1000, prompt_characters=4_000_000, completion_tokens_a_call=300
    )
    assert (estimate.calls, estimate.prompt_tokens, estimate.completion_tokens) == (1000, 1_000_000, 300_000)
    assert estimate.cost_usd == pytest.approx(1 + 3)


def test_a_token_is_four_characters_and_none_is_left_over() -> None:
    assert [token_counts.estimate(characters) for characters in (0, 1, 4, 5)] == [0, 1, 1, 2]

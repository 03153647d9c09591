"""Versions of our own models: their numbers, the one champion, and the way back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from walmart_pipeline.cli import app
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.generation import listing_requests
from walmart_pipeline.generation.recipes import Recipe, Turns
from walmart_pipeline.judge import profiles
from walmart_pipeline.registry import model_versions
from walmart_pipeline.registry.model_versions import ModelVersion, RegistryError
from walmart_pipeline_tests.judge.examples import KETTLE

RECIPE = Recipe(
    provider="ollama",
    base_model="llama3.1:8b",
    base_digest="aaa",
    model="llama3.1:8b",
    system="You write listings.",
    examples=[Turns(user="{}", assistant="{}")],
    parameters={"temperature": 0.3},
)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as database:
        yield database


def add(db: Database, recipe: Recipe = RECIPE, *, tier: str = "basic", dataset: str = "v1") -> ModelVersion:
    return model_versions.add(db, tier, recipe, dataset_version=dataset, prompt_version="1", policy="walmart-2025@0")


def changed(**fields: object) -> Recipe:
    return RECIPE.model_copy(update=fields)


def test_a_tiers_first_version_is_1_0_0(db: Database) -> None:
    assert add(db).name == "walmart-gpt-basic:1.0.0"
    assert add(db, tier="expert").name == "walmart-gpt-expert:1.0.0"


@pytest.mark.parametrize(
    ("recipe", "dataset", "name"),
    [
        (changed(parameters={"temperature": 0.5}), "v1", "walmart-gpt-basic:1.0.1"),
        (changed(examples=[]), "v1", "walmart-gpt-basic:1.1.0"),
        (changed(system="You write other listings."), "v1", "walmart-gpt-basic:1.1.0"),
        (RECIPE, "v2", "walmart-gpt-basic:1.1.0"),
        (changed(base_model="qwen3:8b"), "v1", "walmart-gpt-basic:2.0.0"),
        (changed(base_digest="bbb"), "v1", "walmart-gpt-basic:2.0.0"),
        (changed(provider="embedded"), "v1", "walmart-gpt-basic:2.0.0"),
    ],
)
def test_what_changed_says_which_part_of_the_version_moves(
    db: Database, recipe: Recipe, dataset: str, name: str
) -> None:
    add(db)
    assert add(db, recipe, dataset=dataset).name == name


def test_the_same_recipe_is_the_version_that_it_already_is(db: Database) -> None:
    """A retraining that is repeated after a crash must not fill the registry with twins."""
    first = add(db)
    assert add(db) == first
    assert len(model_versions.versions(db)) == 1


def test_going_back_to_an_earlier_base_model_goes_on_in_its_major_version(db: Database) -> None:
    add(db)
    add(db, changed(base_model="qwen3:8b"))
    assert add(db, changed(parameters={"temperature": 0.9})).name == "walmart-gpt-basic:1.0.1"


def test_an_ollama_version_is_asked_for_by_its_own_name(db: Database) -> None:
    version = add(db)
    assert version.recipe.model == version.name
    assert version.recipe.is_built
    assert model_versions.get(db, "walmart-gpt-basic") == version
    assert model_versions.get(db, "walmart-gpt-basic:latest") == version


def test_a_recipe_of_the_embedded_model_is_carried_by_each_request(db: Database) -> None:
    version = add(db, changed(provider="embedded", base_model="SmolLM2", model="SmolLM2"))
    assert version.recipe.model == "SmolLM2"
    assert not version.recipe.is_built


def test_there_is_one_champion_a_provider_and_the_one_before_it_is_retired(db: Database) -> None:
    one, two = add(db), add(db, changed(parameters={}))
    embedded = add(db, changed(provider="embedded"))
    for version in (one, embedded, two):
        model_versions.promote(db, version.name, decided_by="evaluation", reason="better")
    assert model_versions.champion(db, "ollama") == model_versions.get(db, two.name)
    assert model_versions.champion(db, "embedded") == model_versions.get(db, embedded.name)
    assert model_versions.get(db, one.name).status == "retired"


def test_each_rollback_undoes_one_promotion_more(db: Database) -> None:
    names = [add(db, changed(parameters={"top_k": number})).name for number in (1, 2, 3)]
    for name in (*names[:2], names[0], names[2]):
        model_versions.promote(db, name, decided_by="evaluation", reason="better")
    seen = []
    while model_versions.champion(db, "ollama"):
        _, present = model_versions.rollback(db, "ollama", decided_by="a person", reason="complaints")
        seen.append(present.name if present else None)
    assert seen == [names[0], names[1], names[0], None]
    with pytest.raises(RegistryError, match="no champion"):
        model_versions.rollback(db, "ollama", decided_by="a person", reason="again")


def test_a_promotion_after_a_rollback_begins_from_there(db: Database) -> None:
    one, two, three = (add(db, changed(parameters={"top_k": number})).name for number in (1, 2, 3))
    model_versions.promote(db, one, decided_by="evaluation", reason="better")
    model_versions.promote(db, two, decided_by="evaluation", reason="better")
    model_versions.rollback(db, "ollama", decided_by="a person", reason="complaints")
    model_versions.promote(db, three, decided_by="evaluation", reason="better")
    _, present = model_versions.rollback(db, "ollama", decided_by="a person", reason="complaints")
    assert present is not None
    assert present.name == one


def test_a_name_that_is_not_there_is_told_with_those_that_are(db: Database) -> None:
    add(db)
    with pytest.raises(
        RegistryError, match=r"no version walmart-gpt-basic:9\.9\.9; there are walmart-gpt-basic:1\.0\.0"
    ):
        model_versions.get(db, "walmart-gpt-basic:9.9.9")


def test_the_champion_is_never_retired_without_a_successor(db: Database) -> None:
    name = add(db).name
    model_versions.promote(db, name, decided_by="evaluation", reason="better")
    with pytest.raises(RegistryError, match="roll back"):
        model_versions.retire(db, name, reason="worse")


def _messages(*, is_built: bool) -> list[tuple[str, str]]:
    prompt = listing_requests.ListingPrompt(
        provider="ollama",
        model="m",
        digest=None,
        system="The task.",
        schema=listing_requests.listing_schema(profiles.load("walmart-2025").limits),
        examples=(Turns(user="in", assistant="out"),),
        is_built=is_built,
    )
    return [(message.role, message.content) for message in listing_requests.first(prompt, KETTLE, 0).messages]


def test_few_shot_examples_stand_between_the_task_and_the_product() -> None:
    sent = _messages(is_built=False)
    assert sent[:3] == [("system", "The task."), ("user", "in"), ("assistant", "out")]
    assert [role for role, _ in sent] == ["system", "user", "assistant", "user"]


def test_a_built_model_gets_the_product_alone() -> None:
    """A system message of ours would replace the one that it was built with."""
    assert [role for role, _ in _messages(is_built=True)] == ["user"]


def test_the_command_line_lists_versions_promotes_and_rolls_back(tmp_path: Path) -> None:
    """Rollback is what somebody types at night: from `list` to the way back, with nothing but names."""
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as db:
        for top_k in (1, 2):
            add(
                db,
                changed(provider="embedded", base_model="SmolLM2-135M", base_digest=None, parameters={"top_k": top_k}),
            )
    run = partial(CliRunner().invoke, app)
    home = ["--home", str(tmp_path)]
    one, two = "walmart-gpt-basic:1.0.0", "walmart-gpt-basic:1.0.1"
    assert run(["models", "promote", one, "--force", *home]).exit_code == 0
    assert run(["models", "promote", two, "--force", "--reason", "better prose", *home]).exit_code == 0
    listed = {row["name"]: row for row in json.loads(run(["models", "list", "--json", *home]).stdout)}
    assert listed[two]["status"] == "champion"
    assert listed[two]["note"] == "better prose"
    assert json.loads(run(["models", "compare", one, two, "--json", *home]).stdout)["differs"]["top_k"] == ["1", "2"]
    assert run(["models", "rollback", "--provider", "embedded", *home]).exit_code == 0
    assert json.loads(run(["models", "show", one, "--json", *home]).stdout)["status"] == "champion"
    unknown = run(["models", "promote", "walmart-gpt-basic:7.0.0", *home])
    assert unknown.exit_code == 1
    assert one in unknown.stderr


def test_a_version_whose_server_is_silent_is_not_promoted_unless_forced(tmp_path: Path) -> None:
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as db:
        name = add(db).name
    environment = {"OLLAMA_BASE_URL": "http://127.0.0.1:9"}
    arguments = ["models", "promote", name, "--home", str(tmp_path)]
    refused = CliRunner().invoke(app, arguments, env=environment)
    assert refused.exit_code == 1
    assert "127.0.0.1:9" in refused.stderr
    assert CliRunner().invoke(app, [*arguments, "--force"], env=environment).exit_code == 0

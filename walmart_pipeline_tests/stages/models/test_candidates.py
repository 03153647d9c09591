"""Candidates of a dataset, and their models at Ollama: as their Modelfiles say, whatever went wrong before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm.clients.ollama_models import OllamaRegistry
from walmart_pipeline.registry import model_versions
from walmart_pipeline.stages.models import candidates, registration
from walmart_pipeline.stages.models.assets import candidates as asset
from walmart_pipeline.stages.models.modelfile import parse
from walmart_pipeline_tests.judge.examples import KETTLE
from walmart_pipeline_tests.llm.fake_ollama import REPEATS, FakeOllama, Model, fake_ollama
from walmart_pipeline_tests.stages.models.examples import example
from walmart_pipeline_tests.stages.warehouse_lock import is_free

BASE = "writer:latest"
ASKED_FOR = "writer"
NAME = "walmart-gpt-basic:1.0.0"
LATEST = "walmart-gpt-basic:latest"
JUDGE = Judge(profiles.load("walmart-2025"))
ANSWER = Listing(
    title="Steel Kettle, 1.7 L", key_features=["Holds 1.7 L"], description="Boils water.", seo_keywords=["kettle"]
).model_dump_json()


class Home:
    """A home whose dataset is enough for the basic tier, and an Ollama."""

    def __init__(self, folder: Path, server: FakeOllama) -> None:
        self.server = server
        self.settings = self.configured(folder)
        self.warehouse = FileWarehouse(self.settings.warehouse)
        self.fill(50)

    def configured(self, folder: Path, **more: Any) -> Settings:
        given = {"workspace": folder, "provider": "ollama", "base_url": self.server.url, "model": ASKED_FOR, **more}
        return Settings(_env_file=None, **given)

    def fill(self, examples: int, version: str = "1") -> None:
        made = [example(f"Kettle {n}", category=f"Kitchen > c{n % 5}", quality=75) for n in range(examples)]
        with self.warehouse.writing() as db:
            db.replace("catalog.products", [KETTLE.model_dump()])
            db.replace("training.split", [{"product_id": KETTLE.product_id, "family": "k", "split": "validation"}])
            db.replace(
                "training.dataset",
                [
                    {
                        "version": version,
                        "product_id": f"p{n}",
                        "split": "train",
                        "category": each.input.category,
                        "quality_score": each.metadata.quality_score,
                        "example": each.model_dump_json(),
                    }
                    for n, each in enumerate(made)
                ],
            )

    def retrain(self, **config: Any) -> dict[str, Any]:
        """The asset, in a process of its own as far as the warehouse goes; returns its metadata."""
        done = dg.materialize(
            [asset],
            resources={
                "settings": self.settings,
                "warehouse": self.warehouse,
                "judge": JUDGE,
                "progress": LogProgress(lambda line: None),
            },
            run_config={"ops": {"models__candidates": {"config": {"enabled": True, **config}}}},
        )
        skipped = [event.asset_observation_data.asset_observation for event in done.get_asset_observation_events()]
        (made,) = [*skipped, *done.asset_materializations_for_node("models__candidates")]
        return {name: entry.value for name, entry in made.metadata.items()}

    def rows(self) -> list[Row]:
        with self.warehouse.reading() as db:
            return db.query("select * from models.registrations order by name, endpoint")

    def row(self) -> Row:
        (row,) = self.rows()
        return row

    def versions(self) -> list[model_versions.ModelVersion]:
        with self.warehouse.reading() as db:
            return model_versions.versions(db)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with fake_ollama(lambda messages: ANSWER) as server:
        yield Home(tmp_path, server)


def test_a_candidate_is_registered_as_its_modelfile_says_and_is_the_latest(home: Home) -> None:
    metadata = home.retrain()
    (version,) = home.versions()
    assert (version.name, version.status, version.recipe.base_digest) == (NAME, "candidate", "a" * 64)
    assert version.modelfile is not None
    path = Path(version.modelfile)
    assert path == home.settings.modelfiles / "walmart-gpt-basic-1.0.0.Modelfile"
    says, made = parse(path.read_bytes()), home.server.made[NAME]
    assert says.from_ == ASKED_FOR
    assert (made.parent, made.system, made.parameters) == (BASE, says.system, says.parameters)
    assert [(turn["role"], turn["content"]) for turn in made.messages] == says.messages
    assert len(says.messages) == 2 * 3
    row = home.row()
    assert (row["state"], row["problem"], row["digest"]) == ("registered", None, made.digest)
    assert row["endpoint"] == home.server.url
    assert 0 < row["smoke_score"] <= 100
    assert home.server.made[LATEST] == made
    assert metadata["made"] == 1
    assert "registered" in str(metadata["registrations"].records)


def test_the_first_listing_is_about_a_product_that_nothing_was_learned_from_and_brings_no_system_text(
    home: Home,
) -> None:
    home.retrain()
    (asked,) = home.server.asked
    assert [message["role"] for message in asked] == ["user"]
    assert KETTLE.product_name in asked[0]["content"]


@pytest.mark.shares_warehouse
def test_the_warehouse_is_free_while_a_model_is_made_and_writes_its_first_listing(home: Home) -> None:
    free: list[bool] = []

    def says(_: list[dict[str, str]]) -> str:
        free.append(is_free(home.warehouse))
        return ANSWER

    home.server.says = says
    home.server.tamper = lambda _: free.append(is_free(home.warehouse))
    home.retrain()
    assert home.row()["state"] == "registered"
    assert free == [True, True]


def test_a_second_run_makes_nothing_and_asks_nothing(home: Home) -> None:
    home.retrain()
    home.retrain()
    assert len(home.versions()) == len(home.server.creates) == len(home.server.asked) == 1
    assert home.row()["state"] == "registered"


def test_a_new_dataset_is_a_new_version_and_the_latest_moves_to_it(home: Home) -> None:
    home.retrain()
    home.fill(60, version="2")
    home.retrain()
    assert [version.name for version in home.versions()] == ["walmart-gpt-basic:1.1.0", NAME]
    assert home.server.made[LATEST] == home.server.made["walmart-gpt-basic:1.1.0"]


def test_parameters_that_a_study_chose_for_the_same_base_and_dataset_are_taken(home: Home) -> None:
    tuned: Row = {"tier": "basic", "provider": "ollama", "base_model": ASKED_FOR, "base_digest": "a" * 64}
    tuned |= {"parameters": json.dumps({"temperature": 0.7}), "shots": 1}
    with home.warehouse.writing() as db:
        other = {"dataset_version": "0", "parameters": json.dumps({"temperature": 0.1})}
        db.append("models.tuned", [tuned | {"dataset_version": "1"}, tuned | other])
    home.retrain()
    (version,) = home.versions()
    assert (version.recipe.parameters["temperature"], len(version.recipe.examples)) == (0.7, 1)
    assert home.server.made[NAME].parameters["temperature"] == 0.7


def test_context_and_answer_fit_the_dataset(home: Home) -> None:
    """Short listings: an answer of 256 tokens, a product of 1,024 and 1,200 of rules and examples share 3,072."""
    home.retrain()
    parameters = home.server.made[NAME].parameters
    assert (parameters["num_ctx"], parameters["num_predict"]) == (3072, 256)


def test_a_provider_that_takes_all_with_each_request_has_versions_and_no_models(home: Home) -> None:
    home.settings = home.configured(
        home.settings.workspace, provider="openai", base_url=f"{home.server.url}/v1", openai_api_key="sk-test"
    )
    metadata = home.retrain()
    (version,) = home.versions()
    assert (version.recipe.provider, version.recipe.model, version.modelfile) == ("openai", ASKED_FOR, None)
    assert metadata["registrations"] == "none"
    assert home.rows() == home.server.creates == []


def test_off_by_default_and_a_tier_without_enough_examples_is_not_made(home: Home) -> None:
    assert "no candidates" in home.retrain(enabled=False)["skipped"]
    assert home.retrain(tiers=["expert"])["made"] == 0
    assert home.versions() == []


def test_an_unknown_tier_is_refused_with_those_that_there_are(home: Home) -> None:
    with pytest.raises(candidates.CandidatesError, match="no tier gold: use basic, advanced, expert"):
        home.retrain(tiers=["gold"])


def test_the_template_writer_has_nothing_to_retrain(home: Home) -> None:
    home.settings = home.configured(home.settings.workspace, provider="template", model=None)
    assert home.retrain()["skipped"] == "nothing to retrain: the template writer has nothing to retrain"


# ---- obstacles ----


def test_without_an_ollama_the_modelfile_is_there_and_the_version_waits_for_it(tmp_path: Path) -> None:
    with fake_ollama(lambda messages: ANSWER) as server:
        home = Home(tmp_path, server)
    metadata = home.retrain()
    row = home.row()
    assert row["state"] == "waiting"
    assert "does not answer" in row["problem"]
    assert "does not answer" in metadata["obstacle"]
    assert (home.settings.modelfiles / "walmart-gpt-basic-1.0.0.Modelfile").is_file()


def test_once_the_ollama_is_there_a_version_for_its_weights_takes_the_place_of_the_one_that_waits(home: Home) -> None:
    there = home.settings
    with fake_ollama(lambda messages: ANSWER) as gone:
        pass
    home.settings = there.model_copy(update={"base_url": gone.url})
    home.retrain()
    home.settings = there
    home.retrain()
    assert {version.name: version.status for version in home.versions()} == {
        NAME: "retired",
        "walmart-gpt-basic:2.0.0": "candidate",
    }
    assert home.server.made[LATEST] == home.server.made["walmart-gpt-basic:2.0.0"]


def test_a_missing_base_model_is_named_and_never_downloaded(home: Home) -> None:
    home.retrain()
    home.server.models.clear()
    home.server.made.clear()
    home.retrain()
    row = home.row()
    assert row["state"] == "waiting"
    assert f"run `ollama pull {ASKED_FOR}`" in row["problem"]
    assert len(home.server.creates) == 1
    home.server.models.add(BASE)
    home.retrain()
    assert home.row()["state"] == "registered"
    assert [version.name for version in home.versions()] == [NAME]


def test_each_of_several_servers_gets_the_model_and_one_that_is_gone_holds_up_none(home: Home) -> None:
    with fake_ollama(lambda messages: ANSWER) as third:
        pass
    with fake_ollama(lambda messages: ANSWER) as second:
        home.settings = home.settings.model_copy(update={"base_url": f"{home.server.url},{second.url},{third.url}"})
        home.retrain()
        states = {row["endpoint"]: row["state"] for row in home.rows()}
        assert states == {home.server.url: "registered", second.url: "registered", third.url: "waiting"}
        assert NAME in second.made
        assert LATEST in second.made


def test_other_weights_under_the_same_name_are_not_built_on(home: Home) -> None:
    with fake_ollama(lambda messages: ANSWER) as second:
        second.digest = "b" * 64
        home.settings = home.settings.model_copy(update={"base_url": f"{home.server.url},{second.url}"})
        home.retrain()
        row = next(row for row in home.rows() if row["endpoint"] == second.url)
    assert row["state"] == "refused"
    assert "other weights" in row["problem"]
    assert second.creates == []


@pytest.mark.parametrize(
    ("ends", "state", "says"),
    [("error", "waiting", "no space left on device"), ("silence", "waiting", "stopped making")],
)
def test_a_create_that_fails_is_reported_and_repeated_by_the_next_run(
    home: Home, ends: str, state: str, says: str
) -> None:
    home.server.create_ends = ends
    home.retrain()
    row = home.row()
    assert row["state"] == state
    assert says in row["problem"]
    home.server.create_ends = "success"
    home.retrain()
    row = home.row()
    assert (row["state"], row["problem"]) == ("registered", None)


def untyped(model: Model) -> None:
    model.parameters["temperature"] = "0.4"


def stopped(model: Model) -> None:
    model.parameters["stop"] = ["x"]


def forgetful(model: Model) -> None:
    model.messages.pop()


def disobedient(model: Model) -> None:
    model.system = "Write what you like."


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (untyped, "temperature is '0.4', not 0.4"),
        (stopped, "stop is ['x'], not None"),
        (forgetful, "its 5 messages are not the 6 of its Modelfile"),
        (disobedient, "its system text differs"),
    ],
)
def test_a_model_that_reads_back_differently_is_refused_and_created_again_by_the_next_run(
    home: Home, tamper: Any, says: str
) -> None:
    home.server.tamper = tamper
    home.retrain()
    row = home.row()
    assert row["state"] == "refused"
    assert says in row["problem"]
    assert LATEST not in home.server.made
    assert home.server.asked == []
    home.server.tamper = lambda model: None
    home.retrain()
    assert home.row()["state"] == "registered"


def test_a_base_with_parameters_and_messages_of_its_own_hands_them_on_as_ollama_does(home: Home) -> None:
    home.server.made[BASE] = Model(
        parent="",
        parameters={"stop": ["</s>", 'a "b"'], "temperature": 0.9, "seed": 7},
        system="Be kind.",
        messages=[{"role": "user", "content": "x"}],
    )
    home.retrain()
    assert home.row()["state"] == "registered"
    parameters = home.server.made[NAME].parameters
    assert (parameters["stop"], parameters["seed"], parameters["temperature"]) == (["</s>", 'a "b"'], 7, 0.4)


@pytest.mark.parametrize("said", ["no JSON", REPEATS])
def test_a_model_that_writes_no_listing_is_refused(tmp_path: Path, said: str) -> None:
    with fake_ollama(lambda messages: said) as server:
        home = Home(tmp_path, server)
        home.retrain()
        row = home.row()
    assert row["state"] == "refused"
    assert "the first listing of walmart-gpt-basic:1.0.0" in row["problem"]
    assert LATEST not in server.made


# ---- adapters ----


def adapted(home: Home) -> Path:
    """A version with an adapter, as fine-tuning adds it."""
    home.retrain()
    lora = home.settings.workspace / "lora.gguf"
    lora.write_bytes(b"weights" * 1000)
    (version,) = home.versions()
    with home.warehouse.writing() as db:
        recipe = version.recipe.model_copy(update={"adapter": str(lora), "model": ASKED_FOR})
        model_versions.add(db, "basic", recipe, dataset_version="1", prompt_version="1", policy=version.policy)
    return lora


def test_an_adapter_is_sent_once_and_is_part_of_the_model(home: Home) -> None:
    adapted(home)
    home.retrain()
    (digest,) = home.server.blobs
    assert home.server.made["walmart-gpt-basic:1.1.0"].adapters == [digest]
    assert [row["state"] for row in home.rows()] == ["registered", "registered"]
    home.retrain()
    assert len(home.server.creates) == 2


def test_a_lost_adapter_is_named(home: Home) -> None:
    adapted(home).unlink()
    home.retrain()
    row = home.rows()[-1]
    assert row["state"] == "refused"
    assert "lora.gguf" in row["problem"]


# ---- interruptions ----


class Killed(BaseException):
    """The process is gone: nobody handles it."""


@pytest.mark.parametrize(
    ("step", "state"), [("upload", None), ("create", "uploaded"), ("show", "created"), ("manifest", "compared")]
)
@pytest.mark.drill
def test_a_run_that_is_killed_after_any_step_is_continued_by_the_next(
    home: Home, monkeypatch: pytest.MonkeyPatch, step: str, state: str | None
) -> None:
    adapted(home)
    version = "walmart-gpt-basic:1.1.0"
    done = getattr(OllamaRegistry, step)

    async def dies(self: OllamaRegistry, name: Any, *more: Any) -> Any:
        found = await done(self, name, *more)
        # A look at what is there comes before something is made as well: it dies at the one that comes after.
        if step in ("upload", "create") or (name == version and version in home.server.made):
            raise Killed
        return found

    with monkeypatch.context() as patched:
        patched.setattr(OllamaRegistry, step, dies)
        with pytest.raises(Killed):
            home.retrain()
    assert {row["name"]: row["state"] for row in home.rows()}.get(version) == state
    home.retrain()
    assert {row["name"]: row["state"] for row in home.rows()} == {NAME: "registered", version: "registered"}
    assert len(home.server.creates) == len(home.server.made) - 1 == 2
    assert len(home.server.blobs) == 1
    assert home.server.made[LATEST] == home.server.made[version]


def test_the_parameters_of_the_wire_are_those_of_the_modelfile() -> None:
    says = parse('FROM a\nPARAMETER num_ctx 4096\nPARAMETER temperature 0.4\nPARAMETER stop "</s>"\nSYSTEM hi\n')
    assert registration.create_payload(says, None) == {
        "from": "a",
        "parameters": {"num_ctx": 4096, "temperature": 0.4, "stop": ["</s>"]},
        "system": "hi",
    }

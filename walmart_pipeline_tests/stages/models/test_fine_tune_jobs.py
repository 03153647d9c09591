"""Fine-tuning at OpenAI over several runs: jobs, their costs, and what a killed run leaves behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from aiohttp import web

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.generation import provider_factory
from walmart_pipeline.generation.provider import ProviderError
from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.registry import model_versions
from walmart_pipeline.stages.models import assets as models
from walmart_pipeline.stages.models import fine_tune_jobs, fine_tuning
from walmart_pipeline.stages.models.fine_tune_jobs import FineTuneJob
from walmart_pipeline.stages.training import example_files
from walmart_pipeline_tests.generation.test_model_provider import JUDGE
from walmart_pipeline_tests.llm.fake_openai import in_a_thread
from walmart_pipeline_tests.llm.killed_run import run_and_be_killed
from walmart_pipeline_tests.llm.model_server import hangs_up, says
from walmart_pipeline_tests.stages.models.examples import example
from walmart_pipeline_tests.stages.models.fake_fine_tuning import FakeFineTuning

KEY = "sk-planted-1234567890"
MODEL = "gpt-4.1-mini-2025-04-14"
SYSTEM = "You write product listings."
JOBS = "POST /v1/fine_tuning/jobs"


def publish(warehouse: Warehouse, folder: Path, number: int = 1, *, examples: int = 60, quality: float = 85) -> None:
    """A version of the dataset as training publishes it: its rows, its chat files and its figures."""
    sizes = {"train": examples, "validation": 3}
    made = {
        split: [example(f"{split} kettle {number}-{n}", quality=quality) for n in range(count)]
        for split, count in sizes.items()
    }
    target = folder / f"v{number}"
    figures = {
        split: example_files.write_chat(target / f"chat_{split}.jsonl", rows, system_prompt=SYSTEM).model_dump()
        for split, rows in made.items()
    }
    (target / "version.json").write_text(json.dumps({"fine_tuning": figures}))
    with warehouse.writing() as db:
        db.replace(
            "training.dataset",
            [
                {"version": f"v{number}", "split": split, "quality_score": quality, "product_id": f"{split}{n}"}
                for split, rows in made.items()
                for n in range(len(rows))
            ],
        )
        db.execute("update training.dataset_versions set in_force = false")
        row = {"number": number, "policy": "walmart-2025@1", "folder": str(target), "created_at": datetime.now(UTC)}
        db.append("training.dataset_versions", [row | {"in_force": True}])


class Home:
    """A home with a dataset, and an OpenAI that it may use."""

    def __init__(self, folder: Path, url: str) -> None:
        self.settings = Settings.model_validate(
            {
                "workspace": folder,
                "base_url": url,
                "openai_api_key": KEY,
                "finetune": True,
                "finetune_budget_usd": 10.0,
            }
        )
        self.warehouse = FileWarehouse(self.settings.warehouse)

    def run(self, *, again: bool = False, **changed: Any) -> str:
        settings = self.settings.model_copy(update=changed)
        return "; ".join(fine_tuning.advance(settings, self.warehouse, again=again))

    @property
    def tunes(self) -> list[FineTuneJob]:
        with self.warehouse.reading() as db:
            return fine_tune_jobs.known(db)

    @property
    def versions(self) -> list[model_versions.ModelVersion]:
        with self.warehouse.reading() as db:
            return model_versions.versions(db)


@pytest.fixture
def server() -> Iterator[FakeFineTuning]:
    with in_a_thread(FakeFineTuning()) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, server: FakeFineTuning) -> Home:
    made = Home(tmp_path / "home", server.url)
    publish(made.warehouse, made.settings.datasets)
    return made


def test_nothing_is_started_or_uploaded_unless_it_is_switched_on(home: Home, server: FakeFineTuning) -> None:
    assert "WALMART_FINETUNE=true" in home.run(finetune=False, openai_api_key=None)
    assert (server.uploads, server.jobs) == ([], [])


@pytest.mark.parametrize("budget", [0.0, 0.01])
def test_above_its_budget_it_is_refused_with_the_figures(home: Home, server: FakeFineTuning, budget: float) -> None:
    said = home.run(finetune_budget_usd=budget)
    assert "60 examples of v1 in 3 epochs" in said
    assert f"of the budget of ${budget:.2f} for all fine-tuning ${budget:.2f} is left" in said
    assert "($5 a million)" in said
    assert (server.uploads, server.jobs) == ([], [])


def test_a_job_learns_the_dataset_and_a_later_run_makes_the_model_a_candidate(
    home: Home, server: FakeFineTuning
) -> None:
    assert "validating files" in home.run()
    [job] = server.jobs
    [(training, learned), (_, validated)] = server.uploads
    folder = home.settings.datasets / "v1"
    assert learned == (folder / "chat_train.jsonl").read_bytes()
    assert validated == (folder / "chat_validation.jsonl").read_bytes()
    assert (job["model"], job["training_file"], job["validation_file"]) == (MODEL, "file-0", "file-1")
    assert job["suffix"] == "walmart-gpt-basic-v1"
    # The epochs of the estimate.
    assert job["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}}
    job["status"] = "running"
    assert "is running" in home.run()
    assert home.versions == []
    server.finish()
    assert "walmart-gpt-basic:1.0.0 is a candidate" in home.run()
    [tune], [version] = home.tunes, home.versions
    assert (tune.state, tune.trained_tokens, tune.cost_usd) == ("succeeded", 50_000, pytest.approx(0.25))
    assert (version.status, version.tier, version.dataset_version) == ("candidate", "basic", "v1")
    recipe = version.recipe
    assert (recipe.provider, recipe.base_model, recipe.base_digest) == ("openai", MODEL, None)
    assert recipe.model == recipe.learned == f"ft:{MODEL}:acme:walmart-gpt-basic-v1:ftjob-0"
    assert (recipe.system, recipe.examples) == (SYSTEM, [])
    assert training.startswith("walmart-")


def test_what_was_learned_is_not_paid_for_again(home: Home, server: FakeFineTuning) -> None:
    home.run()
    assert "ftjob-0" in home.run()
    server.finish()
    home.run()
    assert "v1 is already used" in home.run()
    assert "v1 is already used" in home.run(again=True)
    assert (len(server.jobs), len(server.uploads), len(home.versions)) == (1, 2, 1)


def test_two_runs_at_once_start_one_job(home: Home, server: FakeFineTuning) -> None:
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: home.run(), range(2)))
    assert all("ftjob-0" in outcome for outcome in outcomes)
    assert (len(server.jobs), len(server.uploads)) == (1, 2)


def test_a_job_that_is_active_is_followed_after_it_was_switched_off(home: Home, server: FakeFineTuning) -> None:
    home.run()
    server.finish()
    assert "is a candidate" in home.run(finetune=False)
    assert len(home.versions) == 1


def test_the_budget_holds_for_all_jobs_together(home: Home, server: FakeFineTuning) -> None:
    home.run()
    server.finish(trained_tokens=1_990_000)
    publish(home.warehouse, home.settings.datasets, 2)
    assert "of the budget of $10.00 for all fine-tuning $0.05 is left" in home.run()
    assert len(server.jobs) == 1
    home.run(finetune_budget_usd=20.0)
    assert len(server.jobs) == 2


def test_a_new_dataset_waits_until_the_job_before_has_ended(home: Home, server: FakeFineTuning) -> None:
    home.run()
    publish(home.warehouse, home.settings.datasets, 2)
    home.run()
    assert len(server.jobs) == 1
    server.finish()
    said = home.run()
    assert "v1 has become" in said
    assert "v2 (ftjob-1) is validating files" in said
    server.finish()
    home.run()
    assert [version.name for version in home.versions] == ["walmart-gpt-basic:1.1.0", "walmart-gpt-basic:1.0.0"]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_job_that_failed_gives_the_reason_and_is_restarted_only_on_request(
    home: Home, server: FakeFineTuning, status: str
) -> None:
    home.run()
    error = {"code": "invalid_training_file", "message": "Line 3 is unsafe.", "param": "training_file"}
    server.finish(status=status, error=error)
    said = home.run()
    assert f"is {status}: Line 3 is unsafe." in said
    assert "again: true" in said
    assert (home.tunes[0].cost_usd, home.versions, len(server.jobs)) == (0.0, [], 1)
    home.run(again=True)
    assert len(server.jobs) == 2
    server.finish()
    assert "is a candidate" in home.run()


def test_a_job_that_openai_forgot_ends_and_its_price_stays_reserved(home: Home, server: FakeFineTuning) -> None:
    home.run()
    del server.handlers["GET /v1/fine_tuning/jobs/ftjob-0"]
    assert "knows no fine-tuning job ftjob-0" in home.run()
    [tune] = home.tunes
    assert (tune.state, tune.committed_usd) == ("forgotten", tune.estimated_usd)
    assert len(server.jobs) == 1


def test_too_few_examples_are_reported_before_anything_is_sent(home: Home, server: FakeFineTuning) -> None:
    publish(home.warehouse, home.settings.datasets, 2, examples=49)
    assert "v2 has 49 examples to train on: 50" in home.run()
    assert server.uploads == []


def test_a_model_without_a_price_for_training_is_refused(home: Home, server: FakeFineTuning) -> None:
    assert "no price is known for training `gpt-6-luna`" in home.run(finetune_model="gpt-6-luna")
    assert server.uploads == []


@pytest.mark.parametrize(
    ("count", "weakest", "tier"),
    [(49, 95, None), (50, 70, "basic"), (600, 79, "basic"), (200, 80, "advanced"), (500, 90, "expert")],
)
def test_the_tier_is_the_highest_that_the_weakest_example_is_good_enough_for(
    count: int, weakest: float, tier: str | None
) -> None:
    assert fine_tune_jobs.highest_tier(count, weakest) == tier


def test_a_refusal_says_what_openai_ends_keeps_the_key_to_itself_and_is_tried_again(
    home: Home, server: FakeFineTuning
) -> None:
    create = server.handlers[JOBS]
    server.handlers[JOBS] = says({"error": {"message": f"{KEY} may not fine-tune"}}, status=403)
    with pytest.raises(CallError, match="2027-01-06") as refused:
        home.run()
    [tune] = home.tunes
    assert (tune.state, tune.committed_usd) == ("refused", 0.0)
    assert KEY not in str(refused.value) + str(tune)
    server.handlers[JOBS] = create
    home.run()
    assert (len(server.jobs), len(server.uploads), len(home.tunes)) == (1, 2, 1)


def test_a_missing_key_is_reported_and_nothing_is_stored(home: Home) -> None:
    with pytest.raises(ProviderError, match="OPENAI_API_KEY"):
        home.run(openai_api_key=None, base_url=None)
    assert home.tunes == []


def code_of_run(home: Home, server: FakeFineTuning) -> str:
    """A run for another process."""
    return (
        "from pathlib import Path\n"
        "from walmart_pipeline_tests.stages.models.test_fine_tune_jobs import Home\n"
        f"Home(Path({str(home.settings.workspace)!r}), {server.url!r}).run()"
    )


@pytest.mark.parametrize(
    ("path", "first", "uploads", "jobs"),
    [
        ("POST /v1/files", True, 0, 0),  # announced, nothing uploaded
        ("POST /v1/files", False, 1, 0),  # uploaded, and the file's id is unknown
        (JOBS, True, 2, 0),  # both files uploaded, no job
        (JOBS, False, 2, 1),  # the job is started, and its id is unknown
    ],
)
@pytest.mark.drill
@pytest.mark.shares_warehouse
def test_a_run_that_is_killed_loses_nothing_and_pays_for_nothing_twice(
    home: Home, server: FakeFineTuning, path: str, first: bool, uploads: int, jobs: int
) -> None:
    run_and_be_killed(code_of_run(home, server), server.handlers, path, first=first)
    assert (len(server.uploads), len(server.jobs)) == (uploads, jobs)
    home.run()
    assert (len(server.uploads), len(server.jobs)) == (2, 1)
    server.finish()
    home.run()
    assert (len(home.tunes), len(home.versions), len(server.jobs)) == (1, 1, 1)


@pytest.mark.shares_warehouse
def test_a_job_of_a_killed_run_is_found_also_after_it_was_switched_off(home: Home, server: FakeFineTuning) -> None:
    run_and_be_killed(code_of_run(home, server), server.handlers, JOBS, first=False)
    server.finish()
    assert "is a candidate" in home.run(finetune=False)


def test_a_job_whose_confirmation_is_lost_is_not_started_again(home: Home, server: FakeFineTuning) -> None:
    create = server.handlers[JOBS]

    async def created_and_hung_up(request: web.Request) -> web.StreamResponse:
        await create(request)
        return await hangs_up(request)

    server.handlers[JOBS] = created_and_hung_up
    with pytest.raises(CallError):
        home.run()
    assert "ftjob-0" in home.run()
    assert len(server.jobs) == 1


def test_a_home_that_lost_its_warehouse_finds_the_job_that_it_paid_for_among_others(
    home: Home, server: FakeFineTuning
) -> None:
    home.run()
    for number in (2, 3, 4):
        server.finish()
        home.run()
        publish(home.warehouse, home.settings.datasets, number)
        home.run()
    assert len(server.jobs) == 4
    home.settings.warehouse.unlink()
    publish(home.warehouse, home.settings.datasets, 1)
    assert "is a candidate" in home.run()
    assert (len(server.jobs), home.tunes[0].job_id) == (4, "ftjob-0")


def test_a_fine_tuned_model_is_asked_as_any_candidate_with_what_it_learned_under(
    home: Home, server: FakeFineTuning
) -> None:
    home.run()
    server.finish()
    home.run()
    [version] = home.versions
    prompt = provider_factory.for_recipe(home.settings, JUDGE, version.recipe).prompt
    assert (prompt.model, prompt.system, prompt.examples) == (version.recipe.model, SYSTEM, ())
    assert prompt.parameters.keys() == {"temperature", "top_p", "max_tokens"}
    assert (prompt.parameters["temperature"], prompt.parameters["top_p"]) == (0.4, 0.9)


def test_the_asset_follows_and_shows_its_jobs(home: Home, server: FakeFineTuning) -> None:
    def materialize() -> dict[str, Any]:
        result = dg.materialize([models.fine_tuned], resources={"settings": home.settings, "warehouse": home.warehouse})
        [made] = result.asset_materializations_for_node("models__fine_tuned")
        return {name: value.value for name, value in made.metadata.items()}

    assert "0.0" in str(materialize()["jobs"].records)
    server.finish()
    shown = materialize()
    assert shown["cost USD"] == pytest.approx(0.25)
    assert "walmart-gpt-basic:1.0.0" in str(shown["jobs"].records)

"""What Dagster loads: names that users and saved states rely on, and how much of it is imported."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import dagster as dg
import pytest
import yaml

from walmart_pipeline.automation import freshness
from walmart_pipeline.automation.jobs import RETRAINED
from walmart_pipeline.benchmarks import load
from walmart_pipeline.definitions import build_defs
from walmart_pipeline_tests.paths import PROJECT

KEYS = {
    "catalog/raw_products",
    "catalog/products",
    "content/generation_plan",
    "content/generated_content",
    "quality/scores",
    "quality/listings",
    "quality/review_queue",
    "quality/fact_checks",
    "quality/model_ratings",
    "training/rating_model",
    "training/examples",
    "training/dataset",
    "models/modelfiles",
    "models/tuned",
    "models/candidates",
    "models/fine_tuned",
    "evaluation/model_evaluation",
    "evaluation/promotion",
    "evaluation/results",
    "evaluation/report",
    "delivery/exports",
    "insights/performance",
    "insights/usage",
    "insights/insights",
}

SOURCES = {"sources/inbox", "sources/ratings", "sources/edits", "sources/reviews", "sources/decisions"}


def test_the_definitions_hold_the_assets_jobs_schedules_and_sensors_of_the_design() -> None:
    defs = build_defs()
    graph = defs.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.materializable_asset_keys} == KEYS
    assert {key.to_user_string() for key in graph.external_asset_keys} == SOURCES
    repository = defs.get_repository_def()
    names = {
        "inbox",
        "batches",
        "rejections",
        "feedback",
        "dataset_growth",
        "promotion",
        "quality_drift",
        "feed_status",
    }
    names |= {"following", "alerts", "sources"}
    assert {sensor.name for sensor in repository.sensor_defs} == names
    assert {each.name for each in repository.schedule_defs} == {"nightly", "weekly_evaluation", "monthly_cleanup"}
    jobs = {"pipeline", "ingest", "feeds", "regenerate", "feedback", "retrain", "evaluate", "export", "cleanup"}
    jobs.add("feed_status")
    assert {name for name in jobs if repository.has_job(name)} == jobs


def test_the_nightly_job_makes_no_model_calls_of_a_retraining() -> None:
    """Hundreds of calls, and jobs that cost money, must not come with a schedule that somebody turned on."""
    defs = build_defs()
    nightly = {key.to_user_string() for key in defs.resolve_job_def("pipeline").asset_layer.selected_asset_keys}
    retraining = {key.to_user_string() for key in defs.resolve_job_def("retrain").asset_layer.selected_asset_keys}
    assert KEYS - nightly == {
        "models/tuned",
        "models/candidates",
        "models/fine_tuned",
        "evaluation/model_evaluation",
        "evaluation/promotion",
    }
    assert KEYS - nightly < retraining


def test_what_the_business_relies_on_has_a_freshness_policy_and_what_comes_from_outside_is_upstream() -> None:
    graph = build_defs().resolve_asset_graph()
    fresh = {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).freshness_policy}
    assert fresh == set(freshness.POLICIES) < KEYS
    read = {key for key in graph.get_all_asset_keys() if graph.get(key).is_external and graph.get(key).child_keys}
    assert {key.to_user_string() for key in read} == SOURCES


def test_every_asset_has_a_description_an_owner_and_a_code_version() -> None:
    for spec in build_defs().resolve_all_asset_specs():
        assert spec.group_name == spec.key.path[0]
        assert spec.kinds, spec.key
        assert spec.owners, spec.key
        assert spec.code_version or spec.group_name == "sources", spec.key
        assert len(spec.description or "") > 50, spec.key
        assert "dagster/code_references" in spec.metadata, spec.key
        assert "/docs#" in spec.metadata["documentation"].value, spec.key


# A model that is called for hours must not keep every other run from the warehouse.
CALL_A_MODEL = {
    "content__generated_content",
    "quality__fact_checks",
    "quality__model_ratings",
    "models__tuned",
    "models__candidates",
    "models__fine_tuned",
    "evaluation__model_evaluation",
    "evaluation__promotion",
}


def test_whatever_is_behind_the_texts_and_calls_no_model_follows_by_itself() -> None:
    graph = build_defs().resolve_asset_graph()
    follow = {key.to_user_string() for key in graph.materializable_asset_keys if graph.get(key).automation_condition}
    begin = {key for key in KEYS if key.startswith(("catalog/", "content/"))}
    assert follow == KEYS - begin - {key.replace("__", "/") for key in CALL_A_MODEL}


def test_assets_are_found_by_the_run_that_makes_them_and_by_whether_it_may_spend() -> None:
    specs = [spec for spec in build_defs().resolve_all_asset_specs() if spec.group_name != "sources"]
    spending = {spec.key.to_user_string() for spec in specs if "may_spend" in spec.tags}
    assert spending == {name.replace("__", "/") for name in CALL_A_MODEL}
    assert {spec.key.to_user_string() for spec in specs if spec.tags["made_by"] == "retrain"} == {*RETRAINED}


@pytest.mark.parametrize("job", ["pipeline", "retrain"])
def test_what_only_uses_the_warehouse_waits_its_turn_and_what_calls_a_model_holds_no_slot(job: str) -> None:
    for definition in build_defs().resolve_job_def(job).all_node_defs:
        assert isinstance(definition, dg.OpDefinition)
        assert definition.pool == (None if definition.name in CALL_A_MODEL else "warehouse"), definition.name


def test_a_location_has_one_name_however_it_is_loaded() -> None:
    """State of schedules and sensors is keyed by it."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    (module,) = yaml.safe_load((PROJECT / "workspace.yaml").read_text())["load_from"]
    assert module["python_module"]["location_name"] == project["code_location_name"]
    assert module["python_module"]["module_name"] == project["code_location_target_module"]


def test_loading_imports_no_heavy_library() -> None:
    assert load.imported(load.DEFINITIONS) == []


def test_the_walls_between_modules_stand() -> None:
    lint = [sys.executable, "-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"]
    result = subprocess.run(lint, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout

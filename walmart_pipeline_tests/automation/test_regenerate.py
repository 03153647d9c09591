"""The run config of the job `regenerate`."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.system_config.objects import ResolvedRunConfig

from walmart_pipeline.automation.regeneration import RegenerateConfig
from walmart_pipeline.definitions import build_defs


def test_the_config_of_the_job_becomes_that_of_its_plan() -> None:
    job = build_defs().resolve_job_def("regenerate")
    config = {"categories": ["Toys"], "reason": "too dull", "sample_limit": 5, "budget_usd": 0.5, "dry_run": True}
    plan = dg.validate_run_config(job, config)["ops"]["content__generation_plan"]["config"]
    expected = config | {"limit": 5, "worst_first": True}
    del expected["sample_limit"]
    assert {name: plan[name] for name in expected} == expected


def test_model_server_and_limits_are_set_for_one_run() -> None:
    job = build_defs().resolve_job_def("regenerate")
    chosen = {"provider": "ollama", "model": "qwen3:8b", "base_url": "http://gpu-1:11434", "budget_calls": 50}
    given = dg.validate_run_config(job, {"categories": ["Toys"], "settings": chosen})
    assert {name: value for name, value in given["resources"]["settings"]["config"].items() if value} == chosen


@pytest.mark.parametrize(("name", "value"), [("sample_limit", 0), ("budget_usd", -1)])
def test_a_limit_of_nothing_is_refused_with_what_to_do(name: str, value: int) -> None:
    """The launchpad shows the message of a Dagster error, and of any other one nothing."""
    job = build_defs().resolve_job_def("regenerate")
    with pytest.raises(dg.DagsterInvalidInvocationError, match=f"leave {name} out for all products"):
        ResolvedRunConfig.build(job, {name: value})


def test_each_setting_is_explained() -> None:
    assert all(field.description for field in RegenerateConfig.model_fields.values())

"""The run config of the job `regenerate`."""

from __future__ import annotations

import dagster as dg
import pytest

from walmart_pipeline.automation.regeneration import RegenerateConfig
from walmart_pipeline.definitions import build_defs


def test_the_config_of_the_job_becomes_that_of_its_plan() -> None:
    job = build_defs().resolve_job_def("regenerate")
    config = {"categories": ["Toys"], "reason": "too dull", "sample_limit": 5, "budget_usd": 0.5, "dry_run": True}
    plan = dg.validate_run_config(job, config)["ops"]["content__generation_plan"]["config"]
    expected = config | {"limit": 5, "worst_first": True}
    del expected["sample_limit"]
    assert {name: plan[name] for name in expected} == expected


def test_each_setting_is_explained_and_a_limit_of_nothing_is_refused() -> None:
    assert all(field.description for field in RegenerateConfig.model_fields.values())
    with pytest.raises(ValueError, match="sample_limit"):
        RegenerateConfig(sample_limit=0)

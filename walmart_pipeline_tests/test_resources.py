"""The settings of a run, as the launchpad takes them."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.resources import RunSettings, SettingsResource, resources


def test_a_run_writes_with_the_model_and_the_limits_of_its_launchpad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment has others, also by the published names without a prefix."""
    for name, value in {"WALMART_HOME": str(tmp_path), "WALMART_PROVIDER": "template", "MAX_TOKENS": "99"}.items():
        monkeypatch.setenv(name, value)
    chosen = SettingsResource(
        provider="openai", model="m", base_url="http://127.0.0.1:9/v1", max_tokens=700, budget_calls=3, concurrency=2
    )
    needed = {name: resources()[name] for name in ("warehouse", "judge", "provider")}
    with dg.build_resources({"settings": chosen, **needed}) as given:
        calls = given.provider.call_settings
        assert (given.provider.name, given.settings.model) == ("openai", "m")
        assert (calls.budget.calls, calls.limits.concurrency, calls.max_tokens) == (3, 2, 700)


def test_a_run_without_settings_of_its_own_has_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALMART_CONCURRENCY", "7")
    with dg.build_resources({"settings": SettingsResource()}) as given:
        assert given.settings == Settings()
        assert given.settings.concurrency == 7


def test_a_setting_that_is_out_of_range_is_named() -> None:
    with (
        pytest.raises(dg.DagsterResourceFunctionError) as raised,
        dg.build_resources({"settings": SettingsResource(concurrency=0)}),
    ):
        pass
    assert "concurrency: Input should be greater than or equal to 1" in str(raised.value.__cause__)


def test_every_setting_of_a_run_is_one_of_the_environment_and_explained() -> None:
    assert RunSettings.model_fields.keys() <= Settings.model_fields.keys()
    assert all(field.description for field in RunSettings.model_fields.values())

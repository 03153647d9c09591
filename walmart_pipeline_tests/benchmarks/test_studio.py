"""The benchmark of the Studio: what it makes to be reviewed, and a reviewer at the keyboard in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from walmart_pipeline.benchmarks import studio_keyboard, studio_load
from walmart_pipeline.benchmarks.studio_keyboard import KeyboardBenchError
from walmart_pipeline.cli import app
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.reviews.store import ReviewStore


def test_an_empty_workspace_is_nothing_to_measure(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["bench", "studio", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "walmart-pipeline run" in result.stderr


@pytest.mark.browser
def test_cases_are_decided_by_keyboard_until_there_are_no_more(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    studio_load.prepare(settings, None, 60)
    with studio_load.studio(settings) as (url, _):
        figures = studio_keyboard.measure(url, 2)
        assert (figures.cases, figures.accepted, figures.keys) == (2, 2, 2)
        assert figures.per_case_worst > 0
        with pytest.raises(KeyboardBenchError, match="the queue has 1 case, not 4"):
            studio_keyboard.measure(url, 4)
    with ReviewStore(settings.reviews_url) as store:
        assert [each.action for each in store.decisions()] == ["accept"] * 3

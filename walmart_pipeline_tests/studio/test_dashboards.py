"""The dashboards: what they show of a workspace with texts, calls, models and datasets, and of an empty one."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.stages.insights import every_finding
from walmart_pipeline.studio import dashboard_data, snapshot, tables
from walmart_pipeline_tests.stages.insights.catalog import MODEL, add_calls, add_run, add_texts, violation, warehouse

TRICK = "<img src=x onerror=alert(1)> **Toys** $x^2$"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which a category with an unpleasant name has fallen behind, and a model was paid for."""
    settings = Settings(workspace=tmp_path_factory.mktemp("dashboards"))
    with warehouse(settings).writing() as db:
        add_texts(db, "Home", [88.0] * 60)
        toys = add_texts(db, TRICK, [70.0] * 40, violations=[violation("title.length", "shorten it")])
        for days_ago in (2, 0.1):
            add_run(db, days_ago, 80.0, {"Home": 88.0, TRICK: 70.0})
        dataset = {"number": 1, "in_force": True, "counts": '{"train": 40, "test": 5}', "mean_quality": 84.0}
        db.append("training.dataset_versions", [dataset])
    add_calls(settings, toys[:4], cost_usd=0.25, hits=1)
    every_finding.refresh(settings, warehouse(settings))
    (settings.datasets / "v1").mkdir(parents=True)
    (settings.datasets / "v1" / "DATACARD.md").write_text("# v1\n<script>alert(1)</script>", encoding="utf-8")
    for number in (2, 10):
        report = settings.reports / f"model-evaluation-{number}.html"
        report.parent.mkdir(exist_ok=True)
        report.write_text(f"<p>evaluation {number}</p>", encoding="utf-8")
    return settings.workspace


def draw(folder: str) -> None:
    """Run by AppTest: it takes the source of this function."""
    from pathlib import Path
    from unittest.mock import Mock

    from walmart_pipeline.core.settings import Settings
    from walmart_pipeline.studio.access import User
    from walmart_pipeline.studio.context import StudioContext
    from walmart_pipeline.studio.pages import dashboards

    dashboards.page(StudioContext(Settings(workspace=Path(folder)), Mock(), User("ann")))


def opened(folder: Path, section: str | None = None) -> AppTest:
    page = AppTest.from_function(draw, default_timeout=120, args=(str(folder),)).run()
    if section:
        page.segmented_control(key="dashboard").set_value(section).run()
    assert not page.exception
    return page


def test_the_overview_shows_the_findings_and_a_name_in_them_as_it_is(workspace: Path) -> None:
    page = opened(workspace)
    (warning,) = page.warning
    assert "points below the other texts" in warning.value
    # Escaped for Markdown: neither HTML nor bold nor a formula.
    assert "\\<img" in warning.value
    assert "\\*\\*Toys" in warning.value
    assert "\\$x" in warning.value
    assert {tile.label: tile.value for tile in page.metric} | {"Texts": "100", "Cost": "$1.00"} == {
        tile.label: tile.value for tile in page.metric
    }


def test_each_dashboard_has_its_tables_and_each_table_can_be_downloaded(workspace: Path) -> None:
    expected = {"Quality": 2, "Performance": 2, "Cost": 3, "Usage": 2, "Datasets": 1}
    for section, count in expected.items():
        page = opened(workspace, section)
        assert len(page.dataframe) == count, section
        assert len(page.get("download_button")) >= count, section
    cost = opened(workspace, "Cost").dataframe[0].value
    assert cost.to_dict("records") == [{"model": MODEL, "cost_usd": 1.0}]


def test_models_have_their_reports_the_newest_first_and_datasets_their_card_as_text(workspace: Path) -> None:
    page = opened(workspace, "Models")
    assert "retrain" in page.info[0].value
    assert page.selectbox(key="dashboard_report").options == ["Model evaluation 10", "Model evaluation 2"]
    assert dashboard_data.card(Settings(workspace=workspace), "v1") in [
        code.value for code in opened(workspace, "Datasets").code
    ]


def test_an_empty_workspace_says_what_to_run(tmp_path: Path) -> None:
    page = opened(tmp_path)
    assert "walmart-pipeline run" in page.info[0].value
    assert not page.metric
    with warehouse(Settings(workspace=tmp_path)).writing():
        pass
    for section in ("Quality", "Performance", "Cost", "Usage", "Models", "Datasets"):
        assert opened(tmp_path, section).info, section


def test_a_downloaded_table_runs_no_formula() -> None:
    text = tables.as_csv([{"name": "=HYPERLINK(1)", "count": -1}, {"name": "Café", "count": None}]).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == [["name", "count"], ["'=HYPERLINK(1)", "-1"], ["Café", ""]]
    assert tables.as_csv([]).decode("utf-8-sig") == ""


def test_figures_of_an_older_copy_are_named_so_and_the_new_ones_follow_with_the_next_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept by the state that they were read of, not by the warehouse's of the moment."""
    monkeypatch.setattr(snapshot, "SLOW_SECONDS", 0)
    monkeypatch.setattr(snapshot, "PAUSE_FACTOR", 1e9)
    settings = Settings(workspace=tmp_path)
    seen = []
    for category in ("Home", "Toys"):
        with warehouse(settings).writing() as db:
            add_texts(db, category, [88.0])
        page = opened(tmp_path)
        seen.append((page.metric[0].value, any("this is as of" in each.value for each in page.caption)))
    reader = snapshot.reader(settings)
    assert isinstance(reader, snapshot.SnapshotReader)
    monkeypatch.setattr(reader, "_not_before", 0.0)
    page = opened(tmp_path)
    seen.append((page.metric[0].value, any("this is as of" in each.value for each in page.caption)))
    assert seen == [("1", False), ("1", True), ("2", False)]

"""What follows what it is made from: the real ticks of the condition, on a small graph and on the project's own."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from walmart_pipeline.automation import live_runs
from walmart_pipeline.automation.following import follow
from walmart_pipeline.definitions import build_defs
from walmart_pipeline_tests.conftest import Pipeline


class Graph:
    """texts → scores → exports, of which the last two follow."""

    def __init__(self) -> None:
        self.instance = dg.DagsterInstance.ephemeral()
        self.version, self.fails = "1", False
        self.cursor = None

        @dg.asset
        def texts() -> dg.MaterializeResult[None]:
            return dg.MaterializeResult(data_version=dg.DataVersion(self.version))

        @dg.asset(deps=[texts], automation_condition=follow())
        def scores() -> dg.MaterializeResult[None]:
            if self.fails:
                raise dg.Failure("no")
            return dg.MaterializeResult(data_version=dg.DataVersion(self.version))

        @dg.asset(deps=[scores], automation_condition=follow())
        def exports() -> dg.MaterializeResult[None]:
            return dg.MaterializeResult(data_version=dg.DataVersion(self.version))

        self.assets = [texts, scores, exports]

    def run(self, *names: str) -> None:
        dg.materialize(self.assets, instance=self.instance, selection=list(names) or None, raise_on_error=False)

    def tick(self) -> list[str]:
        """The assets that a tick requests."""
        result = dg.evaluate_automation_conditions(self.assets, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        return [asset.key.path[-1] for asset in self.assets if result.get_num_requested(asset.key)]


@pytest.fixture
def graph() -> Graph:
    return Graph()


def test_what_was_never_made_is_not_begun(graph: Graph) -> None:
    assert graph.tick() == []
    graph.run("texts")
    assert graph.tick() == []


def test_a_change_is_followed_once_and_a_run_that_carries_it_on_itself_leaves_nothing_to_do(graph: Graph) -> None:
    graph.run()
    assert graph.tick() == []
    graph.version = "2"
    graph.run()
    assert graph.tick() == []
    graph.version = "3"
    graph.run("texts")
    assert graph.tick() == ["scores", "exports"]
    graph.run("scores", "exports")
    assert graph.tick() == graph.tick() == []
    graph.run("texts")
    assert graph.tick() == [], "it was made again, and is the same"


def test_a_change_between_two_ticks_is_not_lost_beside_an_update_of_the_asset_itself(graph: Graph) -> None:
    graph.run()
    assert graph.tick() == []
    graph.run("scores")
    graph.version = "2"
    graph.run("texts")
    assert graph.tick() == ["scores", "exports"]


def test_a_failure_is_not_requested_again_until_something_changes(graph: Graph) -> None:
    graph.run()
    graph.version, graph.fails = "2", True
    graph.run("texts")
    assert graph.tick() == ["scores", "exports"]
    graph.run("scores", "exports")
    assert graph.tick() == graph.tick() == []
    graph.fails, graph.version = False, "3"
    graph.run("texts")
    assert graph.tick() == ["scores"]
    graph.run("scores")
    assert graph.tick() == ["exports"]


def test_after_a_whole_run_nothing_follows_and_withdrawn_products_leave_what_is_made_from_them(
    sample_copy: Pipeline,
) -> None:
    defs = build_defs({"settings": sample_copy.settings})
    with live_runs.instance(sample_copy.settings) as instance:
        before = dg.evaluate_automation_conditions(defs, instance)
        assert before.total_requested == 0
        changed = dg.AssetMaterialization(["catalog", "products"], tags={DATA_VERSION_TAG: "another"})
        instance.report_runless_asset_event(changed)
        after = dg.evaluate_automation_conditions(defs, instance, cursor=before.cursor)
    requested = {
        key.to_user_string()
        for key in defs.resolve_asset_graph().materializable_asset_keys
        if after.get_num_requested(key)
    }
    assert requested == {
        "quality/scores",
        "quality/listings",
        "quality/review_queue",
        "training/examples",
        "training/dataset",
        "training/rating_model",
        "models/modelfiles",
        "evaluation/results",
        "evaluation/report",
        "delivery/exports",
        "insights/usage",
        "insights/insights",
    }

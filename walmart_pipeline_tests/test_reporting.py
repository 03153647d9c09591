"""What Dagster shows of a step that is off."""

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from walmart_pipeline import reporting

TUNED = dg.AssetKey("tuned")


class Graph:
    """dataset → tuned, which can be switched off."""

    def __init__(self) -> None:
        self.instance = dg.DagsterInstance.ephemeral()

        @dg.asset
        def dataset(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
            return dg.MaterializeResult(data_version=dg.DataVersion(context.run_id))

        @dg.asset(deps=[dataset])
        def tuned(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
            if context.run.tags.get("off"):
                return reporting.off(context, "set `trials`")
            return dg.MaterializeResult(data_version=dg.DataVersion("1"), metadata={"studies": 3})

        self.assets = [dataset, tuned]

    def run(self, **tags: str) -> StaleStatus:
        assert dg.materialize(self.assets, instance=self.instance, tags=tags).success
        context = LoadingContextForTest(self.instance)
        return CachingStaleStatusResolver(
            self.instance, dg.Definitions(self.assets).resolve_asset_graph(), context
        ).get_status(TUNED)


@pytest.fixture
def graph() -> Graph:
    return Graph()


def test_what_was_made_and_is_off_now_stays_as_it_was_and_is_not_unsynced_for_ever(graph: Graph) -> None:
    graph.run()
    assert graph.run(off="yes") == StaleStatus.FRESH
    event = graph.instance.get_latest_materialization_event(TUNED)
    assert event
    assert event.asset_materialization
    metadata = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert (metadata["studies"], metadata["skipped"]) == (3, "set `trials`")


def test_what_never_was_made_and_is_off_is_not_shown_as_made(graph: Graph) -> None:
    assert graph.run(off="yes") == StaleStatus.MISSING
    assert graph.instance.get_latest_materialization_event(TUNED) is None

"""What comes from outside is observed when it changes, and only then."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.definitions.observe import observe as observe_by_hand
from dagster._core.loader import LoadingContextForTest

from walmart_pipeline.automation.sources import observe, sources, sources_sensor
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.reviews.store import Decision, ReviewStore

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def test_a_source_is_observed_when_it_changes(tmp_path: Path) -> None:
    settings, instance = Settings(workspace=tmp_path), dg.DagsterInstance.ephemeral()

    def tick() -> dict[str, dg.AssetObservation]:
        context = dg.build_sensor_context(instance=instance, resources={"settings": settings})
        data = sources_sensor.evaluate_tick(context)
        found = [event for event in data.asset_events if isinstance(event, dg.AssetObservation)]
        for event in found:
            instance.report_runless_asset_event(event)
        return {event.asset_key.path[1]: event for event in found}

    assert tick() == {}, "nothing came yet, and what was made without it is up to date"
    with FileWarehouse(settings.warehouse).writing() as db:
        db.append("quality.ratings", [{"product_id": "1", "reviewer": "anna", "rated_at": NOON}])
    observed = tick()
    assert list(observed) == ["ratings"]
    metadata = {name: value.value for name, value in observed["ratings"].metadata.items()}
    assert metadata == {"ratings": 1, "reviewers": 1, "latest": "2026-11-02 12:00 UTC"}
    assert tick() == {}
    with ReviewStore(settings.reviews_url) as store:
        store.decide([Decision(product_id="1", content_hash="h", action="rate", stars=4, author="anna")])
    assert {name: value.value for name, value in tick()["reviews"].metadata.items() if name != "latest"} == {
        "decisions": 1,
        "reviewers": 1,
    }
    settings.inbox.mkdir()
    (settings.inbox / "feed.csv").write_text("id")
    assert tick()["inbox"].metadata["files"].value == 1
    (settings.inbox / "feed.csv").unlink()
    assert tick()["inbox"].metadata["files"].value == 0
    (settings.inbox / "next.csv").write_text("id")
    observe(instance, settings)
    assert tick() == {}, "a run has just observed it"


def test_an_asset_is_unsynced_while_its_source_is_newer_and_not_after_it_was_made_again(tmp_path: Path) -> None:
    """Each asset with a source was unsynced for ever after its second run."""
    settings, instance = Settings(workspace=tmp_path), dg.DagsterInstance.ephemeral()
    settings.inbox.mkdir()

    @dg.asset(deps=[dg.AssetKey(["sources", "inbox"])])
    def raw_products() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(data_version=dg.DataVersion("1"))

    graph = dg.Definitions([raw_products, sources], resources={"settings": settings}).resolve_asset_graph()

    def status() -> StaleStatus:
        return CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance)).get_status(raw_products.key)

    for number in range(2):
        (settings.inbox / f"{number}.csv").write_text("id")
        observe(instance, settings)
        dg.materialize([raw_products], instance=instance)
        assert status() == StaleStatus.FRESH
    (settings.inbox / "next.csv").write_text("id")
    observe(instance, settings)
    assert status() == StaleStatus.STALE


def test_a_source_can_be_observed_by_hand(tmp_path: Path) -> None:
    instance = dg.DagsterInstance.ephemeral()
    assert observe_by_hand([sources], instance=instance, resources={"settings": Settings(workspace=tmp_path)}).success
    assert len(instance.fetch_observations(dg.AssetKey(["sources", "inbox"]), limit=2).records) == 1

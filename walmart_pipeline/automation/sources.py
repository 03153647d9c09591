"""What comes from outside as assets: feeds, ratings, edits, reviews and decisions. Observed, never materialized."""

import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG, extract_data_version_from_entry

from walmart_pipeline.automation import inbox
from walmart_pipeline.automation.triggers import WAREHOUSE_WAIT_SECONDS
from walmart_pipeline.core import warehouses
from walmart_pipeline.core.records import content_hash
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row, WarehouseError
from walmart_pipeline.reviews import takeover
from walmart_pipeline.reviews.store import ReviewStore

GROUP = "sources"

SPECS = [
    dg.AssetSpec([GROUP, name], group_name=GROUP, kinds=kinds, owners=[owner], description=description)
    for name, kinds, owner, description in (
        ("inbox", {"file"}, "team:catalog", "Feeds as they come, in the folder `inbox` of the workspace."),
        (
            "ratings",
            {"duckdb"},
            "team:content",
            "Reviewers' stars for texts (`quality.ratings`): `walmart-pipeline ratings import`.",
        ),
        (
            "edits",
            {"duckdb"},
            "team:content",
            "Texts that reviewers wrote (`content.edits`): `walmart-pipeline edits import`, or `edits.jsonl` beside "
            "the feeds.",
        ),
        (
            "reviews",
            {"sqlite"},
            "team:content",
            "What people decided in the Studio: accepted, edited, rejected, rated, undone. Runs take it over into "
            "`quality.reviews`.",
        ),
        (
            "decisions",
            {"duckdb"},
            "team:ml",
            "Changes of the champion (`models.promotions`), by an evaluation or by a person: "
            "`walmart-pipeline models promote` and `rollback`.",
        ),
    )
]


# Observable: of any other source, Dagster records which observed version an asset was made from, but does not read the
# observations when it compares, so that the asset is unsynced for ever.
with warnings.catch_warnings():
    # The decorator is in beta.
    warnings.simplefilter("ignore", dg.BetaWarning)

    @dg.multi_observable_source_asset(name="sources", specs=SPECS, can_subset=True)  # type: ignore[untyped-decorator] # dagster's has no types
    def sources(context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]) -> Iterator[dg.ObserveResult]:
        """Observe sources by the button of the UI, as the sensor does by itself."""
        for key, version, metadata in _observations(settings):
            if key in context.selected_asset_keys:
                yield dg.ObserveResult(asset_key=key, data_version=version, metadata=metadata)


# The assets that read a source.
READERS: Mapping[str, tuple[str, ...]] = {
    "catalog/raw_products": ("inbox",),
    "content/generation_plan": ("ratings", "edits", "reviews", "decisions"),
    "quality/scores": ("reviews",),
    "delivery/exports": ("reviews",),
    "training/examples": ("ratings", "edits"),
    "training/rating_model": ("ratings",),
    "insights/performance": ("ratings",),
    "insights/usage": ("ratings", "edits", "decisions"),
}

STATES = {
    "ratings": "select count(*) as ratings, count(distinct reviewer) as reviewers, max(rated_at) as latest "
    "from quality.ratings",
    "edits": "select count(*) as edits, count(distinct reviewer) as reviewers, max(edited_at) as latest "
    "from content.edits",
    "decisions": "select count(*) as decisions, max_by(champion, number) as champion, max(promoted_at) as latest "
    "from models.promotions",
}


def with_sources(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Add the sources that an asset reads to its upstream assets."""
    read = READERS.get(spec.key.to_user_string(), ())
    return spec.replace_attributes(deps=[*spec.deps, *(dg.AssetKey([GROUP, name]) for name in read)]) if read else spec


@dg.sensor(
    name="sources",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Observes what comes from outside: feeds in the inbox, ratings, edits, reviews and decisions. "
    "Requests no run.",
)
def sources_sensor(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Report each source that changed, with its counts and a data version, so that its readers show as unsynced."""
    observed = _changed(context.instance, settings)
    names = ", ".join(each.asset_key.path[-1] for each in observed)
    return dg.SensorResult(
        asset_events=observed, skip_reason=dg.SkipReason(f"changed: {names}" if names else "nothing has changed")
    )


def observe(instance: dg.DagsterInstance, settings: Settings) -> None:
    """Report the sources that changed before a run reads them.

    Observed only by the next tick, what arrived just before a run would show its readers as unsynced after it.
    """
    for each in _changed(instance, settings):
        instance.report_runless_asset_event(each)


def _changed(instance: dg.DagsterInstance, settings: Settings) -> list[dg.AssetObservation]:
    observed = []
    for key, version, metadata in _observations(settings):
        latest = instance.get_latest_data_version_record(key, is_source=True)
        if latest is None and not next(iter(metadata.values())):
            # It was empty when its readers were made, too.
            continue
        if latest is None or extract_data_version_from_entry(latest.event_log_entry) != version:
            observed.append(dg.AssetObservation(key, metadata=metadata, tags={DATA_VERSION_TAG: version.value}))
    return observed


def _observations(settings: Settings) -> Iterator[tuple[dg.AssetKey, dg.DataVersion, Row]]:
    """Key, version and metadata of each source that can be read now; the first of its metadata is its size."""
    for name, state in _states(settings).items():
        metadata = {label: value for label, value in state.items() if value is not None}
        yield dg.AssetKey([GROUP, name]), dg.DataVersion(content_hash(state)[:16]), metadata


def _states(settings: Settings) -> dict[str, Row]:
    present, incomplete = inbox.complete_files(settings.inbox, settings.feed_quiet_seconds)
    signatures = {name: feed.signature() for name, feed in present.items()}
    states: dict[str, Row] = {
        "inbox": {"files": len(present), "still being written": len(incomplete), "version": content_hash(signatures)}
    }
    if takeover.has_store(settings):
        with ReviewStore(settings.reviews_url) as store:
            states["reviews"] = store.state()
    warehouse = warehouses.of(settings, WAREHOUSE_WAIT_SECONDS)
    if not warehouse.exists():
        return states
    try:
        with warehouse.reading() as db:
            for name, query in STATES.items():
                (row,) = db.query(query)
                latest: datetime | None = row.pop("latest")
                states[name] = row | {"latest": latest and f"{latest.astimezone(UTC):%Y-%m-%d %H:%M} UTC"}
    except WarehouseError:
        # A run writes: the next tick looks again.
        pass
    return states

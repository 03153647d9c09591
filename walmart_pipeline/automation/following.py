"""Assets that follow by themselves when what they are made from changes outside a run that makes them as well.

Sensors start what comes from outside, schedules what is due; this is the dependency inside the graph: a feed that was
withdrawn leaves the exports, a rated text reaches dataset, Modelfiles and report. None of these assets calls a model.
"""

from __future__ import annotations

import warnings

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.definitions.declarative_automation.automation_context import AutomationContext

from walmart_pipeline.automation import run_tags
from walmart_pipeline.automation.sources import GROUP as SOURCES
from walmart_pipeline.resources import WAREHOUSE_POOL

# They begin with what comes from outside, of which sensors and schedules take care.
BEGINNING = ("catalog", "content")


class Unsynced(dg.AutomationCondition[dg.AssetKey]):
    """Whether the UI shows the asset as unsynced, for another reason than a source that a sensor watches.

    A state, and so never missed: `data_version_changed` is an event, and one that comes between two ticks together with
    an update of the asset itself is lost, whichever was first.
    """

    @property
    def description(self) -> str:
        """What the UI shows beside an evaluation."""
        return "made from other versions than the present ones"

    @property
    def name(self) -> str:
        """Its name in the UI."""
        return "unsynced"

    def evaluate(self, context: AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """Compare the versions that the asset was made from with those of today."""
        queryer = context.asset_graph_view.get_inner_queryer_for_back_compat()
        resolver = CachingStaleStatusResolver(
            queryer.instance,
            context.asset_graph,
            None,  # type: ignore[arg-type] # unused beside a queryer
            queryer,
        )
        is_unsynced = resolver.get_status(context.key) == StaleStatus.STALE and any(
            cause.dependency is None or cause.dependency.asset_key.path[0] != SOURCES
            for cause in resolver.get_stale_causes(context.key)
        )
        return dg.AutomationResult(context, context.candidate_subset if is_unsynced else context.get_empty_subset())


def follow() -> dg.AutomationCondition[dg.AssetKey]:
    """Build the condition: unsynced, or made from what follows in the same run; while no run is at work on it.

    After a failure it waits for another change, or for a run of another origin: its reason would not go away by itself.
    """
    condition = dg.AutomationCondition
    changed_again = condition.any_deps_match(condition.newly_updated()).since(condition.newly_requested())
    return (
        (Unsynced() | condition.any_deps_match(condition.will_be_requested()))
        & ~condition.missing()
        & ~condition.newly_requested()
        & ~condition.in_progress()
        & ~condition.any_deps_in_progress()
        & (~condition.execution_failed() | changed_again)
    ).with_label("follows what it is made from")


def with_following(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """Give an asset its condition, if it follows: whatever needs only the warehouse, and so calls no model."""
    begins = {*asset.group_names_by_key.values()} & {*BEGINNING}
    if begins or not isinstance(asset.node_def, dg.OpDefinition) or asset.node_def.pool != WAREHOUSE_POOL:
        return asset
    return asset.map_asset_specs(lambda spec: spec.replace_attributes(automation_condition=follow()))


with warnings.catch_warnings():
    # `use_user_code_server`, which evaluates a condition of our own, is in beta.
    warnings.simplefilter("ignore", dg.BetaWarning)
    following_sensor = dg.AutomationConditionSensorDefinition(
        name="following",
        target=dg.AssetSelection.all() - dg.AssetSelection.groups(*BEGINNING),
        default_status=dg.DefaultSensorStatus.STOPPED,
        use_user_code_server=True,
        run_tags={run_tags.REASON: "what they are made from has changed"},
        description="Makes scores, listings, dataset, Modelfiles, reports, exports and insights again when what they "
        "are made from has changed outside a run that makes them too: after the jobs `ingest`, `feeds` and `feedback`, "
        "or a step that was started by hand. It calls no model. What failed waits for another change.",
    )

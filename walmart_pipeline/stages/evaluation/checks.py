"""Checks of the model evaluation: whether it can decide anything, and what a candidate would do worse."""

from collections.abc import Callable

import dagster as dg

from walmart_pipeline.core import markdown
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.evaluation import evaluation_store, gates
from walmart_pipeline.stages.evaluation import results as figures
from walmart_pipeline.stages.evaluation.assets import evaluated_models
from walmart_pipeline.stages.evaluation.results import ContenderResult, Results


@dg.asset_check(
    asset=evaluated_models,
    description=f"The products are of {figures.MIN_FAMILIES} families at least; below, no candidate is promoted.",
    pool=WAREHOUSE_POOL,
)
def enough_families(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """A warning; the promotion applies it by itself."""
    return _warning(warehouse, gates.enough_families)


@dg.asset_check(
    asset=evaluated_models,
    description="Every contender was answered, well or badly; answers that were lost on the way prove nothing.",
    pool=WAREHOUSE_POOL,
)
def no_lost_answers(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """A warning; the promotion applies it by itself."""
    return _warning(warehouse, lambda found: [why for one in found.contenders for why in gates.no_lost_answers(one)])


@dg.asset_check(
    asset=evaluated_models,
    description="No candidate breaks a blocking rule for more products than the reference.",
    pool=WAREHOUSE_POOL,
)
def candidates_block_no_more(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """A warning; such a candidate is refused."""
    return _warning(warehouse, _each_candidate(gates.no_more_blocking))


@dg.asset_check(
    asset=evaluated_models,
    description=f"No candidate is {gates.REGRESSION:g} times as slow or as dear as the reference.",
    pool=WAREHOUSE_POOL,
)
def candidates_are_no_slower_or_dearer(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """A warning only: a better model may be worth it."""
    return _warning(warehouse, _each_candidate(gates.regressions))


def _each_candidate(gate: Callable[[Results, ContenderResult], list[str]]) -> Callable[[Results], list[str]]:
    return lambda found: [f"{one.name}: {why}" for one in found.candidates for why in gate(found, one)]


def _warning(warehouse: Warehouse, gate: Callable[[Results], list[str]]) -> dg.AssetCheckResult:
    """What a gate finds in the latest evaluation. A warning: a refused candidate is no failure of the run."""
    with warehouse.reading() as db:
        evaluation = evaluation_store.latest(db)
    if evaluation is None:
        return dg.AssetCheckResult(passed=True, description="no models have been evaluated")
    found = gate(figures.of_evaluation(evaluation))
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"evaluation {evaluation.number}: {'; '.join(found) or 'nothing found'}",
        metadata={"found": dg.MetadataValue.md(markdown.table([{"found": why} for why in found]))},
    )

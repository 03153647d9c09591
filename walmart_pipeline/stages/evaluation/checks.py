"""Checks of the contest: whether it can decide anything, and what a candidate would do worse."""

from collections.abc import Callable

import dagster as dg

from walmart_pipeline.core import markdown
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.evaluation import contender_results, gates
from walmart_pipeline.stages.evaluation.assets import contest_of_models
from walmart_pipeline.stages.evaluation.comparison import FEW_PAIRS
from walmart_pipeline.stages.evaluation.model_results import Standings, standings


@dg.asset_check(
    asset=contest_of_models,
    description=f"The products of the contest are of {FEW_PAIRS} families at least; below, no candidate is promoted.",
    pool=WAREHOUSE_POOL,
)
def contest_has_enough_products(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """Told; the promotion keeps to it by itself."""
    return _told(warehouse, gates.enough)


@dg.asset_check(
    asset=contest_of_models,
    description="Every contender was answered, well or badly; answers that were lost on the way prove nothing.",
    pool=WAREHOUSE_POOL,
)
def contest_lost_no_answer(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """Told; the promotion keeps to it by itself."""
    return _told(warehouse, lambda table: [why for one in table.contenders for why in gates.answered(one)])


@dg.asset_check(
    asset=contest_of_models,
    description="No candidate breaks a blocking rule for more products than the reference.",
    pool=WAREHOUSE_POOL,
)
def candidates_block_no_more(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """Told; such a candidate is refused."""
    return _told(warehouse, _of_each_candidate(gates.no_worse_on_blocking))


@dg.asset_check(
    asset=contest_of_models,
    description=f"No candidate is {gates.REGRESSION:g} times as slow or as dear as the reference.",
    pool=WAREHOUSE_POOL,
)
def candidates_are_no_slower_or_dearer(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """Told only: a better model may be worth it."""
    return _told(warehouse, _of_each_candidate(gates.regressions))


def _of_each_candidate(gate: Callable[..., list[str]]) -> Callable[[Standings], list[str]]:
    def found(table: Standings) -> list[str]:
        return [f"{one.name}: {why}" for one in table.candidates for why in gate(table, one)]

    return found


def _told(warehouse: Warehouse, gate: Callable[[Standings], list[str]]) -> dg.AssetCheckResult:
    """What a gate says of the latest contest. It warns: whoever is refused is no failure of the run."""
    with warehouse.reading() as db:
        held = contender_results.latest(db)
    if held is None:
        return dg.AssetCheckResult(passed=True, description="no contest has been held")
    found = gate(standings(held))
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"contest {held.number}: {'; '.join(found) or 'nothing found'}",
        metadata={"found": dg.MetadataValue.md(markdown.table([{"found": why} for why in found]))},
    )

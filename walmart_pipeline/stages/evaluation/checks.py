"""Checks of the model evaluation: its validity, and regressions of candidates."""

from collections.abc import Callable, Iterator, Mapping

import dagster as dg

from walmart_pipeline import reporting
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.evaluation import evaluation_store, gates
from walmart_pipeline.stages.evaluation import results as figures
from walmart_pipeline.stages.evaluation.assets import evaluated_models
from walmart_pipeline.stages.evaluation.results import ContenderResult, Results


def _each_candidate(gate: Callable[[Results, ContenderResult], list[str]]) -> Callable[[Results], list[str]]:
    return lambda found: [f"{one.name}: {reason}" for one in found.candidates for reason in gate(found, one)]


def _lost_answers(found: Results) -> list[str]:
    return [reason for one in found.contenders for reason in gates.no_lost_answers(one)]


# Description and gate by name. All are warnings: a refused candidate does not fail the run.
CHECKS: Mapping[str, tuple[str, Callable[[Results], list[str]]]] = {
    "enough_families": (
        f"The products are of at least {figures.MIN_FAMILIES} families; otherwise no candidate is promoted.",
        gates.enough_families,
    ),
    "no_lost_answers": (
        "No contender lost an answer to faults of the server or the network.",
        _lost_answers,
    ),
    "candidates_block_no_more": (
        "No candidate breaks a blocking rule for more products than the reference; such a candidate is refused.",
        _each_candidate(gates.no_more_blocking),
    ),
    "candidates_are_no_slower_or_dearer": (
        f"No candidate is {gates.REGRESSION:g} times as slow or as expensive as the reference.",
        _each_candidate(gates.regressions),
    ),
}


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(name, asset=evaluated_models, description=description)
        for name, (description, _) in CHECKS.items()
    ],
    can_subset=True,
    pool=WAREHOUSE_POOL,
)
def model_evaluation_checks(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.AssetCheckResult]:
    """Apply the gates to the latest evaluation. Without one there is no result: nothing was checked."""
    selected = {key.name for key in context.selected_asset_check_keys}
    with warehouse.reading() as db:
        evaluation = evaluation_store.latest(db)
    if evaluation is None:
        context.log.info("skipped: no models were evaluated yet")
        return
    results = figures.of_evaluation(evaluation)
    size = f"{results.products} products, {len(results.contenders)} contenders"
    for name, (_, gate) in CHECKS.items():
        if name not in selected:
            continue
        found = gate(results)
        yield dg.AssetCheckResult(
            asset_key=evaluated_models.key,
            check_name=name,
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(found) or f"nothing found in evaluation {evaluation.number} ({size})",
            metadata={
                "problems": len(found),
                "products": results.products,
                "found": reporting.table([{"found": reason} for reason in found]),
            },
        )

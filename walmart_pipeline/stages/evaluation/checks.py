"""Checks of the model evaluation: whether it can decide anything, and what a candidate would do worse."""

from collections.abc import Callable, Iterator, Mapping

import dagster as dg

from walmart_pipeline.core import markdown
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.evaluation import evaluation_store, gates
from walmart_pipeline.stages.evaluation import results as figures
from walmart_pipeline.stages.evaluation.assets import evaluated_models
from walmart_pipeline.stages.evaluation.results import ContenderResult, Results


def _each_candidate(gate: Callable[[Results, ContenderResult], list[str]]) -> Callable[[Results], list[str]]:
    return lambda found: [f"{one.name}: {why}" for one in found.candidates for why in gate(found, one)]


def _lost_answers(found: Results) -> list[str]:
    return [why for one in found.contenders for why in gates.no_lost_answers(one)]


# By name: what is checked, and the gate. All of them warn: a refused candidate is no failure of the run.
CHECKS: Mapping[str, tuple[str, Callable[[Results], list[str]]]] = {
    "enough_families": (
        f"The products are of {figures.MIN_FAMILIES} families at least; below, no candidate is promoted.",
        gates.enough_families,
    ),
    "no_lost_answers": (
        "Every contender was answered, well or badly; answers that were lost on the way prove nothing.",
        _lost_answers,
    ),
    "candidates_block_no_more": (
        "No candidate breaks a blocking rule for more products than the reference; such a candidate is refused.",
        _each_candidate(gates.no_more_blocking),
    ),
    "candidates_are_no_slower_or_dearer": (
        f"No candidate is {gates.REGRESSION:g} times as slow or as dear as the reference; it may be worth it.",
        _each_candidate(gates.regressions),
    ),
}


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(name, asset=evaluated_models, description=description)
        for name, (description, _) in CHECKS.items()
    ],
    pool=WAREHOUSE_POOL,
)
def model_evaluation_checks(warehouse: dg.ResourceParam[Warehouse]) -> Iterator[dg.AssetCheckResult]:
    """What the gates find in the latest evaluation."""
    with warehouse.reading() as db:
        evaluation = evaluation_store.latest(db)
    results = figures.of_evaluation(evaluation) if evaluation else None
    for name, (_, gate) in CHECKS.items():
        found = gate(results) if results else []
        yield dg.AssetCheckResult(
            asset_key=evaluated_models.key,
            check_name=name,
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(found) or "nothing found",
            metadata={"found": dg.MetadataValue.md(markdown.table([{"found": why} for why in found]))},
        )

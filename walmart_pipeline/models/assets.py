"""Assets of the models: the Modelfile of each tier."""

import dagster as dg

from walmart_pipeline import markdown
from walmart_pipeline.llm import prompt
from walmart_pipeline.models import tier_files
from walmart_pipeline.quality.judge import Judge
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.settings import Settings
from walmart_pipeline.warehouse import Warehouse


@dg.asset(
    key_prefix="models",
    group_name="models",
    deps=[dg.AssetKey(["training", "dataset"])],
    kinds={"ollama", "python"},
    owners=["team:ml"],
    code_version=tier_files.VERSION,
    pool=WAREHOUSE_POOL,
)
def modelfiles(
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
) -> dg.MaterializeResult[None]:
    """A Walmart-GPT Modelfile for each tier that has enough good examples: `ollama create walmart-gpt-basic -f …`.

    The policy's rules as SYSTEM, few-shot pairs of the training side, parameters of the tier, provenance in comments;
    parsed back and compared before it is written. A tier with too few examples is not built: `missing` says how many.
    """
    with warehouse.writing() as db:
        tiers = tier_files.write(
            db,
            settings.modelfiles,
            policy_rules=judge.policy.sentences(),
            policy=judge.policy.label,
            prompt_version=prompt.VERSION,
            base_model=settings.base_model,
        )
    built = [tier for tier in tiers if tier["built"]]
    columns = ("tier", "built", "missing", "examples", "base_model", "path")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(tiers),
            "built": len(built),
            "dataset version": tiers[0]["dataset_version"],
            "tiers": dg.MetadataValue.md(markdown.table([{name: tier[name] for name in columns} for tier in tiers])),
            **{f"{tier['tier']} Modelfile": dg.MetadataValue.path(tier["path"]) for tier in built},
        }
    )

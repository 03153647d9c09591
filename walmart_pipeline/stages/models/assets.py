"""Assets of the models: tuned parameters, Modelfiles, candidate versions, and fine-tuning."""

import dagster as dg
from pydantic import Field

from walmart_pipeline.core import markdown
from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.generation import prompt
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.models import candidates as versions
from walmart_pipeline.stages.models import fine_tune_jobs, modelfile_store, registration, tuned_tiers
from walmart_pipeline.stages.models import fine_tune_store as jobs


@dg.asset(
    key_prefix="models",
    group_name="models",
    deps=[dg.AssetKey(["training", "dataset"])],
    kinds={"ollama", "python"},
    owners=["team:ml"],
    code_version=modelfile_store.VERSION,
    pool=WAREHOUSE_POOL,
)
def modelfiles(
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
) -> dg.MaterializeResult[None]:
    """A Walmart-GPT Modelfile for each tier that has enough good examples: `ollama create walmart-gpt-basic -f …`.

    The policy's rules as SYSTEM, few-shot pairs of the training split, parameters of the tier, provenance in comments;
    parsed back and compared before it is written. A tier with too few examples is not built: `missing` says how many.
    """
    with warehouse.writing() as db:
        tiers = modelfile_store.write(
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


class TuningConfig(dg.Config):
    """What a study may try and ask. As it is, nothing is tried."""

    trials: int = Field(default=0, ge=0, description="In all, those of earlier runs of the same study included.")
    products: int = Field(default=12, ge=1, description="Validation products that each trial asks about.")
    calls: int = Field(default=500, ge=1, description="Of this run, for all tiers; the settings' budget holds as well.")
    tiers: list[str] = Field(default=[], description="By name; none for every tier that has enough examples.")


@dg.asset(
    name="tuned",
    key_prefix="models",
    group_name="models",
    deps=[dg.AssetKey(["training", "dataset"])],
    kinds={"optuna", "python"},
    owners=["team:ml"],
    code_version=tuned_tiers.VERSION,
)
def tuned_parameters(
    context: dg.AssetExecutionContext,
    config: TuningConfig,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """The parameters and number of examples with which each tier writes best, found out on validation products.

    Temperature, top_p, top_k and repeat_penalty as far as the provider takes them, by an Optuna study that goes on
    where it was cut off. The tier's own values are the first trial, and stay unless another one beats them by more than
    chance. Off unless `trials` is set: every trial asks the model about `products` products.
    """
    if not config.trials:
        return dg.MaterializeResult(metadata={"tuning": "off: set `trials` in the config, or run the job `retrain`"})
    base, in_the_way = versions.base(warehouse, settings, judge)
    if base is None or in_the_way:
        # Not a failure: candidates are made with the tiers' own parameters then.
        return dg.MaterializeResult(metadata={"tuning": f"nothing tuned: {in_the_way}"})
    plan = tuned_tiers.Plan(**config.model_dump())
    found = tuned_tiers.tune_all(settings, warehouse, judge, base, plan, progress=progress, log=context.log.info)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(found),
            "tuning": "; ".join(f"{study.tier}: {study.says}" for study in found) or "no tier has enough examples",
            "calls": sum(study.calls for study in found),
            "cost USD": sum(study.cost_usd for study in found),
            "studies": dg.MetadataValue.md(markdown.table([study.row for study in found])),
            **{
                f"{study.tier} {plot.stem}": dg.MetadataValue.url(plot.as_uri())
                for study in found
                for plot in study.plots
            },
        }
    )


class CandidatesConfig(dg.Config):
    """What is made. Off by default: a version is made to be held against others, which the job `retrain` does."""

    enabled: bool = Field(default=False, description="Make versions and register them at the Ollamas of the settings.")
    tiers: list[str] = Field(default=[], description="Tiers by name; none for all that can be built.")


@dg.asset(
    key_prefix="models",
    group_name="models",
    deps=[dg.AssetKey(["training", "dataset"]), dg.AssetKey(["models", "tuned"])],
    kinds={"ollama", "duckdb", "python"},
    owners=["team:ml"],
    code_version=versions.VERSION,
)
def candidates(
    context: dg.AssetExecutionContext,
    config: CandidatesConfig,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """A version in the registry for each tier that has enough examples, with the parameters that its study chose.

    For Ollama also its Modelfile, and the model at every server of the settings: read back, and tried with one listing.
    A server that is not there, or has no base model, ends nothing: the version waits, and the next run goes on.
    """
    if not config.enabled:
        return dg.MaterializeResult(metadata={"made": 0, "off": "set enabled, or run `walmart-pipeline retrain`"})
    start, in_the_way = versions.base(warehouse, settings, judge)
    if start is None:
        return dg.MaterializeResult(metadata={"made": 0, "nothing to retrain": in_the_way or ""})
    with warehouse.writing() as db:
        dataset, made = versions.make(db, settings, judge, start, wanted=config.tiers)
        wanted = versions.to_register(db) if start.provider == "ollama" else []
    rows = []
    if wanted:
        with progress.step("registering models", len(wanted), context.log.info) as advance:
            rows = registration.register_all(warehouse, settings, judge, wanted, advance=advance)
    columns = ("name", "endpoint", "state", "smoke_score", "problem")
    table = [
        {
            "version": each.version.name,
            "status": each.version.status,
            "examples": len(each.version.recipe.examples),
            "tuned": each.tuned,
            "Modelfile": each.modelfile,
        }
        for each in made
    ]
    return dg.MaterializeResult(
        metadata={
            "made": len(made),
            "dataset version": dataset.version,
            "base model": start.base_model,
            "candidates": dg.MetadataValue.md(markdown.table(table)),
            "registrations": dg.MetadataValue.md(
                markdown.table([{name: row[name] for name in columns} for row in rows])
            ),
            **({"in the way": in_the_way} if in_the_way else {}),
        }
    )


class FineTuningConfig(dg.Config):
    """Whether to pay for another try."""

    again: bool = Field(default=False, description="Begin also what failed or was cancelled on the same dataset.")


@dg.asset(
    key_prefix="models",
    group_name="models",
    deps=[dg.AssetKey(["training", "dataset"])],
    kinds={"openai", "python"},
    owners=["team:ml"],
    code_version=fine_tune_jobs.VERSION,
)
def fine_tuned(
    context: dg.AssetExecutionContext,
    config: FineTuningConfig,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult[None]:
    """A candidate that OpenAI fine-tunes on the dataset's chat files: begun by one run, found made by a later one.

    Off unless WALMART_FINETUNE is set, and nothing is begun above WALMART_FINETUNE_BUDGET_USD, which holds for all jobs
    of this workspace together. One job at a time, one a dataset and base model; a run looks at it once and goes on.
    """
    told = fine_tune_jobs.advance(settings, warehouse, again=config.again, log=context.log.info)
    with warehouse.reading() as db:
        known = jobs.known(db)
    table = [
        {
            "dataset": job.dataset_version,
            "base model": job.base_model,
            "state": job.state,
            "reason": job.reason,
            "job": job.job_id,
            "USD": f"{job.committed_usd:.2f}{' (estimate)' if job.cost_usd is None else ''}",
            "version": job.version,
        }
        for job in known
    ]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(known),
            "fine-tuning": "; ".join(told),
            "cost USD": sum(job.cost_usd or 0.0 for job in known),
            "jobs": dg.MetadataValue.md(markdown.table(table)),
        }
    )

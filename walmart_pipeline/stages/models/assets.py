"""Assets of the stage `models`."""

from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from walmart_pipeline import reporting
from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row, Warehouse
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm import ledger_statistics
from walmart_pipeline.resources import WAREHOUSE_POOL, asset_of
from walmart_pipeline.stages.models import candidates as versions
from walmart_pipeline.stages.models import fine_tune_jobs, fine_tuning, modelfile_build, registration, tuned_tiers

asset = asset_of("models", owner="ml")


@asset(
    deps=[dg.AssetKey(["training", "dataset"])],
    kinds={"ollama", "python"},
    code_version=modelfile_build.VERSION,
    pool=WAREHOUSE_POOL,
)
def modelfiles(
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
) -> dg.MaterializeResult[None]:
    """A Walmart-GPT Modelfile for each tier with enough good examples: `ollama create walmart-gpt-basic -f …`.

    The policy's rules as SYSTEM, few-shot pairs of the training split, the tier's parameters, and provenance in
    comments; verified by parsing before it is written. `missing` is the number of examples that a tier lacks.
    """
    with warehouse.writing() as db:
        tiers = modelfile_build.write(db, settings.modelfiles, policy=judge.policy, base_model=settings.base_model)
        contents = reporting.contents(db, "models.modelfiles")
        version = db.fingerprint("select * exclude (path, written_at) from models.modelfiles")
    built = [tier for tier in tiers if tier["built"]]
    columns = ("tier", "built", "missing", "examples", "base_model", "path")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            **contents,
            "built": len(built),
            "dataset version": tiers[0]["dataset_version"],
            "tiers": reporting.table([{name: tier[name] for name in columns} for tier in tiers]),
            **{f"{tier['tier']} Modelfile": dg.MetadataValue.path(tier["path"]) for tier in built},
        },
    )


class TuningConfig(dg.Config):
    """The size of the tuning studies. By default nothing is tuned."""

    trials: int = Field(default=0, ge=0, description="Per tier, including earlier runs of the same study.")
    products: int = Field(default=12, ge=1, description="Validation products per trial.")
    calls: int = Field(default=500, ge=1, description="Maximum of this run, for all tiers, beside the budget.")
    tiers: list[str] = Field(default=[], description="By name; empty for every tier with enough examples.")


@asset(
    name="tuned",
    deps=[dg.AssetKey(["training", "dataset"])],
    kinds={"optuna", "python"},
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
    """The parameters and number of examples with which each tier scores best on validation products.

    A resumable Optuna study of temperature, top_p, top_k and repeat_penalty, as far as the provider supports them. The
    tier's defaults are the first trial, and stay unless another one is significantly better. Off unless `trials` is
    set: every trial calls the model for `products` products.
    """
    if not config.trials:
        return reporting.off(context, "nothing is tuned: set `trials` in the config, or run the job `retrain`")
    base, obstacle = versions.base(warehouse, settings, judge)
    if base is None or obstacle:
        # Not a failure: candidates then get the tiers' default parameters.
        return reporting.off(context, f"nothing tuned: {obstacle}")
    plan, started = tuned_tiers.TuningPlan(**config.model_dump()), datetime.now(UTC)
    found = tuned_tiers.tune_all(settings, warehouse, judge, base, plan, progress=progress, log=context.log.info)
    with warehouse.reading() as db:
        contents = reporting.contents(db, "models.tuned")
        version = db.fingerprint("select * exclude (tuned_at) from models.tuned")
    plots = {f"{study.tier} {plot.stem}": plot for study in found for plot in study.plots}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            **contents,
            "tuning": "; ".join(f"{study.tier}: {study.outcome.summary}" for study in found)
            or "no tier has enough examples",
            "calls": sum(study.calls for study in found),
            "cost USD": sum(study.cost_usd for study in found),
            **reporting.model_usage(context, ledger_statistics.usage_since(settings, started)),
            "studies": reporting.table([study.row for study in found]),
            **{name: reporting.link(settings, plot) for name, plot in plots.items()},
        },
    )


class CandidatesConfig(dg.Config):
    """Which candidates to create. By default none: the job `retrain` creates and evaluates them."""

    enabled: bool = Field(default=False, description="Create versions and register them at the Ollama servers.")
    tiers: list[str] = Field(default=[], description="By name; empty for all that can be built.")


@asset(
    deps=[dg.AssetKey(["training", "dataset"]), dg.AssetKey(["models", "tuned"])],
    kinds={"ollama", "duckdb", "python"},
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
    """A version in the registry for each tier with enough examples, with the parameters of its study.

    For Ollama also its Modelfile, and the model at every server: verified, and tested with one listing. If a server is
    unavailable or lacks the base model, the version waits and the next run continues.
    """
    if not config.enabled:
        return reporting.off(context, "no candidates: set `enabled` in the config, or run the job `retrain`")
    base, obstacle = versions.base(warehouse, settings, judge)
    if base is None:
        return reporting.off(context, f"nothing to retrain: {obstacle or ''}")
    with warehouse.writing() as db:
        dataset, made = versions.make(db, settings, judge, base, tiers=config.tiers)
        requests = versions.to_register(db) if base.provider == "ollama" else []
    rows: list[Row] = []
    if requests:
        with progress.step("registering models", len(requests), context.log.info) as advance:
            rows = registration.register_all(warehouse, settings, judge, requests, advance=advance)
    columns = ("name", "endpoint", "state", "smoke_score", "problem")
    with warehouse.reading() as db:
        contents = reporting.contents(db, "models.versions")
        version = reporting.version(
            db.fingerprint("select name, fingerprint from models.versions"),
            db.fingerprint("select name, endpoint, state, digest from models.registrations"),
        )
    return dg.MaterializeResult(
        data_version=version,
        metadata={
            **contents,
            "made": len(made),
            "dataset version": dataset.version,
            "base model": base.base_model,
            "candidates": reporting.table([candidate.row for candidate in made]),
            "registrations": reporting.table([{name: row[name] for name in columns} for row in rows]),
            **({"obstacle": obstacle} if obstacle else {}),
        },
    )


class FineTuningConfig(dg.Config):
    """Whether to pay for another attempt."""

    again: bool = Field(default=False, description="Restart a failed or cancelled job of this dataset.")


@asset(deps=[dg.AssetKey(["training", "dataset"])], kinds={"openai", "python"}, code_version=fine_tuning.VERSION)
def fine_tuned(
    context: dg.AssetExecutionContext,
    config: FineTuningConfig,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult[None]:
    """A candidate fine-tuned at OpenAI on the dataset's chat files: started by one run, registered by a later one.

    Off unless WALMART_FINETUNE is set; WALMART_FINETUNE_BUDGET_USD limits all jobs of the workspace together. One job
    at a time, and one per dataset and base model; each run polls it once.
    """
    outcome = fine_tuning.advance(settings, warehouse, again=config.again, log=context.log.info)
    with warehouse.reading() as db:
        jobs = fine_tune_jobs.known(db)
        contents = reporting.contents(db, "models.fine_tunes")
        version = db.fingerprint("select label, state, version from models.fine_tunes")
    if not jobs and not settings.finetune:
        return reporting.off(context, "; ".join(outcome))
    rows: list[Row] = [
        {
            "dataset": job.dataset_version,
            "base model": job.base_model,
            "state": job.state,
            "reason": job.reason,
            "job": job.job_id,
            "USD": f"{job.committed_usd:.2f}{' (estimate)' if job.cost_usd is None else ''}",
            "version": job.version,
        }
        for job in jobs
    ]
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            **contents,
            "fine-tuning": "; ".join(outcome),
            "cost USD": sum(job.cost_usd or 0.0 for job in jobs),
            "jobs": reporting.table(rows),
        },
    )

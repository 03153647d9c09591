"""The command `retrain`."""

from __future__ import annotations

from typing import Annotated

import typer

from walmart_pipeline.automation.retrain_config import RetrainConfig
from walmart_pipeline.cli.options import AsJson, BaseUrl, Home, ModelName, PolicyName, ProviderName, settings_from

app = typer.Typer()

DEFAULTS = RetrainConfig()


@app.command()
def retrain(
    provider: ProviderName = None,
    base_url: BaseUrl = None,
    model: ModelName = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Concurrent calls per endpoint.")] = None,
    budget: Annotated[float | None, typer.Option(min=0, help="Budget in USD. Default: 5.")] = None,
    policy: PolicyName = None,
    tier: Annotated[list[str] | None, typer.Option(help="basic, advanced or expert; may be repeated.")] = None,
    trials: Annotated[int, typer.Option(min=0, help="Tuning trials per tier.")] = DEFAULTS.trials,
    tuning_products: Annotated[int, typer.Option(min=1, help="Products per trial.")] = DEFAULTS.tuning_products,
    calls: Annotated[int, typer.Option(min=1, help="Maximum calls of all trials.")] = DEFAULTS.calls,
    products: Annotated[
        int, typer.Option(min=1, help="Held-out products of the evaluation.")
    ] = DEFAULTS.evaluation_products,
    promote: Annotated[bool, typer.Option(help="Promote the winner; otherwise only report it.")] = True,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Build better models from the accepted texts: dataset, tuning, candidates, evaluation, promotion.

    Without Ollama and without an API key, the embedded model is retrained in this process.
    """
    from walmart_pipeline import runner
    from walmart_pipeline.cli import terminal

    chosen = settings_from(
        workspace=home,
        provider=provider,
        base_url=base_url,
        model=model,
        concurrency=concurrency,
        budget_usd=budget,
        policy=policy,
    )
    with terminal.progress() as progress:
        config = RetrainConfig(
            trials=trials, tuning_products=tuning_products, calls=calls, evaluation_products=products
        )
        summary = runner.retrain(chosen, config=config, tiers=tier or [], promote=promote, progress=progress)
    if as_json:
        print(summary.model_dump_json(indent=2))
    else:
        terminal.show_retraining(summary)
    raise typer.Exit(0 if summary.succeeded else 1)

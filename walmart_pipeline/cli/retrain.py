"""The command that retrains."""

from __future__ import annotations

from typing import Annotated

import typer

from walmart_pipeline.automation.retrain_config import Effort
from walmart_pipeline.cli.options import AsJson, BaseUrl, Home, ModelName, PolicyName, ProviderName, settings_from

app = typer.Typer()

USUAL = Effort()


@app.command()
def retrain(
    provider: ProviderName = None,
    base_url: BaseUrl = None,
    model: ModelName = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Calls at once, an endpoint.")] = None,
    budget: Annotated[float | None, typer.Option(min=0, help="USD that this may spend. Default: 5.")] = None,
    policy: PolicyName = None,
    tier: Annotated[list[str] | None, typer.Option(help="basic, advanced or expert; may be repeated.")] = None,
    trials: Annotated[int, typer.Option(min=0, help="Settings that are tried for a tier.")] = USUAL.trials,
    tuning_products: Annotated[int, typer.Option(min=1, help="Products of a trial.")] = USUAL.tuning_products,
    calls: Annotated[int, typer.Option(min=1, help="Calls of all trials at most.")] = USUAL.calls,
    products: Annotated[int, typer.Option(min=1, help="Held-out products of the contest.")] = USUAL.contest_products,
    promote: Annotated[bool, typer.Option(help="Let the winner write; otherwise only say who it is.")] = True,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """From the accepted texts to a better model: dataset, tuning, candidates, contest, promotion by evidence.

    Without Ollama and without a key the embedded model is retrained, in this process.
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
        done = runner.retrain(
            chosen,
            effort=Effort(trials=trials, tuning_products=tuning_products, calls=calls, contest_products=products),
            tiers=tier or [],
            promote=promote,
            progress=progress,
        )
    if as_json:
        print(done.model_dump_json(indent=2))
    else:
        terminal.show_retraining(done)
    raise typer.Exit(0 if done.succeeded else 1)

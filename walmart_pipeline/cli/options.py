"""Options shared by several commands, the settings they override, and error exits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from rich.markup import escape

from walmart_pipeline.cli.terminal import console
from walmart_pipeline.core import warehouses
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse

Home = Annotated[
    Path | None,
    typer.Option(help="Workspace: warehouse, inbox, exports, Dagster instance. Default: WALMART_HOME, or data."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
PolicyName = Annotated[str | None, typer.Option(help="Policy profile: name or YAML file. Default: WALMART_POLICY.")]
ProviderName = Annotated[str | None, typer.Option(help="Provider: ollama, openai, embedded, template, or auto.")]
BaseUrl = Annotated[
    str | None, typer.Option(help="Model servers separated by commas, with a weight: http://a=3,http://b.")
]
ModelName = Annotated[str | None, typer.Option(help="Model. Default: DEFAULT_MODEL.")]
Pull = Annotated[bool, typer.Option("--pull", help="Pull a missing Ollama model without confirmation.")]


def settings_from(**given: object) -> Settings:
    """Settings from the environment, overridden by the given options."""
    try:
        return Settings.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        usage_error("; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()))


def fail(message: str) -> NoReturn:
    """Print the message and exit with 1."""
    console.print(f"[red]failed[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(1)


def usage_error(message: str) -> NoReturn:
    """Print the message and exit with 2."""
    console.print(f"[red]usage[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(2)


def existing_warehouse(settings: Settings) -> Warehouse:
    """The warehouse; exits with 1 if there is none yet."""
    warehouse = warehouses.of(settings)
    if not warehouse.exists():
        fail("there is no warehouse yet: run `walmart-pipeline run` first")
    return warehouse

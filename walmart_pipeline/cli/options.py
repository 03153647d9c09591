"""What every command shares: its common options, the settings they give, and how an error is told.

Belongs here: an option that several commands have. Does not: a command.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from rich.markup import escape

from walmart_pipeline.cli.terminal import console
from walmart_pipeline.core.settings import Settings

Home = Annotated[
    Path | None,
    typer.Option(help="Workspace: warehouse, inbox, exports, Dagster instance. Default: WALMART_HOME, or data."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
PolicyName = Annotated[str | None, typer.Option(help="Policy profile: name or YAML file. Default: WALMART_POLICY.")]
ProviderName = Annotated[str | None, typer.Option(help="Who writes: ollama, openai, embedded, template, or auto.")]
BaseUrl = Annotated[str | None, typer.Option(help="Model server; several Ollamas divided by commas.")]
ModelName = Annotated[str | None, typer.Option(help="Model that writes. Default: DEFAULT_MODEL.")]
Pull = Annotated[bool, typer.Option("--pull", help="Pull a model that Ollama lacks; a terminal is asked without it.")]

Answer = TypeVar("Answer")


def settings_from(**given: object) -> Settings:
    """Settings with what the command line says on top."""
    try:
        return Settings.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong("; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()))


def told(work: Callable[[], Answer]) -> Answer:
    """Run it; an error that is meant for a user becomes one line and exit code 1."""
    from walmart_pipeline.core.warehouse import WarehouseError
    from walmart_pipeline.generation.provider import ProviderError
    from walmart_pipeline.judge.profiles import PolicyError
    from walmart_pipeline.llm.calls import CallError
    from walmart_pipeline.llm.ledger import LedgerError
    from walmart_pipeline.registry.model_versions import RegistryError

    try:
        return work()
    except (
        CallError,
        LedgerError,
        OSError,
        PolicyError,
        ProviderError,
        RegistryError,
        UnicodeDecodeError,
        WarehouseError,
    ) as error:
        failed(str(error))


def failed(message: str) -> NoReturn:
    """End with exit code 1: it was asked rightly and could not be done."""
    console.print(f"[red]failed[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(1)


def wrong(message: str) -> NoReturn:
    """End with exit code 2: it was asked wrongly."""
    console.print(f"[red]usage[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(2)

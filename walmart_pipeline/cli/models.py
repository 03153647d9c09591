"""The commands `models` and `modelfile`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from walmart_pipeline.cli.options import AsJson, Home, existing_warehouse, fail, settings_from, usage_error
from walmart_pipeline.cli.terminal import console, output

modelfile = typer.Typer(help="Work with Ollama Modelfiles.", no_args_is_help=True)
models = typer.Typer(help="Versions of Walmart-GPT: list, compare, promote, roll back.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Such as walmart-gpt-basic:1.2.0; without a version, the newest.")]
Reason = Annotated[str, typer.Option(help="Recorded with the decision.")]
STATUS_COLOURS = {"champion": "green", "candidate": "yellow", "retired": "dim"}


@models.command("list")
def list_versions(home: Home = None, as_json: AsJson = False) -> None:
    """List all versions, the newest first."""
    from walmart_pipeline.registry import model_versions

    with existing_warehouse(settings_from(workspace=home)).reading() as db:
        known = model_versions.versions(db)
    if as_json:
        print(json.dumps([version.model_dump(mode="json", exclude={"recipe"}) for version in known], indent=2))
        return
    # Users copy these: they are never truncated.
    unwrapped = [Column(label, no_wrap=True) for label in ("version", "status", "provider")]
    table = Table(*unwrapped, "base model", "reason", box=None)
    for version in known:
        colour = STATUS_COLOURS[version.status]
        about = (version.recipe.provider, version.recipe.base_model, version.note)
        table.add_row(version.name, f"[{colour}]{version.status}[/]", *map(escape, about))
    output.print(table if known else "no version yet: run `walmart-pipeline retrain`")


@models.command("show")
def show(name: Name, home: Home = None, as_json: AsJson = False) -> None:
    """Show one version with its provenance."""
    from walmart_pipeline.registry import model_versions

    with existing_warehouse(settings_from(workspace=home)).reading() as db:
        version = model_versions.get(db, name)
    if as_json:
        print(version.model_dump_json(indent=2))
        return
    for label, value in model_versions.described(version).items():
        output.print(f"  {label:<16} {value}", markup=False, soft_wrap=True)


@models.command("compare")
def compare(one: Name, other: Name, home: Home = None, as_json: AsJson = False) -> None:
    """Compare two versions: differences, and scores in the latest evaluation that includes both."""
    from walmart_pipeline.registry import model_versions
    from walmart_pipeline.stages.evaluation.evaluation_store import scores_of

    with existing_warehouse(settings_from(workspace=home)).reading() as db:
        first, second = model_versions.get(db, one), model_versions.get(db, other)
        scores = {row["contender"]: row for row in scores_of(db, [first.name, second.name])}
    differing = model_versions.differences(first, second)
    if as_json:
        compared = {"versions": [first.name, second.name], "differs": differing, "evaluation": list(scores.values())}
        print(json.dumps(compared, indent=2))
        return
    table = Table("", first.name, second.name, box=None)
    for label, values in differing.items():
        table.add_row(label, *(escape("–" if value is None else str(value)) for value in values))
    if scores:
        pair = [scores[version.name] for version in (first, second)]
        label = f"evaluation {pair[0]['evaluation_number']}"
        table.add_row(label, *(f"{row['mean_score']:.1f} points" for row in pair))
        table.add_row("", *(f"{row['publishable']:.0%} of {row['products']} publishable" for row in pair))
    output.print(table if differing or scores else "they differ only in their names")


@models.command("promote")
def promote(
    name: Name,
    reason: Reason = "by hand",
    force: Annotated[bool, typer.Option(help="Promote even if the version is incompatible with the settings.")] = False,
    home: Home = None,
) -> None:
    """Make a version the champion from the next run on, regardless of its evaluation."""
    from walmart_pipeline.judge import profiles
    from walmart_pipeline.judge.judge import Judge
    from walmart_pipeline.registry import compatibility, model_versions

    settings = settings_from(workspace=home)
    warehouse = existing_warehouse(settings)
    with warehouse.reading() as db:
        version = model_versions.get(db, name)
    problems = compatibility.problems(version, settings, Judge(profiles.load(settings.policy)))
    for problem in problems:
        console.print(f"[red]problem[/] {escape(problem)}", soft_wrap=True)
    if problems and not force:
        fail(f"{version.name} can't be used here: fix that, or promote it with --force")

    with warehouse.writing() as db:
        model_versions.promote(db, version.name, decided_by="a person", reason=reason)
    output.print(f"{version.name} is the champion from the next run on")


@models.command("rollback")
def rollback(
    provider: Annotated[str, typer.Option(help="The provider: ollama, openai or embedded.")],
    reason: Reason = "by hand",
    home: Home = None,
) -> None:
    """Undo the latest promotion and restore the previous champion."""
    from walmart_pipeline.registry import model_versions

    with existing_warehouse(settings_from(workspace=home)).writing() as db:
        retired, restored = model_versions.rollback(db, provider, decided_by="a person", reason=reason)
    used = restored.name if restored else f"the default model of {provider}"
    output.print(f"{retired.name} is retired; {used} is used again")


@modelfile.command("check")
def modelfile_check(path: Path, as_json: AsJson = False) -> None:
    """Report every error of a Modelfile with its line."""
    from dataclasses import asdict

    from walmart_pipeline.stages.models.modelfile import check

    if not path.is_file():
        usage_error(f"there is no file {path}")
    problems = check(path.read_bytes())
    if as_json:
        print(json.dumps([asdict(problem) for problem in problems], indent=2))
    else:
        for problem in problems:
            output.print(f"{path}:{problem.line}: {problem.severity}: {problem.message}", markup=False, soft_wrap=True)
        output.print(f"{path}: {len(problems)} found" if problems else f"{path}: good", markup=False)
    raise typer.Exit(1 if any(problem.severity == "error" for problem in problems) else 0)

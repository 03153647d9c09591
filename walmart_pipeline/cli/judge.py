"""The commands `score` and `policy`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from walmart_pipeline.cli.options import AsJson, PolicyName, settings_from, usage_error
from walmart_pipeline.cli.terminal import console, output

app = typer.Typer()
policy_app = typer.Typer(help="Policy profiles: the limits, rules and word lists of the judge.", no_args_is_help=True)


@app.command()
def score(
    source: Annotated[Path, typer.Option("--input", help="JSON lines of {product, listing}; - for stdin.")],
    reports: Annotated[Path | None, typer.Option("--output", help="File for the reports. Default: stdout.")] = None,
    policy: PolicyName = None,
) -> None:
    """Score pairs of product and listing: a QualityReport, or an error, for each line."""
    from walmart_pipeline.judge import profiles
    from walmart_pipeline.judge.judge import Judge
    from walmart_pipeline.judge.scoring import score_file

    chosen = settings_from(policy=policy)
    given = None if str(source) == "-" else source
    if given and not given.is_file():
        usage_error(f"--input: there is no file {source}")
    counts = score_file(given, reports, Judge(profiles.load(chosen.policy), cross_encoder=True))
    console.print(
        f"{counts.reports:,} reports, {counts.publishable:,} publishable, {counts.errors:,} lines with an error"
    )
    raise typer.Exit(1 if counts.errors and not counts.reports else 0)


@policy_app.command("list")
def list_profiles(as_json: AsJson = False) -> None:
    """List the built-in profiles with version and limits."""
    from walmart_pipeline.judge import profiles

    known = [profiles.outline(name) for name in profiles.available()]
    if as_json:
        print(json.dumps(known, indent=2))
        return
    table = Table("profile", "version", "extends", "rules", "title", "features", "words", box=None)
    for profile in known:
        limits = profile["limits"]
        table.add_row(
            profile["name"],
            profile["version"],
            profile["extends"] or "",
            str(len(profile["rules_on"])),
            f"{limits['title_min']}–{limits['title_max']}",
            f"{limits['features_min']}–{limits['features_max']} of {limits['feature_max_chars']}",
            f"{limits['description_min_words']}+",
        )
    output.print(table)


@policy_app.command("check")
def check_profile(
    profile: Annotated[str, typer.Argument(metavar="FILE", help="A YAML file, or the name of a built-in profile.")],
    as_json: AsJson = False,
) -> None:
    """Validate a profile: show its settings, or every error with its location and remedy."""
    from walmart_pipeline.judge import profiles

    try:
        found = profiles.outline(profile)
    except profiles.PolicyError as error:
        if as_json:
            print(json.dumps({"profile": profile, "errors": list(error.problems)}, indent=2))
            raise typer.Exit(1) from error
        for problem in error.problems:
            output.print(f"[red]error[/] {escape(problem)}", soft_wrap=True)
        raise typer.Exit(1) from error
    if as_json:
        print(json.dumps({"profile": profile, "errors": [], **found}, indent=2))
        return
    extends = f", extends {found['extends']}" if found["extends"] else ""
    output.print(f"[green]good[/]  {found['name']}@{found['version']}{extends}", soft_wrap=True, highlight=False)
    output.print(f"rules on   {len(found['rules_on'])}", highlight=False)
    output.print(f"rules off  {', '.join(found['rules_off']) or 'none'}", highlight=False)
    for name, (theirs, ours) in found["changed"].items():
        output.print(f"limit      {name} {ours:,}, was {theirs:,}", highlight=False)

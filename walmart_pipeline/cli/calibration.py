"""The command `judge`: whether the judge agrees with careful readers, and the model that is fitted to what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from walmart_pipeline.cli.options import AsJson, PolicyName, settings_from, usage_error
from walmart_pipeline.cli.terminal import console, output

app = typer.Typer(help="Compare the judge with blind ratings of listings, and fit it to them.", no_args_is_help=True)

Rated = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Rated listings, as `judge gather` writes them.")]


@app.command()
def gather(
    sheet: Annotated[Path, typer.Argument(help="JSON lines of {n, record, listing}: what the raters read.")],
    key: Annotated[Path, typer.Argument(help="JSON lines of {n, kind, source, writer}: what they did not see.")],
    ratings: Annotated[
        list[Path],
        typer.Argument(metavar="RATINGS…", help="JSON lines of {n, publish, stars, faults, worst}, a rater each."),
    ],
    target: Annotated[Path, typer.Option("--output", help="JSON lines of rated listings; extended if it exists.")],
    without_text: Annotated[
        list[str] | None, typer.Option("--without-text", help="A source whose texts are kept as hashes alone.")
    ] = None,
) -> None:
    """Join a sheet with its key and its ratings."""
    from walmart_pipeline.judge.ratings import rated_listings

    rows = list(rated_listings.gather(sheet, key, {path.stem: path for path in ratings}))
    with target.open("a", encoding="utf-8") as file:
        for row in rows:
            kept = row.without_text() if row.source in (without_text or ()) else row
            file.write(kept.model_dump_json(exclude_none=True) + "\n")
    console.print(f"{len(rows):,} rated listings → {target}", highlight=False)


@app.command()
def agreement(rated: Rated, policy: PolicyName = None, as_json: AsJson = False) -> None:
    """Rank correlation of score and stars, over all listings and within each kind, beside that of the raters."""
    from walmart_pipeline.judge import profiles
    from walmart_pipeline.judge.judge import Judge
    from walmart_pipeline.judge.ratings import agreement as figures
    from walmart_pipeline.judge.ratings import rated_listings

    judge = Judge(profiles.load(settings_from(policy=policy).policy))
    found = figures.measure(rated_listings.read(rated), judge)
    if not found:
        usage_error("no rated listing has its text: give files that were gathered without --without-text")
    if as_json:
        print(json.dumps([each.model_dump() for each in found]))
        return
    names = list(figures.ScoreAgreement.model_fields)
    table = Table(*(name.replace("_", " ") for name in names), box=None)
    for each in found:
        table.add_row(*(_shown(value) for value in each.model_dump().values()))
    output.print(table)


@app.command()
def fit(
    rated: Rated,
    good: Annotated[
        list[Path],
        typer.Option("--good", help="JSON lines with a listing each, well written: what the language model reads."),
    ],
    target: Annotated[
        Path | None, typer.Option("--output", help="File for the model. Default: nothing is written.")
    ] = None,
    policy: PolicyName = None,
    as_json: AsJson = False,
) -> None:
    """Fit the model of writing and the weights of the score; the same files give the same model."""
    from walmart_pipeline.judge import profiles
    from walmart_pipeline.judge.judge import Judge
    from walmart_pipeline.judge.ratings import fitting, rated_listings

    judge = Judge(profiles.load(settings_from(policy=policy).policy))
    done = fitting.fit(rated_listings.read(rated), rated_listings.listings(good), judge)
    if target:
        target.write_text(done.model.model_dump_json() + "\n", encoding="utf-8")
    if as_json:
        print(json.dumps(done.figures.model_dump()))
        return
    for name, value in done.figures.model_dump().items():
        output.print(f"{name}: {value}", highlight=False, soft_wrap=True)


def _shown(value: Any) -> str:
    return "" if value is None else str(value)

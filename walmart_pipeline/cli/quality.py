"""Commands of the judge: score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from walmart_pipeline.cli.options import (
    PolicyName,
    settings_from,
    told,
    wrong,
)
from walmart_pipeline.terminal import console

app = typer.Typer()


@app.command()
def score(
    source: Annotated[Path, typer.Option("--input", help="JSON lines of {product, listing}; - for stdin.")],
    output: Annotated[Path | None, typer.Option(help="Where the reports go. Default: stdout.")] = None,
    policy: PolicyName = None,
) -> None:
    """Judge pairs of product and listing: a QualityReport for each line, or the line's error."""
    from walmart_pipeline.quality import pair_files
    from walmart_pipeline.quality import policy as profiles
    from walmart_pipeline.quality.judge import Judge

    chosen = settings_from(policy=policy)
    given = None if str(source) == "-" else source
    if given and not given.is_file():
        wrong(f"--input: there is no file {source}")
    tally = told(lambda: pair_files.score_file(given, output, Judge(profiles.load(chosen.policy))))
    console.print(f"{tally.reports:,} reports, {tally.publishable:,} publishable, {tally.errors:,} lines with an error")
    raise typer.Exit(1 if tally.errors and not tally.reports else 0)

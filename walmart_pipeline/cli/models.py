"""Commands of the models: modelfile check."""

from __future__ import annotations

from pathlib import Path

import typer

from walmart_pipeline.cli.options import (
    AsJson,
    wrong,
)
from walmart_pipeline.terminal import console

modelfile = typer.Typer(help="Work with Ollama Modelfiles.", no_args_is_help=True)


@modelfile.command("check")
def modelfile_check(path: Path, as_json: AsJson = False) -> None:
    """Report every error of a Modelfile with its line."""
    import json
    from dataclasses import asdict

    from walmart_pipeline.models.modelfile import check

    if not path.is_file():
        wrong(f"there is no file {path}")
    problems = check(path.read_bytes())
    if as_json:
        print(json.dumps([asdict(problem) for problem in problems], indent=2))
    else:
        for problem in problems:
            console.print(f"{path}:{problem.line}: {problem.severity}: {problem.message}", markup=False, soft_wrap=True)
        console.print(f"{path}: {len(problems)} found" if problems else f"{path}: good", markup=False)
    raise typer.Exit(1 if any(problem.severity == "error" for problem in problems) else 0)

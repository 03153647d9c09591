"""The command line.

Belongs here: arguments, where output goes, exit codes (0 done, 1 failed, 2 wrong usage). Does not: the work itself.
Messages go to stderr; stdout is for what a program reads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from rich.markup import escape

from walmart_pipeline import settings as configuration
from walmart_pipeline.settings import Settings
from walmart_pipeline.terminal import console

app = typer.Typer(
    name="walmart-pipeline",
    help="From a retailer's messy catalog to listings that Walmart.com accepts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
bench_app = typer.Typer(help="Measure the program on this machine.", no_args_is_help=True)
modelfile_app = typer.Typer(help="Work with Ollama Modelfiles.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")
app.add_typer(modelfile_app, name="modelfile")

Home = Annotated[
    Path | None,
    typer.Option(help="Folder of warehouse, inbox, exports, Dagster home. Default: WALMART_HOME or data."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
PolicyName = Annotated[str | None, typer.Option(help="Policy profile: name or YAML file. Default: WALMART_POLICY.")]
ProviderName = Annotated[str | None, typer.Option(help="Who writes: ollama, openai, embedded, composer, or auto.")]
BaseUrl = Annotated[str | None, typer.Option(help="Model server; several Ollamas divided by commas.")]
ModelName = Annotated[str | None, typer.Option(help="Model that writes. Default: DEFAULT_MODEL.")]

Answer = TypeVar("Answer")


@app.command()
def run(
    catalog: Annotated[
        list[Path] | None,
        typer.Option(help="Feed or folder of feeds, read in place; may be repeated. Default: inbox."),
    ] = None,
    provider: ProviderName = None,
    base_url: BaseUrl = None,
    model: ModelName = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Calls at once, an endpoint.")] = None,
    budget: Annotated[float | None, typer.Option(min=0, help="USD that this run may spend. Default: 5.")] = None,
    policy: PolicyName = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Write at most so many products.")] = None,
    plan_only: Annotated[bool, typer.Option(help="Only plan: what would be written, what it would cost.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Run the whole pipeline in this process, on the same Dagster instance as the UI."""
    from walmart_pipeline import running, terminal

    chosen = _settings(
        home=home,
        provider=provider,
        base_url=base_url,
        model=model,
        concurrency=concurrency,
        budget_usd=budget,
        policy=policy,
    )
    if missing := [path for path in catalog or [] if not path.exists()]:
        names = ", ".join(map(str, missing))
        if len(missing) == len(catalog or []):
            _wrong(f"--catalog: there is no {names}")
        console.print(f"[yellow]missing[/] {escape(names)}")
    with terminal.progress() as progress:
        summary = running.run(
            chosen,
            catalog=[str(path.resolve()) for path in catalog or []],
            limit=limit,
            plan_only=plan_only,
            progress=progress,
        )
    if as_json:
        print(summary.model_dump_json(indent=2))
    elif plan_only:
        terminal.show_plan(summary)
    else:
        terminal.show(summary)
    raise typer.Exit(0 if summary.succeeded else 1)


@app.command()
def dev(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    home: Home = None,
) -> None:
    """Dagster's UI and daemon, on this project's instance."""
    import os

    from walmart_pipeline import homes

    homes.prepare(_settings(home=home))
    executable = str(Path(sys.executable).with_name("dagster"))
    arguments = ["dev", "-w", str(configuration.PROJECT / "workspace.yaml"), "--port", str(port)]
    console.print(f"Dagster at http://127.0.0.1:{port} — stop it with Ctrl-C")
    os.execv(executable, [executable, *arguments])  # noqa: S606


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

    chosen = _settings(policy=policy)
    given = None if str(source) == "-" else source
    if given and not given.is_file():
        _wrong(f"--input: there is no file {source}")
    tally = _told(lambda: pair_files.score_file(given, output, Judge(profiles.load(chosen.policy))))
    console.print(f"{tally.reports:,} reports, {tally.publishable:,} publishable, {tally.errors:,} lines with an error")
    raise typer.Exit(1 if tally.errors and not tally.reports else 0)


@app.command()
def export(
    formats: Annotated[list[str], typer.Option("--format", help="jsonl, csv or txt; may be repeated.")],
    folder: Annotated[Path | None, typer.Option(help="Where the files go. Default: exports in the home.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the accepted listings to files, each whole or not at all."""
    from walmart_pipeline.delivery import delivering
    from walmart_pipeline.warehouse import Warehouse

    chosen = _settings(home=home)
    if unknown := set(formats) - set(delivering.FORMATS):
        _wrong(f"--format: {', '.join(sorted(unknown))}: use {', '.join(delivering.FORMATS)}")

    def write() -> list[Any]:
        with Warehouse(chosen.warehouse, chosen.warehouse_wait_seconds).writing() as db:
            written = delivering.deliver(db, folder or chosen.exports, formats)
            delivering.record(db, written, run_id="")
        return written

    if not chosen.warehouse.exists():
        _failed(f"there is no warehouse at {chosen.warehouse} yet: run `walmart-pipeline run` first")
    written = _told(write)
    if as_json:
        import json

        print(json.dumps([summary.model_dump() for summary in written], indent=2))
    for summary in written:
        console.print(f"{summary.rows:,} listings, {summary.bytes:,} bytes: {escape(summary.path)}")


@app.command()
def doctor(home: Home = None, as_json: AsJson = False) -> None:
    """Say what is installed, configured and reachable; never a secret."""
    import json

    from walmart_pipeline import doctor as examination

    findings = examination.examine(_settings(home=home))
    if as_json:
        print(json.dumps([finding.model_dump() for finding in findings], indent=2))
    else:
        colours = {"good": "green", "note": "yellow", "bad": "red"}
        for finding in findings:
            remedy = f" — {finding.remedy}" if finding.remedy else ""
            console.print(
                f"[{colours[finding.state]}]{finding.state:<5}[/]{finding.name:<20} {escape(finding.detail + remedy)}",
                soft_wrap=True,
            )
    raise typer.Exit(1 if any(finding.state == "bad" for finding in findings) else 0)


@bench_app.command("load")
def bench_load(
    repeats: Annotated[int, typer.Option(min=1, help="Fresh processes of each.")] = 5,
) -> None:
    """Time loading the definitions beside `import dagster` alone."""
    from walmart_pipeline.benchmarks import load

    print(load.measure(repeats).model_dump_json(indent=2))


@bench_app.command("generation")
def bench_generation(
    provider: ProviderName = "composer",
    base_url: BaseUrl = None,
    model: ModelName = None,
    products: Annotated[int, typer.Option(min=1, help="Products, made for the measurement.")] = 4_000,
    concurrency: Annotated[int, typer.Option(min=1, help="Calls at once.")] = 64,
    call_seconds: Annotated[float, typer.Option(help="What one call takes, for the ideal time.")] = 0.2,
    changed: Annotated[float, typer.Option(min=0, max=1, help="Share of the products with other facts.")] = 0.0,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Time the real path: plan, ledger, dispatcher, parse, upsert; repair is off, so a product is one good answer."""
    from walmart_pipeline.benchmarks import generation

    given = _settings(provider=provider, base_url=base_url, model=model, concurrency=concurrency)
    measured = _told(
        lambda: generation.measure(given, products=products, changed=changed, call_seconds=call_seconds, home=home)
    )
    print(measured.model_dump_json(indent=None if as_json else 2))


@bench_app.command("plan")
def bench_plan(
    products: Annotated[int, typer.Option(min=1, help="Products in the warehouse.")] = 1_000_000,
    changed: Annotated[float, typer.Option(min=0, max=1, help="Share of them with other facts.")] = 0.01,
) -> None:
    """Time the plan over a large catalog of which a part has changed."""
    from walmart_pipeline.benchmarks import plan

    print(plan.measure(products=products, changed=changed).model_dump_json(indent=2))


@modelfile_app.command("check")
def modelfile_check(path: Path, as_json: AsJson = False) -> None:
    """Report every error of a Modelfile with its line."""
    import json
    from dataclasses import asdict

    from walmart_pipeline.models.modelfile import check

    if not path.is_file():
        _wrong(f"there is no file {path}")
    problems = check(path.read_bytes())
    if as_json:
        print(json.dumps([asdict(problem) for problem in problems], indent=2))
    else:
        for problem in problems:
            console.print(f"{path}:{problem.line}: {problem.severity}: {problem.message}", markup=False, soft_wrap=True)
        console.print(f"{path}: {len(problems)} found" if problems else f"{path}: good", markup=False)
    raise typer.Exit(1 if any(problem.severity == "error" for problem in problems) else 0)


def _settings(**given: object) -> Settings:
    """Settings with what the command line says on top."""
    try:
        return Settings.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        _wrong("; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()))


def _told(work: Callable[[], Answer]) -> Answer:
    """Run it; an error that is meant for a user becomes one line and exit code 1."""
    from walmart_pipeline.llm.calls import CallError
    from walmart_pipeline.llm.choosing import ProviderError
    from walmart_pipeline.llm.ledger import LedgerError
    from walmart_pipeline.quality.policy import PolicyError
    from walmart_pipeline.warehouse import WarehouseError

    try:
        return work()
    except (
        CallError,
        LedgerError,
        OSError,
        PolicyError,
        ProviderError,
        UnicodeDecodeError,
        WarehouseError,
    ) as error:
        _failed(str(error))


def _failed(message: str) -> NoReturn:
    console.print(f"[red]failed[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(1)


def _wrong(message: str) -> NoReturn:
    console.print(f"[red]usage[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(2)


def main() -> None:
    """Entry point of `walmart-pipeline`."""
    app()


if __name__ == "__main__":
    main()

"""The command `generate`: one product's listing, written and judged immediately."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from walmart_pipeline.cli import model_pull
from walmart_pipeline.cli.options import (
    AsJson,
    BaseUrl,
    Home,
    ModelName,
    PolicyName,
    ProviderName,
    Pull,
    fail,
    settings_from,
    usage_error,
)
from walmart_pipeline.cli.terminal import console, output

if TYPE_CHECKING:
    from walmart_pipeline.core.records import Product
    from walmart_pipeline.llm.calls import Request

app = typer.Typer()


@app.command()
def generate(
    name: Annotated[str | None, typer.Option(help="Product name.")] = None,
    brand: Annotated[str | None, typer.Option(help="Brand.")] = None,
    category: Annotated[str | None, typer.Option(help='Broad to narrow: "Home > Kitchen > Kettles".')] = None,
    feature: Annotated[list[str] | None, typer.Option(help="A feature; may be repeated.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="May be repeated.")] = None,
    description: Annotated[str | None, typer.Option(help="The source's description.")] = None,
    source: Annotated[
        Path | None, typer.Option("--input", help="Product as JSON instead of the options; - for stdin.")
    ] = None,
    provider: ProviderName = None,
    base_url: BaseUrl = None,
    model: ModelName = None,
    budget: Annotated[float | None, typer.Option(min=0, help="Budget in USD. Default: 5.")] = None,
    policy: PolicyName = None,
    pull: Pull = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write and judge one product's listing, as the pipeline would and with the same ledger.

    In a terminal the model's answer is streamed. Exits with 1 if there is no listing.
    """
    from walmart_pipeline.cli import listing_view
    from walmart_pipeline.judge import profiles
    from walmart_pipeline.judge.judge import Judge
    from walmart_pipeline.stages.content import single_product

    flags = {
        "product_name": name,
        "brand": brand,
        "category": [part.strip() for part in category.split(">")] if category else None,
        "features": feature,
        "attributes": dict(map(_pair, attribute)) if attribute else None,
        "description": description,
    }
    product = _product({field: value for field, value in flags.items() if value is not None}, source)
    chosen = settings_from(
        workspace=home, provider=provider, base_url=base_url, model=model, budget_usd=budget, policy=policy
    )
    model_pull.offer(chosen, pull=pull)
    judge = Judge(profiles.load(chosen.policy), cross_encoder=True)
    writer = single_product.choose(chosen, judge)
    live_output = _LiveOutput()
    is_streamed = console.is_terminal and writer.watch(live_output)
    written = single_product.write(product, writer, judge)
    if is_streamed:
        live_output.end()
    if as_json:
        print(written.model_dump_json(indent=2))
    else:
        output.print(listing_view.view(product, written))
    if not written.listing:
        fail(listing_view.printable(written.completion.error or "there is no listing"))


class _LiveOutput:
    calls = 0

    def call_started(self, request: Request) -> None:
        self.calls += 1
        is_repair = request.messages[-2:-1] and request.messages[-2].role == "assistant"
        action = "repairs its answer" if is_repair else "writes"
        console.print(f"\n{request.model} {action} …", style="bold", markup=False)

    def piece(self, text: str) -> None:
        from walmart_pipeline.cli.listing_view import printable

        console.out(printable(text), end="", style="dim", highlight=False)

    def end(self) -> None:
        console.print("\n" if self.calls else "answered from the ledger: no call was made", style="dim")


def _product(flags: dict[str, object], source: Path | None) -> Product:
    from walmart_pipeline.stages.content import single_product

    if bool(flags) == bool(source):
        usage_error("describe the product: with --name and the other options, or as JSON with --input")
    try:
        if not source:
            return single_product.product(flags)
        if str(source) == "-":
            return single_product.product_from_json(sys.stdin.buffer.read())
        if not source.is_file():
            usage_error(f"--input: there is no file {source}")
        return single_product.product_from_json(source.read_bytes())
    except single_product.ProductError as error:
        usage_error(f"--input: {error}" if source else str(error))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        usage_error(f"--attribute: `{text}` is not NAME=VALUE")
    return name.strip(), value.strip()

"""Great Expectations suites over the catalog's tables (expectations.yaml), and their Data Docs page."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from walmart_pipeline.core.files import read_yaml, write_atomically
from walmart_pipeline.core.warehouse import Database, Row

SUITES = Path(__file__).with_name("expectations.yaml")
PAGE = Path(__file__).with_name("expectations.html.j2")

# Only the checked columns: a million products take some 300 MB as a data frame.
CHECKED = {
    "raw_products": "select source_file, source_row, left(raw, 1) as raw, problem from catalog.raw_products",
    "products": """
        select
            product_id, product_name, brand, price, gtin, rating, facts_hash,
            len(category) as category_depth,
            length(description) as description_length
        from catalog.products
        order by product_id
    """,
}


# The columns that identify a row, by table.
IDENTITY = {"raw_products": ["source_file", "source_row"], "products": ["product_id"]}
# Of failing rows, in a message: enough to look at, short enough to read.
MOST_IDS = 10


@dataclass(frozen=True)
class SuiteResult:
    """The result of a suite: a row for each expectation, and its Data Docs page."""

    expectations: list[Row]
    docs: Path

    def of(self, severity: str) -> list[Row]:
        """Return the expectations of this severity."""
        return [row for row in self.expectations if row["severity"] == severity]

    def failed(self, severity: str) -> list[Row]:
        """Return the failed expectations of this severity."""
        return [row for row in self.of(severity) if not row["met"]]


def load_suite(table: str) -> list[dict[str, Any]]:
    """Load the expectations of `catalog.<table>`: class, arguments, severity, notes, and what it says of a failure."""
    suites: dict[str, list[dict[str, Any]]] = read_yaml(SUITES)
    return suites[table]


def validate(db: Database, table: str, docs: Path) -> SuiteResult:
    """Run the suite of `catalog.<table>` and write its page below `docs`."""
    # Disables telemetry; the library reads it at import.
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    for name in ("great_expectations", "great_expectations.core"):
        logging.getLogger(name).setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = (
        context.data_sources.add_pandas("warehouse")
        .add_dataframe_asset(table)
        .add_batch_definition_whole_dataframe(table)
        .get_batch({"dataframe": db.frame(CHECKED[table])})
    )
    suite = gx.ExpectationSuite(name=table, expectations=[_expectation(dict(item)) for item in load_suite(table)])
    identity = IDENTITY[table]
    result = batch.validate(
        suite, result_format={"result_format": "COMPLETE", "unexpected_index_column_names": identity}
    )
    rows = [_row(item, table, identity) for item in result.results]
    return SuiteResult(rows, _write_page(docs / table / "index.html", table, rows))


def _expectation(arguments: dict[str, Any]) -> Any:
    import great_expectations.expectations as gxe

    # The library keeps `meta` as it is.
    meta = {"found": arguments.pop("found", "do not meet it")}
    return getattr(gxe, arguments.pop("type"))(**arguments, meta=meta)


def _row(result: Any, table: str, identity: list[str]) -> Row:
    found, config = result.result, result.expectation_config
    noun = "products" if table == "products" else "rows"
    is_count = "observed_value" in found
    ids = [" row ".join(str(row[name]) for name in identity) for row in found.get("unexpected_index_list") or []]
    # A column's missing values are not checked, except where they are what is wrong.
    checked = found.get("element_count", 0) - (found.get("missing_count") or 0)
    number = int(found["observed_value"]) if is_count else int(found.get("unexpected_count", 0))
    what = f"{noun} {config.meta['found']}"
    examples = ", ".join(ids[:MOST_IDS]) + (", …" if len(ids) > MOST_IDS else "")
    return {
        "expectation": config.notes or config.type,
        "severity": str(getattr(config.severity, "value", config.severity)),
        "met": bool(result.success),
        "found": f"{number:,} {what}" if is_count else f"{number:,} of {checked:,} {what}",
        "what": what,
        "number": number,
        "examples": examples,
    }


def _write_page(path: Path, table: str, rows: list[Row]) -> Path:
    """Write the results as one HTML file that loads nothing: Great Expectations' own site needs several CDNs."""
    import jinja2

    page = jinja2.Environment(autoescape=True).from_string(PAGE.read_text(encoding="utf-8"))
    checked_at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return write_atomically(path, page.render(table=f"catalog.{table}", rows=rows, checked_at=checked_at))

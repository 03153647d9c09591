"""What has to be true of the catalog, as Great Expectations suites.

Belongs here: the expectations with their severity, running them, and their Data Docs.
Does not: how Dagster shows the result or what it blocks (checks.py).
Severity `critical` blocks whatever depends on the table, `warning` does not.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walmart_pipeline.core.warehouse import Database, Row

# Columns that are checked, and no more: a million products of them take some 300 MB as a data frame.
CHECKED = {
    "raw_products": "select source_file, source_row, left(raw, 1) as raw, problem from catalog.raw_products",
    "products": """
        select
            product_id, product_name, brand, price, gtin, rating, facts_hash,
            len(category) as category_depth,
            length(description) as description_length
        from catalog.products
    """,
}


@dataclass(frozen=True)
class Verdict:
    """What a suite found: one row an expectation, and where its Data Docs are."""

    expectations: list[Row]
    docs: Path

    def failed(self, severity: str) -> list[Row]:
        """The expectations of this severity that were not met."""
        return [row for row in self.expectations if row["severity"] == severity and not row["met"]]


def validate(db: Database, table: str, docs: Path) -> Verdict:
    """Run the suite of `catalog.<table>` and write its Data Docs below `docs`."""
    # Read by the library at import: a nightly run tells nobody about itself.
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    for name in ("great_expectations", "great_expectations.core"):
        logging.getLogger(name).setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    site = docs / table
    context.add_data_docs_site(
        site_name=table,
        site_config={
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(site)},
        },
    )
    batch = (
        context.data_sources.add_pandas("warehouse")
        .add_dataframe_asset(table)
        .add_batch_definition_whole_dataframe(table)
    )
    suite = context.suites.add(gx.ExpectationSuite(name=table, expectations=SUITES[table]()))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=table, data=batch, suite=suite))
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name=table, validation_definitions=[definition], result_format={"result_format": "BASIC"})
    )
    result = checkpoint.run(batch_parameters={"dataframe": db.frame(CHECKED[table])})
    context.build_data_docs(site_names=[table])
    (run,) = result.run_results.values()
    return Verdict([_row(item) for item in run.results], site / "index.html")


def _row(result: Any) -> Row:
    found = result.result
    shown = found.get("observed_value", found.get("partial_unexpected_list"))
    return {
        "expectation": result.expectation_config.notes or result.expectation_config.type,
        "severity": str(getattr(result.expectation_config.severity, "value", result.expectation_config.severity)),
        "met": bool(result.success),
        "unexpected": found.get("unexpected_count", 0),
        "observed": "" if result.success or shown is None else str(shown)[:200],
    }


def raw_products_suite() -> list[Any]:
    """A row is found again by its file and number, and most rows can be read."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToNotBeNull(
            column="source_file", severity="critical", notes="Every row names the file that it came from."
        ),
        gxe.ExpectCompoundColumnsToBeUnique(
            column_list=["source_file", "source_row"],
            severity="critical",
            notes="A file and a row number are one row: a row that was read twice would be counted twice.",
        ),
        gxe.ExpectColumnValuesToNotBeNull(
            column="raw", severity="critical", notes="Every row is kept as it came, also one that could not be read."
        ),
        gxe.ExpectTableRowCountToBeBetween(min_value=1, severity="warning", notes="There is at least one row."),
        gxe.ExpectColumnValuesToBeNull(
            column="problem", mostly=0.95, severity="warning", notes="At least 95 % of the rows could be read."
        ),
    ]


def products_suite() -> list[Any]:
    """A product is unique, named and hashed; and rich enough to write about."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToNotBeNull(column="product_id", severity="critical", notes="Every product has an id."),
        gxe.ExpectColumnValuesToBeUnique(
            column="product_id", severity="critical", notes="No id stands for two products."
        ),
        gxe.ExpectColumnValueLengthsToBeBetween(
            column="product_name", min_value=1, max_value=1000, severity="critical", notes="Every product has a name."
        ),
        gxe.ExpectColumnValuesToMatchRegex(
            column="facts_hash",
            regex=r"^[0-9a-f]{32}$",
            severity="critical",
            notes="Every product has the hash of its facts: without it, texts would be written again each night.",
        ),
        gxe.ExpectTableRowCountToBeBetween(min_value=1, severity="warning", notes="There is at least one product."),
        gxe.ExpectColumnValuesToNotBeNull(
            column="brand", mostly=0.8, severity="warning", notes="At least 80 % of the products have a brand."
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="category_depth",
            min_value=1,
            mostly=0.9,
            severity="warning",
            notes="At least 90 % of the products have a category.",
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="description_length",
            min_value=200,
            mostly=0.7,
            severity="warning",
            notes="At least 70 % of the descriptions have 200 characters: less can't carry a listing of 150 words.",
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="price",
            min_value=0.01,
            max_value=100_000,
            mostly=0.99,
            severity="warning",
            notes="99 % of the prices lie between 0.01 and 100,000.",
        ),
        gxe.ExpectColumnValuesToMatchRegex(
            column="gtin", regex=r"^\d{14}$", severity="warning", notes="Every GTIN that is kept has 14 digits."
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="rating", min_value=0, max_value=5, severity="warning", notes="Ratings lie between 0 and 5."
        ),
    ]


SUITES: dict[str, Callable[[], list[Any]]] = {"raw_products": raw_products_suite, "products": products_suite}

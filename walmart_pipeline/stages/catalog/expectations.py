"""Great Expectations suites over the catalog's tables (expectations.yaml), and their Data Docs."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walmart_pipeline.core.warehouse import Database, Row

SUITES = Path(__file__).with_name("expectations.yaml")

# Only the checked columns: a million products take some 300 MB as a data frame.
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
class SuiteResult:
    """The result of a suite: a row for each expectation, and the entry page of its Data Docs."""

    expectations: list[Row]
    docs: Path

    def failed(self, severity: str) -> list[Row]:
        """Return the failed expectations of this severity."""
        return [row for row in self.expectations if row["severity"] == severity and not row["met"]]


def load_suite(table: str) -> list[dict[str, Any]]:
    """Load the expectations of `catalog.<table>`: class, arguments, severity and note."""
    from walmart_pipeline.core.files import read_yaml

    suites: dict[str, list[dict[str, Any]]] = read_yaml(SUITES)
    return suites[table]


def validate(db: Database, table: str, docs: Path) -> SuiteResult:
    """Run the suite of `catalog.<table>` and write its Data Docs below `docs`."""
    # Disables telemetry; the library reads it at import.
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
    suite = context.suites.add(
        gx.ExpectationSuite(name=table, expectations=[_expectation(dict(item)) for item in load_suite(table)])
    )
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=table, data=batch, suite=suite))
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name=table, validation_definitions=[definition], result_format={"result_format": "BASIC"})
    )
    result = checkpoint.run(batch_parameters={"dataframe": db.frame(CHECKED[table])})
    context.build_data_docs(site_names=[table])
    (run,) = result.run_results.values()
    return SuiteResult([_row(item) for item in run.results], site / "index.html")


def _expectation(arguments: dict[str, Any]) -> Any:
    import great_expectations.expectations as gxe

    return getattr(gxe, arguments.pop("type"))(**arguments)


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

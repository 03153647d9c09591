"""Starts Streamlit once what the first visitor would wait for is loaded: pages, judge, a copy of the warehouse."""

from __future__ import annotations

import gc
import logging
import threading
from importlib import import_module

from walmart_pipeline.core import settings
from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.core.settings import Settings

logger = logging.getLogger(__name__)

# Imported where they are used: by who signs in, looks for models, reads the warehouse or a decision.
LIBRARIES = ("argon2", "duckdb", "openai", "pyarrow", "sqlalchemy.dialects.sqlite")


def main() -> None:
    """Load, and hand the arguments over to Streamlit."""
    chosen = settings.load()
    # By itself: a run may hold the warehouse for minutes.
    threading.Thread(target=_copy_warehouse, args=(chosen,), name="snapshot", daemon=True).start()
    _load(chosen)
    # What is loaded stays for good: to look through it again and again took 0.05 s of each page's 0.2.
    gc.collect()
    gc.freeze()

    from streamlit.web import cli

    cli.main(prog_name="streamlit")


def _load(chosen: Settings) -> None:
    problem = None
    # Streamlit warns that it does not run yet.
    logging.disable(logging.WARNING)
    try:
        for name in ("walmart_pipeline.studio.app", *LIBRARIES):
            import_module(name)
        from walmart_pipeline.studio import resources

        # A first text loads the encoder and its word lists.
        resources.judge(chosen.policy).examine(Product(product_id="", product_name="Kettle"), Listing(title="Kettle"))
    except (UserError, OSError) as error:
        problem = error
    finally:
        logging.disable(logging.NOTSET)
    if problem:
        # Every page says so too.
        logger.warning("the policy can't be loaded: %s", problem)


def _copy_warehouse(chosen: Settings) -> None:
    from walmart_pipeline.core.warehouse import WarehouseError
    from walmart_pipeline.studio import snapshot

    try:
        with snapshot.reader(chosen).reading():
            pass
    except WarehouseError as error:
        logger.info("no copy of the warehouse yet: %s", error)


if __name__ == "__main__":
    main()

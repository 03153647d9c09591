"""The run config of the job `feeds`.

One feed is read again, or withdrawn, by a job and not as a partition of `raw_products`: a feed replaces the rows of its
source, one transaction loads all of them, and deleting a partition in the UI runs no code that would withdraw its rows.
"""

from enum import Enum

import dagster as dg
from pydantic import Field


class FeedAction(Enum):
    """What to do with a feed."""

    read_again = "read_again"
    withdraw = "withdraw"


class FeedChange(dg.Config):
    """Which feeds of the catalog to change, and how."""

    feeds: list[str] = Field(
        description="Names of feeds, such as `shop-2026-11-02.csv`, or sources, such as `shop-*.csv`, as the table "
        "`feeds` of catalog/raw_products and `walmart-pipeline feeds list` show them."
    )
    action: FeedAction = Field(
        description="`read_again`: read the file as it is now, also if it was withdrawn or did not change. `withdraw`: "
        "take its rows out of the catalog and its products out of listings and exports. The file itself stays, and is "
        "not read again until it changes or is named."
    )
    accept_shrinkage: bool = Field(
        default=False, description="Load a feed that was refused because it lost too many rows. Needs `read_again`."
    )


@dg.config_mapping
def feed_change_config(val: FeedChange) -> dg.RunConfig:
    """Translate the config of the job into that of `raw_products`."""
    if not val.feeds:
        # Without a name, every new file of the inbox would be read.
        raise dg.DagsterInvalidInvocationError("feeds: name at least one feed or source")
    config = {val.action.value: val.feeds, "accept_shrinkage": val.accept_shrinkage}
    return dg.RunConfig(ops={"catalog__raw_products": {"config": config}})

"""The asset `exports`."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from walmart_pipeline.stages.delivery.assets import exports
from walmart_pipeline_tests.stages.delivery.publishable import Shop, kettle, product_type


def materialize(shop: Shop) -> dg.ExecuteInProcessResult:
    resources = {"settings": shop.settings, "warehouse": shop.warehouse}
    instance = dg.DagsterInstance.ephemeral()
    return dg.materialize([exports], resources=resources, instance=instance, raise_on_error=False)


def test_a_spec_of_the_wrong_kind_fails_the_feed_and_not_the_other_exports(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.accept(kettle(1))
    shop.accept(kettle(2, gtin=None))
    done = materialize(shop)
    (materialization,) = done.asset_materializations_for_node("delivery__exports")
    assert materialization.metadata["feed items to send"].value == 1
    assert "no valid GTIN" in str(materialization.metadata["left out of the item feed"].value)
    shop.write_spec("4.8", **{"Electric Kettles": product_type()})
    shop.accept(kettle(3))
    assert not materialize(shop).success
    assert "K-003" in (shop.settings.exports / "listings.csv").read_text()

"""The plan's config, as a person fills it in in the launchpad."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from walmart_pipeline.stages.content.assets import PlanConfig


@pytest.mark.parametrize("field", ["limit", "stale_days"])
def test_a_zero_is_refused_with_what_to_do_instead(field: str) -> None:
    """The launchpad's form fills in 0 where nothing was meant."""
    with pytest.raises(ValidationError, match=f"{field}: 0 is less than 1: leave {field} out"):
        PlanConfig.model_validate({field: 0})
    assert PlanConfig.model_validate({field: None}) == PlanConfig()

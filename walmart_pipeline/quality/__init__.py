"""What the judge says of each listing, the accepted ones, and those that a person should see."""

from walmart_pipeline.quality.scoring import score

__all__ = ["score"]

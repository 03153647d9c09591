"""Judges a listing against its product: is it true, is it good, is it allowed?"""

from walmart_pipeline.judge.scoring import score

__all__ = ["score"]

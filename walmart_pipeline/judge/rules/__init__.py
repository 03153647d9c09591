"""The checks that need code, one small function each; those that need only words or patterns are in the profile.

A check is written in the module of its field and found here by its rule id. Importing this package gathers them all.
"""

from __future__ import annotations

from walmart_pipeline.judge.rules import (  # noqa: F401  (each registers its checks)
    coherence,
    description,
    features,
    grounding,
    health,
    language,
    pesticide,
    title,
    writing,
)
from walmart_pipeline.judge.rules.base import CHECKS, CONFIRMATIONS, Case, Confirmed, Finding, Mention, rule

__all__ = ["CHECKS", "CONFIRMATIONS", "Case", "Confirmed", "Finding", "Mention", "rule"]

"""The checks that need code, one small function each; those that need only words or patterns are in the profile.

A check is written in the module of its field and found here by its rule id. Importing this package gathers them all.
"""

from __future__ import annotations

from walmart_pipeline.quality.rules import (
    description,
    features,
    grounded,
    health,
    language,
    pesticide,
    sense,
    title,
    whole,
)
from walmart_pipeline.quality.rules.checks import (
    CHECKS,
    CONFIRMATIONS,
    Case,
    Confirmed,
    Finding,
    Mention,
    ground,
    rule,
    texts_of,
)

__all__ = [
    "CHECKS",
    "CONFIRMATIONS",
    "Case",
    "Confirmed",
    "Finding",
    "Mention",
    "description",
    "features",
    "ground",
    "grounded",
    "health",
    "language",
    "pesticide",
    "rule",
    "sense",
    "texts_of",
    "title",
    "whole",
]

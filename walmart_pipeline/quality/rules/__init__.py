"""The checks that need code, one small function each; those that need only words or patterns are in the profile.

A check is written in the module of its field and found here by its rule id. Importing this package gathers them all.
"""

from __future__ import annotations

from walmart_pipeline.quality.rules import description, features, grounded, title, whole
from walmart_pipeline.quality.rules.checks import CHECKS, Case, Finding, rule

__all__ = ["CHECKS", "Case", "Finding", "description", "features", "grounded", "rule", "title", "whole"]

"""What a profile says in short: its rules, and what it changes of the profile that it extends."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from walmart_pipeline.judge import profiles


class Profile(TypedDict):
    """A profile in plain JSON values. changed: limit to [what the extended profile has, what this one has]."""

    name: str
    version: str
    extends: str | None
    rules_on: list[str]
    rules_off: list[str]
    limits: dict[str, int]
    changed: dict[str, list[int]]


def described(name_or_path: str | Path) -> Profile:
    """The profile of that name or file. Raises policy.PolicyError, with every problem, if it cannot be used."""
    profile = profiles.load(name_or_path)
    base = profiles.extended(name_or_path)
    limits = profile.limits.model_dump()
    theirs = profiles.load(base).limits.model_dump() if base else limits
    return Profile(
        name=profile.name,
        version=profile.version,
        extends=base,
        rules_on=[rule for rule, setting in profile.rules.items() if setting.enabled],
        rules_off=[rule for rule, setting in profile.rules.items() if not setting.enabled],
        limits=limits,
        changed={name: [theirs[name], limit] for name, limit in limits.items() if theirs[name] != limit},
    )

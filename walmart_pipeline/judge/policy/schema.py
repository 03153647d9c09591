"""Schema of a policy profile: limits, rules, word lists and weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator, model_validator

from walmart_pipeline.core.records import Dimension, Severity, content_hash
from walmart_pipeline.judge import code_fingerprint

TextField: TypeAlias = Literal["title", "key_features", "description", "seo_keywords"]


class _PolicyPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_PolicyPart):
    """Lengths and counts; both ends of a range are allowed."""

    title_min: PositiveInt
    title_max: PositiveInt
    features_min: PositiveInt
    features_max: PositiveInt
    feature_max_chars: PositiveInt
    description_min_words: PositiveInt
    description_max_chars: PositiveInt

    @model_validator(mode="after")
    def _ranges(self) -> Limits:
        if self.title_min > self.title_max:
            raise ValueError("title_min is above title_max: lower one or raise the other")
        if self.features_min > self.features_max:
            raise ValueError("features_min is above features_max: lower one or raise the other")
        return self


class Phrase(_PolicyPart):
    """A forbidden phrase and the words beside it that give it another meaning."""

    phrase: str = Field(min_length=1)
    not_before: tuple[str, ...] = ()
    not_after: tuple[str, ...] = ()
    ordinary: bool = Field(default=False, description="Also an everyday word: counts only where used as a name.")
    proper: bool = Field(default=False, description="Also everyday words: counts with a capital, or beside at, from…")


class Pattern(_PolicyPart):
    """A forbidden pattern."""

    regex: str
    at_start: bool = Field(default=False, description="Tried only at the beginning of a text.")
    needs: tuple[str, ...] = Field(default=(), description="Searched only if the listing contains one, in any case.")
    trace: str | None = Field(default=None, description="A fast expression that matches wherever `regex` does.")


class Variant(_PolicyPart):
    """Another way to break the same rule, with its own message and optional severity.

    Checks define their variants; one with a field's name applies to findings in that field.
    """

    message: str
    severity: Severity | None = None


class RuleSetting(_PolicyPart):
    """Settings of one rule. With `fields` and `words` or `patterns` it needs no code.

    For the few rules in CONFIRMATIONS a listed word is only a trigger, and code checks the sentence around it.
    """

    severity: Severity
    source: str
    message: str
    instruction: str | None = None
    variants: dict[str, Variant] = Field(default_factory=dict)
    fields: tuple[TextField, ...] = ()
    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    enabled: bool = True


class Weight(_PolicyPart):
    """Weight of a dimension in the score, and its reason."""

    weight: float = Field(ge=0)
    reason: str = Field(min_length=1)


class Policy(_PolicyPart):
    """A whole profile, merged with the one that it extends."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    limits: Limits
    publishable_score: float = Field(ge=0, le=100)
    penalties: dict[Severity, float]
    dimensions: dict[Dimension, Weight]
    rules: dict[str, RuleSetting]
    patterns: dict[str, Pattern] = Field(default_factory=dict)
    word_lists: dict[str, tuple[Phrase, ...]] = Field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """Hash (8 hex digits) of the profile and the judge's code."""
        return content_hash([self.model_dump(mode="json"), code_fingerprint.fingerprint()])[:8]

    @property
    def label(self) -> str:
        """Name and version, such as walmart-2025@3f2a9c1d."""
        return f"{self.name}@{self.version}"

    def sentences(self) -> list[str]:
        """The enabled rules as short instructions for a writer, in the profile's order."""
        limits = self.limits.model_dump()
        return [
            setting.instruction.format_map(limits)
            for setting in self.rules.values()
            if setting.enabled and setting.instruction
        ]

    @field_validator("word_lists", mode="before")
    @classmethod
    def _plain_phrases(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {
            name: [{"phrase": entry} if isinstance(entry, str) else entry for entry in entries]
            if isinstance(entries, list | tuple)
            else entries
            for name, entries in value.items()
        }

    @field_validator("patterns", mode="before")
    @classmethod
    def _plain_patterns(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: {"regex": entry} if isinstance(entry, str) else entry for name, entry in value.items()}

    @field_validator("patterns")
    @classmethod
    def _regular(cls, value: dict[str, Pattern]) -> dict[str, Pattern]:
        for name, pattern in value.items():
            try:
                compiled, _ = re.compile(pattern.regex), re.compile(pattern.trace or "")
            except re.error as error:
                raise ValueError(f"{name} is not a regular expression ({error}): correct it") from error
            if compiled.match(""):
                raise ValueError(f"{name} matches an empty text: make it match at least one character")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Policy:
        problems = [
            f"penalties: lacks {name}: add the points that it costs"
            for name in get_args(Severity)
            if name not in self.penalties
        ]
        if not any(weight.weight for weight in self.dimensions.values()):
            problems.append("dimensions: no weight is above 0: give at least one")
        if problems:
            raise ValueError("\n".join(problems))
        return self

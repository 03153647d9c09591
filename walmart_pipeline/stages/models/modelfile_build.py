"""Builds, verifies and writes Modelfiles: of a version, and of each tier of the dataset (`models.modelfiles`)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.generation import prompt
from walmart_pipeline.generation.recipes import Recipe
from walmart_pipeline.judge.policy.schema import Policy
from walmart_pipeline.stages.models import tier_recipes
from walmart_pipeline.stages.models.material import Material, material
from walmart_pipeline.stages.models.modelfile import Modelfile, check, emit, parse, printable
from walmart_pipeline.stages.models.tiers import TIERS

# Bumped when the same dataset would give other Modelfiles: the asset's code_version.
VERSION = "2"


class BuildError(ValueError):
    """The Modelfile does not read back as intended, or Ollama would refuse it."""


@dataclass(frozen=True)
class Provenance:
    """The origin of a Modelfile, for its comments."""

    name: str  # walmart-gpt-basic:1.2.0, or without a version if it is not registered
    dataset_version: str
    prompt_version: str
    policy: str  # profile and version, such as walmart-2025@3f2a…


@dataclass(frozen=True)
class Built:
    """A Modelfile as text and parsed."""

    text: str
    modelfile: Modelfile


def build(recipe: Recipe, provenance: Provenance) -> Built:
    """Build the Modelfile of a recipe, deterministically.

    Raises BuildError if Ollama would refuse the Modelfile or read it differently; ModelfileError if the base model's
    name or the adapter's path can't be written.
    """
    intended = Modelfile(
        from_=recipe.base_model,
        parameters=dict(recipe.parameters),
        system=printable(recipe.system),
        adapter=recipe.adapter,
        messages=_messages(recipe),
    )
    text = emit(intended, _comments(recipe, provenance))
    _verify(text, intended, provenance.name)
    return Built(text, intended)


def _messages(recipe: Recipe) -> list[tuple[str, str]]:
    # Inside the JSON, so that rewritten line breaks are escaped.
    return [
        (role, prompt.as_json(_printable(json.loads(turn))))
        for turns in recipe.examples
        for role, turn in (("user", turns.user), ("assistant", turns.assistant))
    ]


def _printable(value: Any) -> Any:
    """Make every text in a JSON value printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return value


def _comments(recipe: Recipe, provenance: Provenance) -> list[str]:
    parameters = " ".join(f"{name}={value}" for name, value in recipe.parameters.items())
    comments = [
        provenance.name,
        f"base model: {recipe.base_model}",
        f"base digest: {recipe.base_digest or 'unknown'}",
        f"dataset version: {provenance.dataset_version}",
        f"prompt version: {provenance.prompt_version}",
        f"policy: {provenance.policy}",
        f"parameters: {parameters}",
        f"examples: {len(recipe.examples)}",
    ]
    if recipe.context is not None and "num_predict" in recipe.parameters:
        answer = int(recipe.parameters["num_predict"])
        comments.append(
            f"context: {recipe.context} tokens, of which rules and examples take about {recipe.prompt_tokens}, "
            f"an answer up to {answer}, and a product has {recipe.context - recipe.prompt_tokens - answer}"
        )
    return comments


def _verify(text: str, intended: Modelfile, name: str) -> None:
    errors = [f"line {problem.line}: {problem.message}" for problem in check(text) if problem.severity == "error"]
    if errors:
        raise BuildError(f"{name}: Ollama would refuse the Modelfile: {'; '.join(errors)}")
    if parse(text) != intended:
        raise BuildError(f"{name}: the Modelfile does not read back as intended")


def write(db: Database, folder: Path, *, policy: Policy, base_model: str) -> list[Row]:
    """Write the Modelfile of each tier with enough examples. Returns the rows of `models.modelfiles`, one per tier."""
    dataset = material(db)
    rows = [_write_tier(dataset, tier, folder, policy, base_model) for tier in TIERS]
    db.replace("models.modelfiles", rows)
    return rows


def _write_tier(dataset: Material, tier: str, folder: Path, policy: Policy, base_model: str) -> Row:
    missing = dataset.missing[tier]
    row: Row = {
        "tier": tier,
        "dataset_version": dataset.version,
        "built": not missing,
        "missing": missing,
        "examples": 0,
        "base_model": base_model,
        "path": None,
        "sha256": None,
        "written_at": datetime.now(UTC),
    }
    if missing:
        return row
    recipe = tier_recipes.make(
        TIERS[tier],
        dataset.examples[tier],
        policy.sentences(),
        provider="ollama",
        base_model=base_model,
        sizes=dataset.sizes,
    )
    provenance = Provenance(f"walmart-gpt-{tier}", dataset.version, prompt.VERSION, policy.label)
    built = build(recipe, provenance)
    path = save(folder / f"walmart-gpt-{tier}.Modelfile", built)
    digest = hashlib.sha256(built.text.encode()).hexdigest()
    return row | {"examples": len(recipe.examples), "path": str(path), "sha256": digest}


def save(path: Path, built: Built) -> Path:
    """Write a Modelfile, unless it is unchanged."""
    if not path.is_file() or path.read_text(encoding="utf-8") != built.text:
        write_atomically(path, built.text)
    return path

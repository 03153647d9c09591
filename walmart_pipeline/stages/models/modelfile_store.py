"""The Modelfiles of the dataset in force: one file for each tier that can be built, and `models.modelfiles`."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.generation import prompt
from walmart_pipeline.judge.policy.schema import Policy
from walmart_pipeline.stages.models import modelfile_build, tier_recipes
from walmart_pipeline.stages.models.material import Material, material
from walmart_pipeline.stages.models.tiers import TIERS

# Bumped when the same dataset would give other Modelfiles: the asset's code_version.
VERSION = "2"


def write(db: Database, folder: Path, *, policy: Policy, base_model: str) -> list[Row]:
    """Write the Modelfile of each tier that has enough examples; returns the rows of `models.modelfiles`, one a tier.

    Few-shot examples are of the training split only. A Modelfile that says the same as before is left as it is.
    """
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
    provenance = modelfile_build.Provenance(f"walmart-gpt-{tier}", dataset.version, prompt.VERSION, policy.label)
    built = modelfile_build.build(recipe, provenance)
    path = save(folder / f"walmart-gpt-{tier}.Modelfile", built)
    digest = hashlib.sha256(built.text.encode()).hexdigest()
    return row | {"examples": len(recipe.examples), "path": str(path), "sha256": digest}


def save(path: Path, built: modelfile_build.Built) -> Path:
    """Write a Modelfile; one that says the same is left as it is, with its time."""
    if not path.is_file() or path.read_text(encoding="utf-8") != built.text:
        write_atomically(path, built.text)
    return path

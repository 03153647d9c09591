"""The Modelfiles of a dataset, on disk and in `models.modelfiles`.

Belongs here: what the dataset has to build from, which tiers it is enough for, and the files of those.
Does not: what a Modelfile says (modelfile_build.py), or versions of it (candidates.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from walmart_pipeline.core.files import write_whole
from walmart_pipeline.core.records import TrainingExample
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.llm import token_counts
from walmart_pipeline.stages.models import modelfile_build, tier_recipes, tiers
from walmart_pipeline.stages.models.tiers import Readiness, Sizes

# Bumped when the same dataset would give other Modelfiles: the asset's code_version.
VERSION = "2"

# A tier shows at most eight examples, each of another category where it can: the best twenty of each are choice enough,
# and the memory that they take does not grow with the dataset.
CANDIDATES_PER_CATEGORY = 20

# Three stars are the middle of five: a text that a reviewer found bad stands behind one that nobody has seen.
CANDIDATES = """
select example
from training.dataset
where split = 'train'
qualify row_number() over (
    partition by category
    order by coalesce(user_rating, 3) desc, quality_score desc, product_id
) <= ?
order by product_id
"""

# As the dataset keeps them, which is a few characters from what a conversation sends.
SIZES = """
select
    quantile_disc(length(cast(json_extract(example, '$.input') as varchar)), 0.99) as facts,
    quantile_disc(length(cast(json_extract(example, '$.output') as varchar)), 0.99) as listing
from training.dataset
"""


@dataclass(frozen=True)
class Material:
    """What a dataset has to build from. examples: of the training split only. sizes: None where there is no example."""

    version: str
    readiness: dict[str, Readiness]
    examples: list[TrainingExample]
    sizes: Sizes | None


def material(db: Database) -> Material:
    """The dataset as it is now."""
    scores = [row["quality_score"] for row in db.query("select quality_score from training.dataset")]
    candidates = db.query(CANDIDATES, [CANDIDATES_PER_CATEGORY])
    sizes = db.query(SIZES)[0]
    return Material(
        version=db.value("select any_value(version) from training.dataset") or "",
        readiness=tiers.readiness(scores),
        examples=[TrainingExample.model_validate_json(row["example"]) for row in candidates],
        sizes=Sizes(**{name: token_counts.estimate(length) for name, length in sizes.items()}) if scores else None,
    )


def write(
    db: Database, folder: Path, *, policy_rules: Sequence[str], policy: str, prompt_version: str, base_model: str
) -> list[Row]:
    """Write the Modelfile of each tier that has enough examples; returns the rows of `models.modelfiles`, one a tier.

    Few-shot examples are of the training split only. A Modelfile that says the same as before is left as it is.
    """
    dataset = material(db)

    def rows() -> Iterator[Row]:
        for name, readiness in dataset.readiness.items():
            row = {
                "tier": name,
                "dataset_version": dataset.version,
                "built": False,
                "missing": readiness.missing,
                "examples": 0,
            }
            row |= {"base_model": base_model, "path": None, "sha256": None, "written_at": datetime.now(UTC)}
            if readiness.buildable:
                made = tier_recipes.make(
                    tiers.TIERS[name],
                    dataset.examples,
                    policy_rules,
                    provider="ollama",
                    base_model=base_model,
                    sizes=dataset.sizes,
                )
                provenance = modelfile_build.Provenance(f"walmart-gpt-{name}", dataset.version, prompt_version, policy)
                built = modelfile_build.build(made, provenance)
                path = keep(folder / f"walmart-gpt-{name}.Modelfile", built)
                row |= {"built": True, "examples": len(made.examples), "path": str(path)}
                row["sha256"] = hashlib.sha256(built.text.encode()).hexdigest()
            yield row

    found = list(rows())
    db.replace("models.modelfiles", found)
    return found


def keep(path: Path, built: modelfile_build.Built) -> Path:
    """Write a Modelfile; one that says the same is left as it is, with its time."""
    if not path.is_file() or path.read_text(encoding="utf-8") != built.text:
        write_whole(path, built.text)
    return path

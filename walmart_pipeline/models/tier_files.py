"""The Modelfiles of a dataset, on disk and in `models.modelfiles`.

Belongs here: which tiers the dataset is enough for, and the files of those. Does not: what a Modelfile says (build.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from walmart_pipeline.files import write_whole
from walmart_pipeline.models import build, tiers
from walmart_pipeline.records import TrainingExample
from walmart_pipeline.warehouse import Database, Row

# Bumped when the same dataset would give other Modelfiles: the asset's code_version.
VERSION = "1"

# A tier shows at most eight examples, each of another category where it can: the best twenty of each are choice enough,
# and the memory that they take does not grow with the dataset.
CANDIDATES_PER_CATEGORY = 20

CANDIDATES = """
select example
from training.dataset
where side = 'train'
qualify row_number() over (partition by category order by quality_score desc, product_id) <= ?
order by product_id
"""


def write(
    db: Database, folder: Path, *, policy_rules: Sequence[str], policy: str, prompt_version: str, base_model: str
) -> list[Row]:
    """Write the Modelfile of each tier that has enough examples; returns the rows of `models.modelfiles`, one a tier.

    Few-shot examples are of the training side only. A Modelfile that says the same as before is left as it is.
    """
    version = db.value("select any_value(version) from training.dataset") or ""
    scores = [row["quality_score"] for row in db.query("select quality_score from training.dataset")]
    candidates = [
        TrainingExample.model_validate_json(row["example"]) for row in db.query(CANDIDATES, [CANDIDATES_PER_CATEGORY])
    ]
    provenance = build.Provenance(dataset_version=version, prompt_version=prompt_version, policy=policy)

    def rows() -> Iterator[Row]:
        for name, readiness in tiers.readiness(scores).items():
            row = {
                "tier": name,
                "dataset_version": version,
                "built": False,
                "missing": readiness.missing,
                "examples": 0,
            }
            row |= {"base_model": base_model, "path": None, "sha256": None, "written_at": datetime.now(UTC)}
            if readiness.buildable:
                built = build.build(tiers.TIERS[name], candidates, policy_rules, provenance, base_model)
                path = folder / f"walmart-gpt-{name}.Modelfile"
                if not path.is_file() or path.read_text(encoding="utf-8") != built.text:
                    write_whole(path, built.text)
                row |= {"built": True, "examples": len(built.examples), "path": str(path)}
                row["sha256"] = hashlib.sha256(built.text.encode()).hexdigest()
            yield row

    found = list(rows())
    db.replace("models.modelfiles", found)
    return found

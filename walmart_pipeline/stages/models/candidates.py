"""Candidates: a new version, with its Modelfile, for each tier with enough examples."""

from __future__ import annotations

import json
from collections.abc import Sequence

from walmart_pipeline.core.records import Product, Record
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Row, Warehouse, struct
from walmart_pipeline.generation import prompt, provider_factory
from walmart_pipeline.generation.provider import ProviderError
from walmart_pipeline.generation.recipes import Recipe
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.registry import model_versions, writers
from walmart_pipeline.registry.model_versions import ModelVersion
from walmart_pipeline.stages.models import material, modelfile_build, tier_recipes
from walmart_pipeline.stages.models.material import Material
from walmart_pipeline.stages.models.registration import RegistrationRequest
from walmart_pipeline.stages.models.tiers import TIERS

# Bumped when the same dataset would give other candidates: the asset's code_version.
VERSION = "1"

TUNED = """
select parameters, shots
from models.tuned
where tier = $tier
    and provider = $provider
    and base_model = $base_model
    and base_digest is not distinct from $base_digest
    and dataset_version = $dataset_version
order by tuned_at desc
limit 1
"""

# Outside the training split; a validation product if possible, since the evaluation uses the test split.
SMOKE_PRODUCT = f"""
select {struct("products", Product)} as product
from training.split
join catalog.products using (product_id)
where split.split in ('validation', 'test')
order by split.split = 'test', md5(product_id)
limit 1
"""


class CandidatesError(ValueError):
    """The requested candidates can't be created; the message has the remedy."""


class Candidate(Record):
    """A version, whether its parameters are from a study, and the path of its Modelfile, None if it needs none."""

    version: ModelVersion
    tuned: bool
    modelfile: str | None

    @property
    def row(self) -> Row:
        """The candidate as a row of a table."""
        return {
            "version": self.version.name,
            "status": self.version.status,
            "examples": len(self.version.recipe.examples),
            "tuned": self.tuned,
            "Modelfile": self.modelfile,
        }


def base(warehouse: Warehouse, settings: Settings, judge: Judge) -> tuple[Recipe | None, str | None]:
    """Return the base recipe of candidates, None if nothing can be retrained, and an obstacle, if any.

    A named but unavailable Ollama gets candidates that wait for it, with the base model of the settings and the digest
    of its latest version. Raises ProviderError and CallError of any other named provider.
    """
    try:
        found = provider_factory.base_recipe(settings, judge, last_writer=writers.last(warehouse))
    except (CallError, ProviderError) as error:
        if settings.provider == "auto":
            return None, str(error)
        if settings.provider != "ollama":
            raise
        model = settings.model or settings.default_model or settings.base_model
        with warehouse.reading() as db:
            known = model_versions.of_provider(db, "ollama").values()
        digest = next((each.recipe.base_digest for each in known if each.recipe.base_model == model), None)
        return Recipe(provider="ollama", base_model=model, base_digest=digest, model=model, system=""), str(error)
    return found, None if found else "the template writer has nothing to retrain"


def make(
    db: Database, settings: Settings, judge: Judge, start: Recipe, *, tiers: Sequence[str] = ()
) -> tuple[Material, list[Candidate]]:
    """Create a version in the registry for each tier with enough examples. Returns the dataset and the versions.

    The same dataset, base and parameters give the existing version. start: from `base`. tiers: by name; empty for all.
    Raises CandidatesError and BuildError.
    """
    if unknown := set(tiers) - set(TIERS):
        raise CandidatesError(f"there is no tier {', '.join(sorted(unknown))}: use {', '.join(TIERS)}")
    dataset = material.material(db)
    names = [name for name in dataset.examples if not tiers or name in tiers]
    made = [_candidate(db, settings, judge, start, dataset, name) for name in names]
    for candidate in made:
        _retire_without_digest(db, candidate.version)
    return dataset, made


def to_register(db: Database) -> list[RegistrationRequest]:
    """Return the versions for every Ollama server, oldest first: all candidates and champions."""
    found = [
        version
        for version in model_versions.of_provider(db, "ollama").values()
        if version.status in ("candidate", "champion")
    ]
    row = next(iter(db.query(SMOKE_PRODUCT)), None)
    product = Product(**row["product"]) if row else None
    found.sort(key=lambda version: version.semver)
    return [RegistrationRequest(version, _modelfile(version).modelfile, product) for version in found]


def _candidate(
    db: Database, settings: Settings, judge: Judge, start: Recipe, dataset: Material, tier: str
) -> Candidate:
    about = start.model_dump(include={"provider", "base_model", "base_digest"})
    tuned = next(iter(db.query(TUNED, about | {"tier": tier, "dataset_version": dataset.version})), None)
    recipe = tier_recipes.make(
        TIERS[tier],
        dataset.examples[tier],
        judge.policy.sentences(),
        provider=start.provider,
        base_model=start.base_model,
        base_digest=start.base_digest,
        parameters=json.loads(tuned["parameters"]) if tuned else None,
        shots=tuned["shots"] if tuned else None,
        sizes=dataset.sizes,
    )
    version = model_versions.add(
        db, tier, recipe, dataset_version=dataset.version, prompt_version=prompt.VERSION, policy=judge.policy.label
    )
    path = None
    if version.recipe.provider == "ollama":
        file = f"{version.name.replace(':', '-')}.Modelfile"
        path = str(modelfile_build.save(settings.modelfiles / file, _modelfile(version)))
        model_versions.set_modelfile(db, version.name, path)
    return Candidate(version=version, tuned=tuned is not None, modelfile=path)


def _retire_without_digest(db: Database, version: ModelVersion) -> None:
    """Retire candidates of the same base that were created while its digest was unknown."""
    recipe = version.recipe
    if recipe.base_digest is None:
        return
    for other in model_versions.of_provider(db, recipe.provider).values():
        is_same_base = (other.tier, other.recipe.base_model) == (version.tier, recipe.base_model)
        if is_same_base and other.status == "candidate" and other.recipe.base_digest is None:
            reason = f"made without the digest of its base model, which {version.name} has"
            model_versions.retire(db, other.name, reason=reason)


def _modelfile(version: ModelVersion) -> modelfile_build.Built:
    provenance = modelfile_build.Provenance(
        version.name, version.dataset_version, version.prompt_version, version.policy
    )
    return modelfile_build.build(version.recipe, provenance)

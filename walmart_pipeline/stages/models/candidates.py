"""New versions from a dataset: one for each tier that it is enough for, on their way into a contest.

Belongs here: what a candidate is made of, its Modelfile, and which versions should be at an Ollama. Does not: how they
get there (registration.py), or whether one is good enough (evaluation).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from walmart_pipeline.core.records import Product, Record
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Warehouse, struct
from walmart_pipeline.generation import prompt, provider_factory
from walmart_pipeline.generation.provider import ProviderError
from walmart_pipeline.generation.recipes import Recipe
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.registry import model_versions, writers
from walmart_pipeline.registry.model_versions import ModelVersion
from walmart_pipeline.stages.models import modelfile_build, modelfile_store, tier_recipes, tiers
from walmart_pipeline.stages.models.modelfile_store import Material
from walmart_pipeline.stages.models.registration import Meant

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

# Nothing was learned from it. A product of the validation split if there is one: the test split is the contest's.
SMOKE = f"""
select {struct("products", Product)} as product
from training.split
join catalog.products using (product_id)
where split.split in ('validation', 'test')
order by split.split = 'test', md5(product_id)
limit 1
"""


class CandidatesError(ValueError):
    """No candidates can be made as it was asked; the message says what to change."""


class Candidate(Record):
    """A version, whether a study chose its parameters, and the path of its Modelfile (None: it needs none)."""

    version: ModelVersion
    tuned: bool
    modelfile: str | None


def base(warehouse: Warehouse, settings: Settings, judge: Judge) -> tuple[Recipe | None, str | None]:
    """What the candidates are made from, and what is in the way; None where nothing can be retrained.

    An Ollama that is named and not there is no reason to make nothing: candidates wait for it, with the base model of
    the settings and the weights that versions of it were made for last. Raises ProviderError and CallError of any other
    provider that is named and not there.
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
            before = [version.recipe for version in model_versions.versions(db) if version.recipe.base_model == model]
        digest = next((each.base_digest for each in before if each.provider == "ollama"), None)
        waiting = Recipe(provider="ollama", base_model=model, base_digest=digest, model=model, system="")
        return waiting, str(error)
    return found, None if found else "the template writer has nothing to retrain"


def make(
    db: Database, settings: Settings, judge: Judge, start: Recipe, *, wanted: Sequence[str] = ()
) -> tuple[Material, list[Candidate]]:
    """The dataset, and a version in the registry for each tier that it is enough for.

    The same dataset, base and parameters are the version that they already are. start: by `base`. wanted: tiers by
    name; none for all. Raises CandidatesError and BuildError.
    """
    if unknown := set(wanted) - set(tiers.TIERS):
        raise CandidatesError(f"there is no tier {', '.join(sorted(unknown))}: use {', '.join(tiers.TIERS)}")
    dataset = modelfile_store.material(db)
    names = [name for name, ready in dataset.readiness.items() if ready.buildable and (not wanted or name in wanted)]
    made = [_candidate(db, settings, judge, start, dataset, name) for name in names]
    for candidate in made:
        _retire_blind(db, candidate.version)
    return dataset, made


def to_register(db: Database) -> list[Meant]:
    """The versions that should be at every Ollama, oldest first: candidates and champions, those of earlier runs too.

    A retired version stays where it is.
    """
    found = [
        version
        for version in model_versions.versions(db)
        if version.recipe.provider == "ollama" and version.status in ("candidate", "champion")
    ]
    row = next(iter(db.query(SMOKE)), None)
    smoke = Product(**row["product"]) if row else None
    return [Meant(each, _modelfile(each).says, smoke) for each in sorted(found, key=lambda each: each.semver)]


def _candidate(
    db: Database, settings: Settings, judge: Judge, start: Recipe, dataset: Material, tier: str
) -> Candidate:
    about = {"provider": start.provider, "base_model": start.base_model, "base_digest": start.base_digest}
    tuned = next(iter(db.query(TUNED, about | {"tier": tier, "dataset_version": dataset.version})), None)
    made = tier_recipes.make(
        tiers.TIERS[tier],
        dataset.examples,
        judge.policy.sentences(),
        provider=start.provider,
        base_model=start.base_model,
        base_digest=start.base_digest,
        parameters=json.loads(tuned["parameters"]) if tuned else None,
        shots=tuned["shots"] if tuned else None,
        sizes=dataset.sizes,
    )
    version = model_versions.add(
        db, tier, made, dataset_version=dataset.version, prompt_version=prompt.VERSION, policy=judge.policy.label
    )
    path = None
    if version.recipe.provider == "ollama":
        file = f"{version.name.replace(':', '-')}.Modelfile"
        path = str(modelfile_store.keep(settings.modelfiles / file, _modelfile(version)))
        model_versions.keep_modelfile(db, version.name, path)
    return Candidate(version=version, tuned=tuned is not None, modelfile=path)


def _retire_blind(db: Database, version: ModelVersion) -> None:
    """Take out the candidates of the same base that were made while no server told its weights."""
    if version.recipe.base_digest is None:
        return
    base = (version.tier, version.recipe.provider, version.recipe.base_model)
    for other in model_versions.versions(db):
        about = (other.tier, other.recipe.provider, other.recipe.base_model)
        if about == base and other.status == "candidate" and other.recipe.base_digest is None:
            model_versions.retire(
                db, other.name, reason=f"made without a look at its base model; {version.name} had one"
            )


def _modelfile(version: ModelVersion) -> modelfile_build.Built:
    provenance = modelfile_build.Provenance(
        version.name, version.dataset_version, version.prompt_version, version.policy
    )
    return modelfile_build.build(version.recipe, provenance)

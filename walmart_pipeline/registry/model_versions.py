"""Versions of our own models and their status: `models.versions`, `models.promotions`.

A candidate becomes the champion, a champion is retired. One champion for each provider: candidates of all tiers are
evaluated on the same products, so the best of them generates.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, TypeAlias

from pydantic import Field

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Record, content_hash
from walmart_pipeline.core.warehouse import Database, Row, Warehouse
from walmart_pipeline.generation.recipes import Recipe

Status: TypeAlias = Literal["candidate", "champion", "retired"]
Semver: TypeAlias = tuple[int, int, int]

FIRST: Semver = (1, 0, 0)


class RegistryError(UserError, ValueError):
    """The version does not exist, or its status can't change that way."""


class ModelVersion(Record):
    """A recipe under a permanent name, with its provenance."""

    name: str = Field(description="walmart-gpt-<tier>:<major>.<minor>.<patch>")
    tier: str
    semver: Semver
    status: Status
    recipe: Recipe
    dataset_version: str
    prompt_version: str
    policy: str = Field(description="Profile and version under which its examples were judged.")
    modelfile: str | None
    created_at: datetime
    note: str = ""


def versions(db: Database) -> list[ModelVersion]:
    """All versions, the newest first."""
    return [_version(row) for row in db.query("select * from models.versions order by created_at desc, name")]


def of_provider(db: Database, provider: str) -> dict[str, ModelVersion]:
    """The provider's versions by name."""
    return {version.name: version for version in versions(db) if version.recipe.provider == provider}


def get(db: Database, name: str) -> ModelVersion:
    """The version of that name; `walmart-gpt-basic:latest` and a bare `walmart-gpt-basic` are the newest.

    Raises RegistryError.
    """
    model, _, tag = name.partition(":")
    known = [version for version in versions(db) if version.name.partition(":")[0] == model]
    if tag in ("", "latest") and known:
        return max(known, key=lambda version: version.semver)
    for version in known:
        if version.name == name:
            return version
    names = ", ".join(version.name for version in versions(db)) or "none yet: run `walmart-pipeline retrain`"
    raise RegistryError(f"there is no version {name}; there are {names}")


def champion(db: Database, provider: str) -> ModelVersion | None:
    """The champion of a provider, or None."""
    rows = db.query("select * from models.versions where status = 'champion' and provider = ?", [provider])
    return _version(rows[0]) if rows else None


def champions(warehouse: Warehouse) -> dict[str, Recipe]:
    """The recipe of each provider's champion; empty without a warehouse."""
    if not warehouse.exists():
        return {}
    with warehouse.reading() as db:
        found = db.query("select provider, recipe from models.versions where status = 'champion'")
    return {row["provider"]: Recipe.model_validate_json(row["recipe"]) for row in found}


def add(
    db: Database,
    tier: str,
    recipe: Recipe,
    *,
    dataset_version: str,
    prompt_version: str,
    policy: str,
) -> ModelVersion:
    """Add a recipe as a candidate, or return the existing version of the same recipe and dataset.

    A new base model is a major version, another dataset, prompt or set of examples a minor one, other parameters a
    patch; an earlier base model continues its own major version. For Ollama the recipe's `model` becomes the version's
    name, to register it under.
    """
    known = [version for version in versions(db) if version.tier == tier]
    for version in known:
        if version.recipe.fingerprint == recipe.fingerprint and version.dataset_version == dataset_version:
            return version
    semver = next_semver(known, recipe, dataset_version)
    name = f"walmart-gpt-{tier}:{'.'.join(map(str, semver))}"
    made = ModelVersion(
        name=name,
        tier=tier,
        semver=semver,
        status="candidate",
        recipe=recipe.model_copy(update={"model": name}) if recipe.provider == "ollama" else recipe,
        dataset_version=dataset_version,
        prompt_version=prompt_version,
        policy=policy,
        modelfile=None,
        created_at=datetime.now(UTC),
    )
    db.append("models.versions", [_row(made)])
    return made


def next_semver(known: list[ModelVersion], recipe: Recipe, dataset_version: str) -> Semver:
    """The version number of a new recipe beside the tier's known versions. See `add`."""
    if not known:
        return FIRST
    relatives = [version for version in known if version.recipe.base == recipe.base]
    if not relatives:
        return max(version.semver for version in known)[0] + 1, 0, 0
    latest = max(relatives, key=lambda version: version.semver)
    major, minor, patch = latest.semver
    if latest.dataset_version == dataset_version and _only_parameters(latest.recipe, recipe):
        return major, minor, patch + 1
    return major, minor + 1, 0


def _only_parameters(one: Recipe, other: Recipe) -> bool:
    plain: dict[str, object] = {"parameters": {}}
    return one.model_copy(update=plain).fingerprint == other.model_copy(update=plain).fingerprint


def set_modelfile(db: Database, name: str, path: str) -> None:
    """Store the path of a version's Modelfile."""
    db.execute("update models.versions set modelfile = ? where name = ?", [path, name])


def promote(db: Database, name: str, *, decided_by: str, reason: str) -> ModelVersion:
    """Make a version the champion from the next run on and retire the previous one. Raises RegistryError."""
    version = get(db, name)
    if version.status == "champion":
        raise RegistryError(f"{version.name} is the champion of {version.recipe.provider} already")
    before = champion(db, version.recipe.provider)
    if before:
        _move(db, before.name, "retired", f"replaced by {version.name}")
    _move(db, version.name, "champion", reason)
    _record(db, "promotion", version.recipe.provider, version.name, before.name if before else None, decided_by, reason)
    return get(db, version.name)


def retire(db: Database, name: str, *, reason: str) -> None:
    """Retire a candidate. Raises RegistryError for a champion, which must be replaced instead."""
    version = get(db, name)
    if version.status == "champion":
        raise RegistryError(f"{version.name} is the champion: promote another version, or roll back")
    _move(db, version.name, "retired", reason)


def rollback(db: Database, provider: str, *, decided_by: str, reason: str) -> tuple[ModelVersion, ModelVersion | None]:
    """Undo the latest promotion of a provider. Returns the champion before and after.

    Raises RegistryError if the provider has no champion.
    """
    present = champion(db, provider)
    if present is None:
        raise RegistryError(f"{provider} has no champion to roll back")
    before = _line(db, provider)[:-1]
    _move(db, present.name, "retired", reason)
    if before:
        _move(db, before[-1], "champion", reason)
    _record(db, "rollback", provider, before[-1] if before else None, present.name, decided_by, reason)
    return present, get(db, before[-1]) if before else None


def described(version: ModelVersion) -> dict[str, str]:
    """A version's properties as text, by label."""
    recipe = version.recipe
    found = {
        "version": version.name,
        "status": f"{version.status} ({version.note})" if version.note else version.status,
        "provider": recipe.provider,
        "base model": recipe.base_model,
        "base digest": recipe.base_digest,
        "model": recipe.model,
        "adapter": recipe.adapter,
        "dataset": version.dataset_version,
        "prompt": version.prompt_version,
        "policy": version.policy,
        "examples": f"{len(recipe.examples)} ({content_hash([t.model_dump() for t in recipe.examples])[:8]})",
        **{name: str(value) for name, value in recipe.parameters.items()},
        "Modelfile": version.modelfile,
        "created": f"{version.created_at:%Y-%m-%d %H:%M} UTC",
    }
    return {label: value for label, value in found.items() if value}


def differences(one: ModelVersion, other: ModelVersion) -> dict[str, tuple[str | None, str | None]]:
    """The properties in which two versions differ, by label."""
    first, second = described(one), described(other)
    return {
        label: (first.get(label), second.get(label))
        for label in {**first, **second}
        if first.get(label) != second.get(label) and label != "version"
    }


def _line(db: Database, provider: str) -> list[str]:
    """The champions that rollbacks return to, the current one last."""
    line: list[str] = []
    moves = "select move, champion from models.promotions where provider = ? order by number"
    for row in db.query(moves, [provider]):
        if row["move"] == "promotion":
            line.append(row["champion"])
        else:
            line.pop()
    return line


def _move(db: Database, name: str, status: Status, note: str) -> None:
    db.execute("update models.versions set status = ?, note = ? where name = ?", [status, note, name])


def _record(
    db: Database, move: str, provider: str, name: str | None, previous: str | None, decided_by: str, reason: str
) -> None:
    db.append(
        "models.promotions",
        [
            {
                "number": db.count("models.promotions") + 1,
                "move": move,
                "provider": provider,
                "champion": name,
                "previous": previous,
                "decided_by": decided_by,
                "reason": reason,
                "promoted_at": datetime.now(UTC),
            }
        ],
    )


def _row(version: ModelVersion) -> Row:
    major, minor, patch = version.semver
    return version.model_dump(exclude={"semver", "recipe"}) | {
        "major": major,
        "minor": minor,
        "patch": patch,
        "provider": version.recipe.provider,
        "base_model": version.recipe.base_model,
        "recipe": version.recipe.model_dump_json(),
        "fingerprint": version.recipe.fingerprint,
    }


def _version(row: Row) -> ModelVersion:
    kept = {name: row[name] for name in ModelVersion.model_fields if name in row and name != "recipe"}
    return ModelVersion(
        **kept | {"note": row["note"] or ""},
        semver=(row["major"], row["minor"], row["patch"]),
        recipe=Recipe.model_validate_json(row["recipe"]),
    )

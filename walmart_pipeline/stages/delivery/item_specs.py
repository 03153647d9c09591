"""Walmart's item spec: a JSON schema of all product types, split into one file a type.

The whole spec is some 450 MB (1.3 GB in memory): it is read as a stream, one product type at a time. It is no public
file: sellers bring their own.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.settings import Settings

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

logger = logging.getLogger(__name__)

Schema: TypeAlias = dict[str, Any]

# 5.0.20260803-17_50_56-api, or the date alone. Walmart refuses a bare 5.0.
DATED = re.compile(r"\d+\.\d+\.\d{8}(-\d\d_\d\d_\d\d-api)?")

INDEX = "spec.json"

# Violations of a schema are told with at most so much of the value.
SHOWN_CHARS = 60


class SpecError(UserError):
    """The item spec can't be read or used."""


class ItemSpec:
    """A spec that was split: its version, the schema of `Orderable`, and one schema for each product type."""

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        self.folder = folder
        self.digest: str = index["digest"]
        self.version: str | None = index["version"]
        self.orderable: Schema = index["orderable"]
        self._files: dict[str, str] = index["types"]

    @property
    def types(self) -> list[str]:
        """Names of the product types, sorted."""
        return sorted(self._files)

    @cached_property
    def _by_lower_name(self) -> dict[str, str]:
        return {name.lower(): name for name in self._files}

    def type_named(self, name: str) -> str | None:
        """The product type in the spec's spelling; None if it has none of that name."""
        return self._by_lower_name.get(name.strip().lower())

    def schema(self, product_type: str) -> Schema:
        """The schema of a product type's part of `Visible`."""
        schema: Schema = json.loads((self.folder / self._files[product_type]).read_text(encoding="utf-8"))
        return schema


def in_force(settings: Settings) -> ItemSpec:
    """The spec of WALMART_ITEM_SPEC, split. Raises SpecError if none is set."""
    if settings.item_spec is None:
        raise SpecError(
            "there is no item spec: get the file from Walmart (Seller Center, or POST /v3/items/spec) and name it in "
            "WALMART_ITEM_SPEC or with --spec"
        )
    return split(settings.item_spec, settings.item_specs)


def split(source: Path, cache: Path) -> ItemSpec:
    """Split a spec file into `cache`, unless that file was split before.

    Raises SpecError if it is no item spec, or is cut off.
    """
    if not source.is_file():
        raise SpecError(f"there is no item spec {source}: name the file that you got from Walmart")
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    folder = cache / digest[:16]
    if not (folder / INDEX).is_file():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = Path(mkdtemp(dir=cache, prefix=".splitting-"))
        try:
            _split(source, unfinished, digest)
            shutil.rmtree(folder, ignore_errors=True)
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return ItemSpec(folder)


def _split(source: Path, folder: Path, digest: str) -> None:
    import ijson

    with source.open("rb") as file:
        try:
            properties = _feed_properties(file)
            item = f"{properties}.MPItem.items.properties"
            header = _first(file, f"{properties}.MPItemFeedHeader") or {}
            orderable = _first(file, f"{item}.Orderable")
            if orderable is None:
                raise SpecError(
                    f"{source} has no schema of Orderable: get the spec of a feed of version 5 from Walmart"
                )
            types: dict[str, str] = {}
            file.seek(0)
            for name, schema in ijson.kvitems(file, f"{item}.Visible.properties", use_float=True):
                text = json.dumps(schema)
                if '"$ref"' in text:
                    raise SpecError(f"{source}: {name} refers to other parts of the file, and could not be read alone")
                types[name] = f"{len(types):05}.json"
                (folder / types[name]).write_text(text, encoding="utf-8")
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise SpecError(f"{source} is no whole JSON file ({error}): download it again") from error
    if not types:
        raise SpecError(
            f"{source} has no product types under Visible: get the spec of a feed of version 5 from Walmart"
        )
    index = {"digest": digest, "version": _version(header), "orderable": orderable, "types": types}
    (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")


def _feed_properties(file: BinaryIO) -> str:
    """Path of the object that has MPItem, as ijson writes it: the API wraps the schema into another object."""
    import ijson

    for prefix, event, value in ijson.parse(file, use_float=True):
        if event == "map_key" and value == "MPItem" and prefix.rpartition(".")[2] == "properties":
            return str(prefix)
    raise SpecError(f"{file.name} has no MPItem: it is no item spec of Walmart's")


def _first(file: BinaryIO, prefix: str) -> Schema | None:
    import ijson

    file.seek(0)
    return next(iter(ijson.items(file, prefix, use_float=True)), None)


def _version(header: Schema) -> str | None:
    """The version that the header must have; None if the spec leaves it open."""
    stated = header.get("properties", {}).get("version", {})
    allowed = [stated["const"]] if "const" in stated else stated.get("enum", [])
    return str(allowed[-1]) if allowed else None


def dated_version(spec: ItemSpec, chosen: str | None) -> str:
    """The version for the feed's header: the chosen one, else the spec's. Raises SpecError unless it has a date."""
    version = chosen or spec.version
    if version is None:
        raise SpecError("the item spec does not say its version: set WALMART_ITEM_SPEC_VERSION")
    if not DATED.fullmatch(version):
        raise SpecError(
            f"Walmart refuses the feed version {version}: it needs the date of the spec, such as "
            "5.0.20260803-17_50_56-api (WALMART_ITEM_SPEC_VERSION, or a newer spec file)"
        )
    if spec.version is not None and version != spec.version:
        raise SpecError(f"WALMART_ITEM_SPEC_VERSION is {version}, but the spec file has version {spec.version}")
    return version


def validator(schema: Schema) -> Validator:
    """A validator of the schema's draft that counts decimals exactly, and skips patterns that Python does not know."""
    return _exact(str(schema.get("$schema", "")))(schema)


@cache
def _exact(draft: str) -> Callable[[Schema], Validator]:
    from jsonschema import Draft7Validator, validators

    known = validators.validator_for({"$schema": draft}, default=Draft7Validator)
    # jsonschema divides floats: 29.99 would be no multiple of 0.01.
    exact: Callable[[Schema], Validator] = validators.extend(known, {"multipleOf": _multiple_of, "pattern": _pattern})
    return exact


def _multiple_of(_: Any, factor: Any, instance: Any, __: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    is_number = isinstance(instance, int | float) and not isinstance(instance, bool)
    if is_number and Decimal(str(instance)) % Decimal(str(factor)):
        yield ValidationError(f"{instance} is not a multiple of {factor}")


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    expression = _compiled_pattern(pattern)
    if isinstance(instance, str) and expression is not None and not expression.search(instance):
        yield ValidationError(f"{instance} does not match {pattern}")


@cache
def _compiled_pattern(pattern: str) -> re.Pattern[str] | None:
    """None, with a warning, for a pattern of JavaScript's that Python can't compile: Walmart checks it itself."""
    try:
        return re.compile(pattern)
    except re.error as error:
        logger.warning("the item spec has a pattern that can't be checked here: %s (%s)", pattern, error)
        return None


def problems(checked: Validator, value: Any, place: str) -> list[str]:
    """How a value breaks a schema, in words: where, and what is expected. Empty if it does not."""
    return sorted({text for error in checked.iter_errors(value) for text in _described(error, place)})


def _described(error: Any, place: str) -> list[str]:
    where = ".".join([place, *(str(step) for step in error.absolute_path)])
    limit, value = error.validator_value, error.instance
    match error.validator:
        case "required":
            return [f"{where}: {name} missing" for name in limit if name not in value]
        case "maxLength":
            return [f"{where}: {len(value):,} characters, at most {limit:,}"]
        case "minLength":
            return [f"{where}: {len(value):,} characters, at least {limit:,}"]
        case "maxItems":
            return [f"{where}: {len(value):,} values, at most {limit:,}"]
        case "minItems":
            return [f"{where}: {len(value):,} values, at least {limit:,}"]
        case "enum":
            others = f" and {len(limit) - 5} others" if len(limit) > 5 else ""
            return [f"{where}: {_shown(value)} is none of {', '.join(map(str, limit[:5]))}{others}"]
        case "additionalProperties":
            known = error.schema.get("properties", {})
            return [f"{where}: the spec has no {', '.join(sorted(set(value) - set(known)))}"]
        case "type":
            return [f"{where}: {_shown(value)} is not of type {limit}"]
        case _:
            return [f"{where}: {_shown(value)}: {error.validator} {_shown(limit)}"]


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"

"""Maps the columns of a feed to fields of a product, by known names (columns.yaml) and mapping files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from walmart_pipeline.core.files import read_yaml
from walmart_pipeline.stages.catalog import cleaning

Target: TypeAlias = Literal[
    "product_id",
    "product_name",
    "brand",
    "category",
    "features",
    "description",
    "attributes",
    "price",
    "gtin",
    "rating",
    "review_count",
]

KNOWN_COLUMNS: dict[str, Any] = read_yaml(Path(__file__).with_name("columns.yaml"))
ALIASES: dict[Target, list[str]] = KNOWN_COLUMNS["fields"]
# Attribute names by column.
ATTRIBUTE_COLUMNS: dict[str, str] = {
    column: label for label, columns in KNOWN_COLUMNS["attributes"].items() for column in columns
}

# Columns of a nested object with the object's value: `brand.name`, `price.amount`.
VALUE_LEAVES = frozenset("name value amount text label displayname".split())
# Objects whose columns describe the product itself.
WRAPPERS = frozenset("product item productdetails details general offer offers primaryoffer".split())
# Columns that describe their object: `seller.name` is not the product's name, `image.size` not its size.
OBJECTS_OWN = ATTRIBUTE_COLUMNS.keys() | set(
    "id sku name title description shortdescription details features reviews rating".split()
)
# A name in a nested object is less certain than a top-level column.
NESTED_RANK = 100
# A feed whose objects are keyed by id has as many columns as rows.
MAX_UNMAPPED = 200


class ColumnMapping(BaseModel):
    """A mapping file, `feed.mapping.yaml`: columns of fields and attributes with unknown names."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[Target, list[str]] = Field(default_factory=dict, description="Field to its column or columns.")
    attributes: dict[str, str] = Field(default_factory=dict, description="Attribute's name to its column.")
    ignore: list[str] = Field(default_factory=list, description="Columns to ignore.")
    source: str | None = Field(default=None, description="Feeds of one source replace each other.")

    @field_validator("columns", mode="before")
    @classmethod
    def _lists(cls, columns: Any) -> Any:
        if not isinstance(columns, dict):
            return columns
        return {target: [names] if isinstance(names, str) else names for target, names in columns.items()}


class MappingError(Exception):
    """A mapping file is not valid."""


def read_mapping(path: Path) -> ColumnMapping:
    """Read a mapping file; an empty mapping if it does not exist. Raises MappingError."""
    if not path.is_file():
        return ColumnMapping()
    try:
        return ColumnMapping.model_validate(read_yaml(path) or {})
    except OSError as error:
        raise MappingError(f"{path.name} can't be read: {error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MappingError(f"{path.name} is not YAML: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(": ".join([*map(str, item["loc"]), item["msg"]]) for item in error.errors())
        raise MappingError(f"{path.name}: {wrong}. Fields are: {', '.join(ALIASES)}") from error


@dataclass
class Cells:
    """The cells of one row by field, the best column first. unmapped: columns without a field, at most MAX_UNMAPPED."""

    fields: dict[Target, list[Any]]
    attributes: list[tuple[str, Any]]
    unmapped: list[str]


class Columns:
    """Sorts the cells of a feed's rows by field."""

    def __init__(self, mapping: ColumnMapping) -> None:
        self._named: dict[str, _Place | None] = dict.fromkeys(mapping.ignore)
        for target, names in mapping.columns.items():
            self._named |= {name: _Place(target, rank - len(names)) for rank, name in enumerate(names)}
        for label, name in mapping.attributes.items():
            self._named[name] = _Place("attributes", 0, label)

    def sort(self, record: Mapping[str, Any]) -> Cells:
        """Sort the cells of one row. Nested objects become dotted columns, except attribute values."""
        placed: dict[Target, list[tuple[_Place, Any]]] = {}
        attributes: list[tuple[str, Any]] = []
        unmapped: list[str] = []
        for place, value in self._placed(record, unmapped):
            if place.label:
                attributes.append((place.label, value))
            else:
                placed.setdefault(place.target, []).append((place, value))
        if any(place.whole_path for place, _ in placed.get("category", [])):
            placed["category"] = [cell for cell in placed["category"] if cell[0].whole_path]
        fields = {
            target: [value for _, value in sorted(cells, key=lambda cell: cell[0].rank)]
            for target, cells in placed.items()
        }
        return Cells(fields, attributes, unmapped)

    def _placed(self, record: Mapping[str, Any], unmapped: list[str], prefix: str = "") -> Iterator[tuple[_Place, Any]]:
        for name, value in record.items():
            column = f"{prefix}{name}"
            if column in self._named:
                if place := self._named[column]:
                    yield place, value
                continue
            place = _known_place(column)
            if isinstance(value, dict) and (place is None or place.target != "attributes"):
                yield from self._placed(value, unmapped, f"{column}.")
            elif place:
                yield place, value
            elif len(unmapped) < MAX_UNMAPPED:
                unmapped.append(column)


@dataclass(frozen=True)
class _Place:
    target: Target
    rank: int
    label: str = ""
    whole_path: bool = False


# The widest feed of the tests has 100,000 columns.
@lru_cache(maxsize=1 << 17)
def _known_place(column: str) -> _Place | None:
    if place := KNOWN.get(normalized(column)):
        return place
    *parents, last = column.split(".")
    if not parents:
        return None
    if normalized(parents[0]) in ALIASES["attributes"]:
        return _Place("attributes", 0, cleaning.label(last))
    parent, leaf = KNOWN.get(normalized(parents[-1])), normalized(last)
    if parent and leaf in VALUE_LEAVES:
        return parent
    if leaf not in KNOWN or (leaf in OBJECTS_OWN and normalized(parents[-1]) not in WRAPPERS):
        return None
    return replace(KNOWN[leaf], rank=KNOWN[leaf].rank + NESTED_RANK)


def normalized(column: str) -> str:
    """Normalize a column's name: `usItemId`, `US_Item_ID` → `usitemid`."""
    return re.sub(r"[\W_]+", "", column).lower()


KNOWN: dict[str, _Place] = {
    name: _Place(target, rank, whole_path=name in KNOWN_COLUMNS["whole_paths"])
    for target, names in ALIASES.items()
    for rank, name in enumerate(names)
} | {name: _Place("attributes", 0, label) for name, label in ATTRIBUTE_COLUMNS.items()}

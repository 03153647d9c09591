"""Which column of a feed holds which field of a product.

Belongs here: known names of columns, the mapping file beside a feed, flattening of nested rows.
Does not: cleaning of what is in the cells (cleaning.py), or what a product needs (products.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from walmart_pipeline.catalog import cleaning

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

# Best first: where a feed has several, the first that is filled is taken; for `category`, all of them are a path.
# Names as folded by `fold`. Collected from the three catalogs of the tests, Walmart's, Amazon's and Google's feeds.
ALIASES: dict[Target, tuple[str, ...]] = {
    "product_id": ("productid", "itemid", "usitemid", "sku", "skuid", "asin", "articlenumber", "itemnumber", "id"),
    "product_name": ("productname", "itemname", "title", "producttitle", "name", "itemtitle"),
    "brand": ("brand", "brandname", "manufacturer", "make", "vendor"),
    "category": (
        "categories",
        "categorypath",
        "googleproductcategory",
        "breadcrumbs",
        "department",
        "category",
        "productcategory",
        "maincategory",
        "subcategory",
    ),
    "features": ("keyfeatures", "features", "bulletpoints", "bullets", "highlights", "aboutthisitem", "featurebullets"),
    "description": (
        "longdescription",
        "longdescr",
        "fulldescription",
        "productdescription",
        "description",
        "shortdescription",
        "shortdescr",
        "techdetails",
        "details",
    ),
    "attributes": ("attributes", "specifications", "specs", "specification", "productattributes", "technicaldetails"),
    "price": ("finalprice", "offerprice", "saleprice", "price", "currentprice", "listprice", "initialprice", "msrp"),
    "gtin": ("gtin", "gtin14", "gtin13", "upc", "standardupc", "ean", "ean13", "barcode", "upccode"),
    "rating": ("rating", "customerrating", "averagerating", "stars", "reviewrating"),
    "review_count": ("reviewcount", "numreviews", "reviews", "ratingscount", "numberofreviews", "ratingcount"),
}
# One path in one column: where it is filled, the columns of single levels add nothing.
WHOLE_PATHS = ("categories", "categorypath", "googleproductcategory", "breadcrumbs")

# Columns that are an attribute each, with the name that shoppers know.
ATTRIBUTE_COLUMNS: dict[str, str] = {
    "color": "Color",
    "colour": "Color",
    "colorpalette": "Color",
    "actualcolor": "Color",
    "material": "Material",
    "size": "Size",
    "dimensions": "Dimensions",
    "productdimensions": "Dimensions",
    "weight": "Weight",
    "itemweight": "Weight",
    "shipweight": "Shipping weight",
    "capacity": "Capacity",
    "model": "Model",
    "modelno": "Model",
    "modelnumber": "Model",
    "pattern": "Pattern",
    "finish": "Finish",
    "style": "Style",
    "flavor": "Flavor",
    "scent": "Scent",
    "count": "Count",
    "countperpack": "Count per pack",
    "packsize": "Pack size",
    "warranty": "Warranty",
    "wattage": "Wattage",
    "voltage": "Voltage",
    "power": "Power",
    "powersource": "Power source",
    "agerange": "Age range",
    "gender": "Gender",
    "shape": "Shape",
    "assembly": "Assembly",
    "care": "Care",
    "careinstructions": "Care",
    "compatibility": "Compatibility",
    "mattresstype": "Mattress type",
    "firmness": "Firmness",
    "bookformat": "Book format",
    "authors": "Author",
    "mediaformat": "Media format",
}


class ColumnMapping(BaseModel):
    """`feed.mapping.yaml`: says where a field is when its column is not among the known ones. It wins over them."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[Target, list[str]] = Field(default_factory=dict, description="Field to its column or columns.")
    attributes: dict[str, str] = Field(default_factory=dict, description="Attribute's name to its column.")
    ignore: list[str] = Field(default_factory=list, description="Columns to leave aside.")

    @field_validator("columns", mode="before")
    @classmethod
    def _lists(cls, columns: Any) -> Any:
        if not isinstance(columns, dict):
            return columns
        return {target: [names] if isinstance(names, str) else names for target, names in columns.items()}


class MappingError(Exception):
    """The mapping file can't be used; the message says where and why."""


def read_mapping(path: Path) -> ColumnMapping:
    """The mapping beside a feed; an empty one if there is none. Raises MappingError if it is not as it should be."""
    if not path.is_file():
        return ColumnMapping()
    import yaml

    try:
        return ColumnMapping.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MappingError(f"{path.name} is not YAML: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise MappingError(f"{path.name}: {wrong}. Fields are: {', '.join(ALIASES)}") from error


@dataclass
class Cells:
    """The cells of one row by the field that they belong to, the best column first."""

    fields: dict[Target, list[Any]]
    attributes: dict[str, Any]


class Columns:
    """Sorts the cells of a feed's rows; remembers each column, and those that belong nowhere."""

    def __init__(self, mapping: ColumnMapping) -> None:
        self._places: dict[str, _Place | None] = dict.fromkeys(mapping.ignore)
        for target, names in mapping.columns.items():
            self._places |= {name: _Place(target, rank - len(names)) for rank, name in enumerate(names)}
        for label, name in mapping.attributes.items():
            self._places[name] = _Place("attributes", 0, label)
        self._ignored = set(mapping.ignore)

    def sort(self, record: Mapping[str, Any]) -> Cells:
        """Cells of one row. Nested objects are flattened to dotted columns, but for those that hold attributes."""
        placed: dict[Target, list[tuple[int, bool, Any]]] = {}
        attributes: dict[str, Any] = {}
        for column, value in self._flat(record):
            place = self._place(column)
            if place is None:
                continue
            if place.label:
                attributes.setdefault(place.label, value)
            else:
                placed.setdefault(place.target, []).append((place.rank, place.whole_path, value))
        if any(whole for _, whole, _ in placed.get("category", [])):
            placed["category"] = [cell for cell in placed["category"] if cell[1]]
        fields = {
            target: [value for _, _, value in sorted(cells, key=lambda cell: cell[0])]
            for target, cells in placed.items()
        }
        return Cells(fields, attributes)

    @property
    def unmapped(self) -> list[str]:
        """Columns seen so far that belong to no field."""
        return [name for name, place in self._places.items() if place is None and name not in self._ignored]

    def _flat(self, record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
        for name, value in record.items():
            column = f"{prefix}{name}"
            place = self._place(column) if isinstance(value, dict) else None
            if isinstance(value, dict) and (place is None or place.target != "attributes"):
                yield from self._flat(value, f"{column}.")
            else:
                yield column, value

    def _place(self, column: str) -> _Place | None:
        if column not in self._places:
            self._places[column] = _known_place(column)
        return self._places[column]


@dataclass(frozen=True)
class _Place:
    target: Target
    rank: int
    label: str = ""
    whole_path: bool = False


def _known_place(column: str) -> _Place | None:
    first, _, last = column.partition(".")
    last = last.rpartition(".")[2]
    if last and fold(first) in ALIASES["attributes"]:
        return _Place("attributes", 0, cleaning.label(last))
    for name in dict.fromkeys((fold(column), fold(last))):
        if name in RANKS:
            return RANKS[name]
        if name in ATTRIBUTE_COLUMNS:
            return _Place("attributes", 0, ATTRIBUTE_COLUMNS[name])
    return None


def fold(column: str) -> str:
    """A column's name without case, spaces and marks: `usItemId`, `US_Item_ID` → `usitemid`."""
    return re.sub(r"[\W_]+", "", column).lower()


RANKS = {
    name: _Place(target, rank, whole_path=name in WHOLE_PATHS)
    for target, names in ALIASES.items()
    for rank, name in enumerate(names)
}

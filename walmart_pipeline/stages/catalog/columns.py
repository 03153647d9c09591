"""Which column of a feed holds which field of a product.

Belongs here: known names of columns, the mapping file beside a feed, flattening of nested rows.
Does not: cleaning of what is in the cells (cleaning.py), or what a product needs (products.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

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
    "rating": ("rating", "customerrating", "averagerating", "ratingvalue", "ratingrate", "stars", "reviewrating"),
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

# Columns of a nested object that hold nothing but the value of the object: `brand.name`, `price.amount`.
VALUE_LEAVES = frozenset("name value amount text label displayname".split())
# Objects that are the product, or its offer: what stands in them is said of the product itself.
WRAPPERS = frozenset("product item productdetails details general offer offers primaryoffer".split())
# These tell of whatever object they stand in: `seller.name` is no product's name, `image.size` no product's size.
OBJECTS_OWN = ATTRIBUTE_COLUMNS.keys() | set(
    "id sku name title description shortdescription details features reviews rating".split()
)
# In a nested object the same name is less sure than beside the row's other columns.
NESTED_RANK = 100
# So many are told; a feed whose objects are named by id has as many columns as rows.
MOST_UNMAPPED = 200


class ColumnMapping(BaseModel):
    """`feed.mapping.yaml`: says where a field is when its column is not among the known ones. It wins over them."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[Target, list[str]] = Field(default_factory=dict, description="Field to its column or columns.")
    attributes: dict[str, str] = Field(default_factory=dict, description="Attribute's name to its column.")
    ignore: list[str] = Field(default_factory=list, description="Columns to leave aside.")
    source: str | None = Field(default=None, description="Feeds of one source replace each other.")

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
    except OSError as error:
        raise MappingError(f"{path.name} can't be read: {error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MappingError(f"{path.name} is not YAML: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(": ".join([*map(str, item["loc"]), item["msg"]]) for item in error.errors())
        raise MappingError(f"{path.name}: {wrong}. Fields are: {', '.join(ALIASES)}") from error


@dataclass
class Cells:
    """The cells of one row by the field that they belong to, the best column first; attributes as the feed has them.

    unmapped: columns that belong to no field, the first MOST_UNMAPPED of them.
    """

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
        """Cells of one row. Nested objects become dotted columns, but for those that are one cell by themselves."""
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
            elif len(unmapped) < MOST_UNMAPPED:
                unmapped.append(column)


@dataclass(frozen=True)
class _Place:
    target: Target
    rank: int
    label: str = ""
    whole_path: bool = False


# The widest feed of the tests has 100,000 columns: each is looked up once, not once a row.
@lru_cache(maxsize=1 << 17)
def _known_place(column: str) -> _Place | None:
    if place := KNOWN.get(fold(column)):
        return place
    *parents, last = column.split(".")
    if not parents:
        return None
    if fold(parents[0]) in ALIASES["attributes"]:
        return _Place("attributes", 0, cleaning.label(last))
    parent, leaf = KNOWN.get(fold(parents[-1])), fold(last)
    if parent and leaf in VALUE_LEAVES:
        return parent
    if leaf not in KNOWN or (leaf in OBJECTS_OWN and fold(parents[-1]) not in WRAPPERS):
        return None
    return replace(KNOWN[leaf], rank=KNOWN[leaf].rank + NESTED_RANK)


def fold(column: str) -> str:
    """A column's name without case, spaces and marks: `usItemId`, `US_Item_ID` → `usitemid`."""
    return re.sub(r"[\W_]+", "", column).lower()


KNOWN = {
    name: _Place(target, rank, whole_path=name in WHOLE_PATHS)
    for target, names in ALIASES.items()
    for rank, name in enumerate(names)
} | {name: _Place("attributes", 0, label) for name, label in ATTRIBUTE_COLUMNS.items()}

"""Walmart's product type of each category of the catalog: a file that the user edits, and proposals for it."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import Field

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.files import read_yaml, write_atomically
from walmart_pipeline.core.records import Record
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.text import tokenizer

SEPARATOR = " > "

HEADER = """\
# Product types of Walmart's item spec, by category of the catalog. A category without a line of its own has the type of
# the category above it. Lines that begin with # are proposals: check them, and remove the #.
"""

# A category's last name says what the products are, the ones above it where they are sold: the third has a ninth of the
# last one's weight, or every category under Home would be furniture.
LEAF_WEIGHT = 2.0
NAME_WEIGHT = 1.0

CATEGORIES = """
select category, count(*) as products, list(product_name order by product_id)[:200] as names
from quality.listings
join catalog.products using (product_id)
group by category
order by products desc, category
"""


class UnmappedCategory(Record):
    """A category without a product type, with proposals, the best first."""

    category: str
    products: int = Field(description="With an accepted listing.")
    proposals: list[str]


class ProductTypes:
    """The mapping of categories to product types."""

    def __init__(self, lines: Mapping[str, str]) -> None:
        self._types = {_path(category): product_type for category, product_type in lines.items()}

    def of(self, category: Sequence[str]) -> str | None:
        """The product type of a category, or of the nearest one above it; None if there is none."""
        path = tuple(name.strip().lower() for name in category)
        return next((self._types[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self._types), None)

    @property
    def names(self) -> list[str]:
        """The product types, sorted."""
        return sorted(set(self._types.values()))

    @property
    def fingerprint(self) -> str:
        """All lines as one text."""
        return json.dumps(sorted((list(path), name) for path, name in self._types.items()))


def _path(category: str) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in category.split(SEPARATOR.strip()))


def load(path: Path) -> ProductTypes:
    """Read the mapping; a missing file maps nothing. Raises UserError for a file that is no mapping of texts."""
    if not path.is_file():
        return ProductTypes({})
    try:
        lines = read_yaml(path) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no YAML: {error}") from error
    if not isinstance(lines, dict) or not all(isinstance(text, str) for line in lines.items() for text in line):
        raise UserError(f'{path}: each line must be a category and its product type, such as "Home > Kettles": Kettles')
    return ProductTypes(lines)


def unmapped(db: Database, mapping: ProductTypes, types: Iterable[str]) -> list[UnmappedCategory]:
    """Categories of accepted listings without a product type, the largest first, with up to three proposals."""
    index = _TypeIndex(types)
    return [
        UnmappedCategory(
            category=SEPARATOR.join(row["category"]),
            products=row["products"],
            proposals=index.nearest(row["category"], row["names"]),
        )
        for row in db.query(CATEGORIES)
        if mapping.of(row["category"]) is None
    ]


def add_proposals(path: Path, categories: Sequence[UnmappedCategory]) -> int:
    """Append proposals as comments; those that the file has already are left as they are. Returns their number."""
    text = path.read_text(encoding="utf-8") if path.is_file() else HEADER
    new = [line for category in categories if (line := _line(category)).split("  #")[0] not in text]
    if new:
        write_atomically(path, text + ("" if text.endswith("\n") else "\n") + "".join(new))
    return len(new)


def _line(category: UnmappedCategory) -> str:
    best = category.proposals[0] if category.proposals else "?"
    others = f"; or {', '.join(category.proposals[1:])}" if category.proposals[1:] else ""
    name, proposed = (json.dumps(text, ensure_ascii=False) for text in (category.category, best))
    return f"# {name}: {proposed}  # {category.products:,} products{others}\n"


class _TypeIndex:
    """Product types by the stems of their names."""

    def __init__(self, types: Iterable[str]) -> None:
        self._stems = {name: frozenset(tokenizer.key_stems(name)) for name in types}
        self._types: dict[str, list[str]] = defaultdict(list)
        for name, stems in self._stems.items():
            for stem in stems:
                self._types[stem].append(name)
        self._rarity = {stem: math.log(1 + len(self._stems) / len(names)) for stem, names in self._types.items()}

    def nearest(self, category: Sequence[str], names: Sequence[str]) -> list[str]:
        """The types whose names the category and its products have most of, the best first."""
        weights: dict[str, float] = defaultdict(float)
        for depth, part in enumerate(reversed(category)):
            for stem in set(tokenizer.key_stems(part)):
                weights[stem] += LEAF_WEIGHT / (1 + depth) ** 2
        for name in names:
            for stem in set(tokenizer.key_stems(name)):
                weights[stem] += NAME_WEIGHT / len(names)
        found = {name for stem in weights for name in self._types.get(stem, ())}
        return sorted(found, key=lambda name: (-self._score(name, weights), name))[:3]

    def _score(self, name: str, weights: Mapping[str, float]) -> float:
        stems = self._stems[name]
        shared = sum(self._rarity[stem] * weights.get(stem, 0.0) for stem in stems)
        # The square root lets a longer name win only if its further words are in the category too.
        return shared / math.sqrt(sum(self._rarity[stem] for stem in stems))

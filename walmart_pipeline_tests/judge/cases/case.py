"""A labelled case of the benchmark, and the clean listings and hand-written cases read from YAML.

Belongs here: the shape of a case and the reading of files. Does not: how a fault is made (mutations.py) or counted
(test_benchmark.py). Labels come from the content contract, never from what the judge says of a text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from walmart_pipeline.core.records import Listing, Product

FOLDER = Path(__file__).parent
# The C loader reads all files in 0.04 s, the Python one in 0.28 s. Every scalar stays text: Yes and 2.10 as written.
LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
WHOLE_FIELDS = {"title": "title", "features": "key_features", "description": "description"}
WRITTEN_KEYS = frozenset(
    "id base replace record title features description feature sentence "
    "expected allowed contradicts source evidence".split()
)


@dataclass(frozen=True, slots=True)
class Case:
    """A listing beside its product, with the rules that it breaks.

    allowed: rules that may be reported or not; they count neither way.
    contradicts: whether the text says otherwise than the record (True), or more than the record (False).
    source: what the record has instead; the message has to tell it.
    evidence: words of which a violation has to show at least one.
    """

    id: str
    product: Product
    listing: Listing
    expected: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    contradicts: bool | None = None
    source: str | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class Swap:
    """Words of a clean listing and what a fault puts in their place."""

    fault: str
    words: str
    becomes: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Clean:
    """A product with an honest listing, from which cases depart."""

    product: Product
    listing: Listing
    noun: str
    swaps: tuple[Swap, ...]

    @property
    def brand(self) -> str:
        return self.product.brand or self.product.attributes["Publisher"]

    @property
    def words(self) -> dict[str, str]:
        """What the templates of faults.yaml may name."""
        site = "".join(letter for letter in self.brand.lower() if letter.isalnum())
        return {"noun": self.noun, "brand": self.brand, "site": site}


Mutation: TypeAlias = Callable[[Clean], Listing]


def read(name: str) -> Any:
    """The content of a YAML file of this folder, every scalar as text."""
    return yaml.load((FOLDER / name).read_text(encoding="utf-8"), Loader=LOADER)


def paragraphs(text: str) -> str:
    """A wrapped text as the listing has it: a paragraph a line, a blank line between two."""
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def clean_listings() -> dict[str, Clean]:
    """Every product with its honest listing, by product id, in the order of the files."""
    files = sorted(path.relative_to(FOLDER) for path in (FOLDER / "products").glob("*.yaml"))
    return {entry["id"]: _clean(entry) for file in files for entry in read(str(file))}


def written_cases(name: str, clean: Mapping[str, Clean]) -> list[Case]:
    """The hand-written cases of one file: each departs from a clean listing.

    replace: words changed in the record and the listing alike; record: changes of the record alone, to which attributes
    and features are added; title, features, description: take the place of the whole field; feature: of the last one;
    sentence: joins the second paragraph. Raises ValueError for any other key: a comma without quotes makes one.
    """
    return [_written(name.removesuffix(".yaml"), entry, clean[entry["base"]]) for entry in read(name)]


def with_sentence(listing: Listing, sentence: str, paragraph: int = 1) -> Listing:
    """The listing with a sentence more at the end of a paragraph of its description."""
    parts = listing.description.split("\n\n")
    parts[paragraph] = f"{parts[paragraph]} {sentence}"
    return listing.model_copy(update={"description": "\n\n".join(parts)})


def with_feature(listing: Listing, feature: str) -> Listing:
    """The listing with another last feature."""
    return listing.model_copy(update={"key_features": [*listing.key_features[:-1], feature]})


def titled(change: Callable[[Clean], str]) -> Mutation:
    """A mutation of the title."""
    return lambda base: base.listing.model_copy(update={"title": change(base)})


def featured(change: Callable[[Clean], list[str]]) -> Mutation:
    """A mutation of the list of features."""
    return lambda base: base.listing.model_copy(update={"key_features": change(base)})


def described(change: Callable[[Clean], str]) -> Mutation:
    """A mutation of the description."""
    return lambda base: base.listing.model_copy(update={"description": change(base)})


def _clean(entry: Mapping[str, Any]) -> Clean:
    listing = entry["listing"]
    return Clean(
        product=Product(product_id=entry["id"], **entry["product"]),
        listing=Listing(**listing | {"description": paragraphs(listing["description"])}),
        noun=entry["noun"],
        swaps=tuple(Swap(**swap) for swap in entry["swaps"]),
    )


def _written(file: str, entry: Mapping[str, Any], base: Clean) -> Case:
    if unknown := set(entry) - WRITTEN_KEYS:
        raise ValueError(f"{file}:{entry['id']} has {sorted(unknown)}: use {sorted(WRITTEN_KEYS)}, and quote commas")
    product, listing = _renamed(base, entry.get("replace", {}))
    update = {key: entry[field] for field, key in WHOLE_FIELDS.items() if field in entry}
    if "description" in update:
        update["description"] = paragraphs(update["description"])
    listing = listing.model_copy(update=update)
    if "feature" in entry:
        listing = with_feature(listing, entry["feature"])
    if "sentence" in entry:
        listing = with_sentence(listing, entry["sentence"])
    return Case(
        f"{file}:{entry['id']}",
        _changed(product, entry.get("record", {})),
        listing,
        expected=frozenset(entry.get("expected", ())),
        allowed=frozenset(entry.get("allowed", ())),
        contradicts={"yes": True, "no": False, None: None}[entry.get("contradicts")],
        source=entry.get("source"),
        evidence=entry.get("evidence"),
    )


def _renamed(base: Clean, words: Mapping[str, str]) -> tuple[Product, Listing]:
    product, listing = base.product.model_dump_json(), base.listing.model_dump_json()
    for old, new in words.items():
        product, listing = product.replace(old, new), listing.replace(old, new)
    return Product.model_validate_json(product), Listing.model_validate_json(listing)


def _changed(product: Product, changes: Mapping[str, Any]) -> Product:
    added = {
        "attributes": product.attributes | changes.get("attributes", {}),
        "features": [*product.features, *changes.get("features", ())],
    }
    return product.model_copy(update={**changes, **added})

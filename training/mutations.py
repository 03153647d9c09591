"""False twins of true statements: another number, unit, word of a class, phrase turned around, or noun."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from training.corpus import Labelled, replaced, statements_of
from walmart_pipeline.core.files import read_yaml
from walmart_pipeline.core.records import Product

SYNTHETIC = "synthetic"
# Each kind of twin is tried for so many of the statements. Twins raised the encoder's area under the curve on other
# writers' texts by 0.04.
SHARE, NOUN_SHARE = 0.75, 0.2
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w]*\d)")
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
_UNIT = re.compile(r"(?<=\d[ -])[A-Za-z]+\b")
_NOUN = re.compile(r"\b(?:the|a|an|with|two|three|four)\s+([a-z]{4,})\b")
_NO_NOUN = frozenset(
    "this that these those their there other same first most more very each both such best good great".split()
)


class Replacement(NamedTuple):
    """Words at a place of a statement, and those instead of them."""

    start: int
    before: str
    after: str


def mutated(honest: Sequence[Labelled], seed: int = 1) -> Iterator[Labelled]:
    """False twins of the statements of honest listings; their words come from the records and from mutations.yaml."""
    choice = random.Random(seed)  # noqa: S311 - no secret
    nouns = sorted({noun for labelled in honest for noun in _nouns(labelled.product)})
    changes: list[tuple[Callable[[str, str, random.Random], Replacement | None], float]] = [
        *((change, SHARE) for change in (_number, _unit, _word, _phrase)),
        (lambda text, record, choice: _noun(text, record, nouns, choice), NOUN_SHARE),
    ]
    for labelled in honest:
        product = labelled.product
        attributes = [f"{name}: {value}" for name, value in product.attributes.items()]
        record = " ".join(
            [product.product_name, product.brand or "", *attributes, *product.features, product.description]
        )
        for statement in statements_of(labelled.listing):
            for change, share in changes:
                if choice.random() < share and (found := change(statement.text, record, choice)):
                    twin = labelled._replace(kind=SYNTHETIC, doubted=())
                    yield replaced(twin, statement.field, statement.start + found.start, found.before, found.after)


@cache
def _data() -> tuple[dict[str, list[str]], dict[str, list[str]], list[tuple[str, str]]]:
    """The class of each word in lower case, that of each unit, and the phrases with their opposites."""
    content = read_yaml(Path(__file__).with_name("mutations.yaml"))
    words = {word.lower(): members for members in content["words"] for word in members}
    units = {unit: members for members in content["units"] for unit in members}
    return words, units, [(before, after) for before, after in content["phrases"]]


def _number(text: str, record: str, choice: random.Random) -> Replacement | None:
    found = [match for match in _NUMBER.finditer(text) if match[0] in record]
    if not found:
        return None
    match = choice.choice(found)
    decimals = len(match[0].partition(".")[2])
    for _ in range(9):
        changed = f"{_changed(float(match[0]), 10**-decimals, choice):.{decimals}f}"
        if float(changed) > 0 and changed not in record:
            return Replacement(match.start(), match[0], changed)
    return None


def _changed(value: float, step: float, choice: random.Random) -> float:
    kind = choice.random()
    if kind < 0.4:
        return value * choice.choice([2, 0.5, 1.5, 10, 1.2, 0.8])
    if kind < 0.85:
        return value + choice.choice([-3, -2, -1, 1, 2, 3, 5]) * step
    return value + choice.choice([10, -10, 20, 50])


def _unit(text: str, record: str, choice: random.Random) -> Replacement | None:
    _, units, _ = _data()
    found = [match for match in _UNIT.finditer(text) if match[0] in units]
    if not found:
        return None
    match = choice.choice(found)
    return Replacement(match.start(), match[0], choice.choice([unit for unit in units[match[0]] if unit != match[0]]))


def _word(text: str, record: str, choice: random.Random) -> Replacement | None:
    classes, _, _ = _data()
    record = record.lower()
    found = [match for match in _WORD.finditer(text) if match[0].lower() in classes and match[0].lower() in record]
    if not found:
        return None
    match = choice.choice(found)
    others = [word for word in classes[match[0].lower()] if word.lower() not in record]
    if not others:
        return None
    word = choice.choice(others)
    return Replacement(match.start(), match[0], word.capitalize() if match[0][0].isupper() else word)


def _phrase(text: str, record: str, choice: random.Random) -> Replacement | None:
    _, _, phrases = _data()
    found = [
        Replacement(match.start(), before, after)
        for before, after in phrases
        if (match := re.search(rf"(?<![\w-]){re.escape(before)}(?!\w)", text))
    ]
    return choice.choice(found) if found else None


def _noun(text: str, record: str, nouns: Sequence[str], choice: random.Random) -> Replacement | None:
    record, known = record.lower(), set(nouns)
    found = [match for match in _WORD.finditer(text) if match[0] in known and match[0] in record]
    if not found:
        return None
    match = choice.choice(found)
    # Of the same number: plural for plural.
    others = [noun for noun in choice.sample(nouns, 20) if noun not in record and noun[-1] == match[0][-1]]
    return Replacement(match.start(), match[0], others[0]) if others else None


def _nouns(product: Product) -> set[str]:
    return set(_NOUN.findall(" ".join([*product.features, product.description]))) - _NO_NOUN

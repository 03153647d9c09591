"""False twins of true statements: another number, word of a class, phrase turned around, or noun."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from training.pairs import Pair
from walmart_pipeline.core.files import read_yaml
from walmart_pipeline.core.records import Product

# Each kind of twin is tried for so many of the statements. Twins raised the area under the curve on other writers'
# texts by 0.04; they weigh less than what people or models wrote.
SHARE, NOUN_SHARE = 0.75, 0.2
WEIGHT, NOUN_WEIGHT = 0.7, 0.5
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w]*\d)")
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
_NOUN = re.compile(r"\b(?:the|a|an|with|two|three|four)\s+([a-z]{4,})\b")
_NO_NOUN = frozenset(
    "this that these those their there other same first most more very each both such best good great".split()
)


def mutated(honest: Iterable[Pair], records: Iterable[Product], seed: int = 1) -> Iterator[Pair]:
    """False twins of honest pairs; their words come from these records and from mutations.yaml."""
    choice = random.Random(seed)  # noqa: S311 - no secret
    nouns = sorted(_nouns(records))
    for pair in honest:
        for change in (_number, _word, _phrase):
            if choice.random() < SHARE and (text := change(pair, choice)):
                yield pair.falsified(text, f"synthetic {change.__name__.strip('_')}", WEIGHT)
        if choice.random() < NOUN_SHARE and (text := _noun(pair, nouns, choice)):
            yield pair.falsified(text, "synthetic noun", NOUN_WEIGHT)


@cache
def _data() -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """The class of each word in lower case, and the phrases with their opposites."""
    content = read_yaml(Path(__file__).with_name("mutations.yaml"))
    classes = {word.lower(): members for members in content["words"] for word in members}
    return classes, [(before, after) for before, after in content["phrases"]]


def _number(pair: Pair, choice: random.Random) -> str | None:
    found = [match for match in _NUMBER.finditer(pair.statement) if match[0] in pair.premise]
    if not found:
        return None
    match = choice.choice(found)
    decimals = len(match[0].partition(".")[2])
    for _ in range(9):
        changed = f"{_changed(float(match[0]), 10**-decimals, choice):.{decimals}f}"
        if float(changed) > 0 and changed not in pair.premise:
            return pair.statement[: match.start()] + changed + pair.statement[match.end() :]
    return None


def _changed(value: float, step: float, choice: random.Random) -> float:
    kind = choice.random()
    if kind < 0.4:
        return value * choice.choice([2, 0.5, 1.5, 10, 1.2, 0.8])
    if kind < 0.85:
        return value + choice.choice([-3, -2, -1, 1, 2, 3, 5]) * step
    return value + choice.choice([10, -10, 20, 50])


def _word(pair: Pair, choice: random.Random) -> str | None:
    classes, _ = _data()
    premise = pair.premise.lower()
    found = [
        match for match in _WORD.finditer(pair.statement) if match[0].lower() in classes and match[0].lower() in premise
    ]
    if not found:
        return None
    match = choice.choice(found)
    others = [word for word in classes[match[0].lower()] if word.lower() not in premise]
    if not others:
        return None
    word = choice.choice(others)
    return _replaced(pair.statement, match, word.capitalize() if match[0][0].isupper() else word)


def _phrase(pair: Pair, choice: random.Random) -> str | None:
    _, phrases = _data()
    found = [
        (match, after)
        for before, after in phrases
        if (match := re.search(rf"(?<![\w-]){re.escape(before)}(?!\w)", pair.statement))
    ]
    return _replaced(pair.statement, *choice.choice(found)) if found else None


def _noun(pair: Pair, nouns: Sequence[str], choice: random.Random) -> str | None:
    premise, known = pair.premise.lower(), set(nouns)
    found = [match for match in _WORD.finditer(pair.statement) if match[0] in known and match[0] in premise]
    if not found:
        return None
    match = choice.choice(found)
    # Of the same number: plural for plural.
    others = [noun for noun in choice.sample(nouns, 20) if noun not in premise and noun[-1] == match[0][-1]]
    return _replaced(pair.statement, match, others[0]) if others else None


def _nouns(records: Iterable[Product]) -> set[str]:
    return {
        noun for record in records for noun in _NOUN.findall(" ".join([*record.features, record.description]))
    } - _NO_NOUN


def _replaced(text: str, match: re.Match[str], word: str) -> str:
    return text[: match.start()] + word + text[match.end() :]

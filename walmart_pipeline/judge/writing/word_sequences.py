"""How well words follow each other, by a small language model of word classes learned from well-written listings.

A frequent word is a class of its own, any other belongs to the class of its ending and capitals. The model counts pairs
of classes, so it knows that "the" is followed by an adjective or a noun and that a sentence has a verb, and it knows
nothing of products.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import pairwise

import numpy as np

from walmart_pipeline.core.records import Record

TOKEN = re.compile(r"[^\W_]+(?:['’‑-][^\W_]+|(?<=\d)[.,/]\d+)*|[^\w\s]")
_ENDINGS = re.compile(r"..(ing|ed|ly|tion|ness|ment|able|ible|ful|less|ous|ive|al|est|er|es|s|y|e)$")
_MARKS = frozenset(",.;:!?()-&/\"'")
# Where a sequence begins: a title and a key feature are no sentences.
TITLE, FEATURE, SENTENCE, END = "<title>", "<feature>", "<sentence>", "<end>"
# Words that are less frequent than this in the model's texts share the class of their ending.
OWN_CLASS_TIMES = 10
# Rarer pairs are left out of the file and have the probability of a pair that was not seen.
LEAST_TIMES = 3
DECIMALS = 2
REMEMBERED_WORDS = 1 << 14


class PairCounts(Record):
    """Logarithms of the probability of a class, and of a class after another one."""

    words: list[str]
    """The words that are classes of their own."""
    single: dict[str, float]
    pairs: dict[str, dict[str, float]]
    """First class to second class."""
    unseen: dict[str, float]
    """First class to what is added to `single` for a second class that is not in `pairs`."""


class WordSequences:
    """The language model, ready to use: a table of 15 MB with the logarithm of each class after each other one."""

    def __init__(self, counts: PairCounts) -> None:
        single, unseen = counts.single, counts.unseen
        classes = sorted({*counts.words, *single, *unseen, TITLE, FEATURE, SENTENCE, END})
        self._numbers = {name: number for number, name in enumerate(classes)}
        # A class that no text of the model had is the last one.
        least = min(single.values())
        after, before = [single.get(name, least) for name in classes], [unseen.get(name, 0.0) for name in classes]
        self._table = np.add.outer([*before, 0.0], [*after, least])
        for first, row in counts.pairs.items():
            for second, odds in row.items():
                self._table[self._numbers[first], self._numbers[second]] = odds
        self._pieces = _Pieces(frozenset(counts.words), self._numbers)

    def log_probabilities(self, texts: Sequence[str], kind: str = SENTENCE) -> list[list[float]]:
        """The logarithm of the probability of each token of each text after the one before it, and of the end."""
        numbers: list[int] = []
        starts = []
        for text in texts:
            starts.append(len(numbers))
            numbers.append(self._numbers[kind])
            for piece in text.split():
                numbers += self._pieces[piece]
            numbers.append(self._numbers[END])
        rows = np.array(numbers, dtype=np.intp)
        odds = self._table[rows[:-1], rows[1:]].tolist()
        return [odds[start : end - 1] for start, end in pairwise([*starts, len(numbers)])]


class _Pieces(dict[str, tuple[int, ...]]):
    """Numbers of the classes of the tokens between two spaces, computed at first use."""

    def __init__(self, words: Set[str], numbers: Mapping[str, int]) -> None:
        super().__init__()
        self._words, self._numbers = words, numbers

    def __missing__(self, piece: str) -> tuple[int, ...]:
        classes = (_class_of(token, self._words) for token in TOKEN.findall(piece))
        found = tuple(self._numbers.get(name, len(self._numbers)) for name in classes)
        if len(self) < REMEMBERED_WORDS:
            self[piece] = found
        return found


def _class_of(token: str, words: Set[str]) -> str:
    """A frequent word itself; the shape of any other token."""
    lower = token.lower()
    return lower if lower in words and not (len(token) > 1 and token.isupper()) else _shape(token)


def _shape(token: str) -> str:
    if not token[0].isalnum():
        return token if token in _MARKS else "<mark>"
    if any(char.isdigit() for char in token):
        return "<number>" if token[0].isdigit() else "<code>"
    if len(token) > 1 and token.isupper():
        return "<capitals>"
    if any(char.isupper() for char in token[1:]) and "-" not in token:
        return "<mixed>"
    ending = _ENDINGS.search(token)
    return f"<{'Name' if token[0].isupper() else ''}-{ending[1] if ending else ''}>"


def count(texts: Iterable[tuple[str, str]]) -> PairCounts:
    """Learn the model from texts, (kind, text) each: interpolated by Witten and Bell, which is fair to rare pairs."""
    split = [(kind, TOKEN.findall(text)) for kind, text in texts]
    times = Counter(token.lower() for _, tokens in split for token in tokens if token[0].isalpha())
    words = sorted(word for word, often in times.items() if often >= OWN_CLASS_TIMES)
    known = frozenset(words)
    sequences = [[kind, *(_class_of(token, known) for token in tokens), END] for kind, tokens in split]
    singles = Counter(each for sequence in sequences for each in sequence[1:])
    total = sum(singles.values())
    single = {each: often / (total + 1) for each, often in singles.items()}
    rows: dict[str, Counter[str]] = {}
    for sequence in sequences:
        for first, second in pairwise(sequence):
            rows.setdefault(first, Counter())[second] += 1
    pairs: dict[str, dict[str, float]] = {}
    unseen = {}
    for first, row in rows.items():
        seen, kinds = sum(row.values()), len(row)
        rest = kinds / (seen + kinds)
        unseen[first] = round(math.log(rest), DECIMALS)
        frequent = {second: often for second, often in row.items() if often >= LEAST_TIMES}
        if frequent:
            pairs[first] = {
                second: round(math.log(often / (seen + kinds) + rest * single[second]), DECIMALS)
                for second, often in sorted(frequent.items())
            }
    return PairCounts(
        words=words,
        single={each: round(math.log(share), DECIMALS) for each, share in sorted(single.items())},
        pairs=pairs,
        unseen=unseen,
    )

"""Word classes, the order of function words, and language detection."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import pairwise, repeat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from walmart_pipeline.core.files import read_yaml

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

DATA = Path(__file__).parent / "english.yaml"
# Classes beside those of english.yaml: any other word, an unpronounceable one, a function word of another language, a
# word in another script, and one that a caller marks as a figure.
OTHER, UNPRONOUNCEABLE, FOREIGN, SCRIPT, FIGURE = "x", "z", "f", "s", "#"
# Three of the same letter, except in XXXL, or only consonants, at least five.
KEYBOARD_MASH = re.compile(r"([a-wyz])\1\1|^[bcdfghjklmnpqrstvwxz]{5,}$")
# Model numbers, sizes and short words may be spelled anyhow.
PRONOUNCEABLE_FROM, PRONOUNCEABLE_TO = 4, 40
LATIN_END = "\u024f"
# Cached words: 7 MB at most.
REMEMBERED_WORDS = 1 << 16


class _Data(NamedTuple):
    classes: dict[str, str]
    order: dict[tuple[str, str], float]
    rare_pairs: frozenset[str]


class _Classes(dict[str, str]):
    """Class of each word, computed at first use."""

    def __init__(self, data: _Data) -> None:
        super().__init__(data.classes)
        self._rare_pairs = data.rare_pairs

    def __missing__(self, word: str) -> str:
        found = self._class_of(word)
        if len(self) < REMEMBERED_WORDS:
            self[word] = found
        return found

    def _class_of(self, word: str) -> str:
        if not word.isascii() and any(char > LATIN_END and char.isalpha() for char in word):
            return SCRIPT
        if not (PRONOUNCEABLE_FROM <= len(word) <= PRONOUNCEABLE_TO and word.isascii() and word.isalpha()):
            return OTHER
        rare = any(word[index : index + 2] in self._rare_pairs for index in range(len(word) - 1))
        return UNPRONOUNCEABLE if rare or KEYBOARD_MASH.search(word) else OTHER


@cache
def _data() -> _Data:
    content = read_yaml(DATA)
    classes = dict.fromkeys(content["foreign"].split(), FOREIGN)
    for name, words in content["classes"].items():
        classes |= dict.fromkeys(words.split(), name)
    order = {
        (first, second): odds
        for first, row in content["order"].items()
        for second, odds in zip(content["columns"], row, strict=True)
    }
    rare = frozenset(group[0] + after for group in content["rare_pairs"].split() for after in group[1:])
    return _Data(classes, order, rare)


@cache
def _classes() -> _Classes:
    return _Classes(_data())


def word_classes(words: Iterable[str]) -> str:
    """One letter a normalized word: its class in english.yaml, or OTHER, UNPRONOUNCEABLE, FOREIGN, SCRIPT."""
    return "".join(map(_classes().__getitem__, words))


def function_words(form: str) -> int:
    """Number of English function words in a string of word classes."""
    return len(form) - sum(map(form.count, (OTHER, UNPRONOUNCEABLE, FOREIGN, SCRIPT)))


def odds(form: str) -> list[float]:
    """Log odds of shuffled order for each pair of consecutive words."""
    return list(map(_data().order.get, pairwise(form), repeat(0.0)))


def disorder(form: str) -> float:
    """Mean log odds per function word that the words were shuffled."""
    return sum(odds(form)) / max(1, function_words(form))


def language_of(text: str, sure: float) -> str | None:
    """Code of the living language other than English that py3langid detects with at least this probability, or None.

    It takes 0.2 ms a text, so call it only for texts with hardly an English function word.
    """
    language, probability = _identifier().classify(text)
    return None if language in {"en", "la"} or probability < sure else str(language)


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

"""Word classes, the order of function words, and language detection."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import pairwise, repeat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import yaml

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

DATA = Path(__file__).parent / "english.yaml"
# Classes beside those of english.yaml: any other word, an unpronounceable one, a function word of another language,
# and a word in another script. A caller may mark what it explains itself.
OTHER, UNPRONOUNCEABLE, FOREIGN, SCRIPT, FIGURE = "x", "z", "f", "s", "#"
# Three of the same letter, save in XXXL, or five and more consonants and nothing else.
KEYBOARD_MASH = re.compile(r"([a-wyz])\1\1|^[bcdfghjklmnpqrstvwxz]{5,}$")
# Model numbers, sizes and short words may be spelled anyhow.
PRONOUNCEABLE_FROM, PRONOUNCEABLE_TO = 4, 40
LATIN_END = "\u024f"
# Words met so far are looked up, the first of them for good: 7 MB at most.
REMEMBERED_WORDS = 1 << 16


class _Data(NamedTuple):
    classes: dict[str, str]
    order: dict[tuple[str, str], float]
    rare_pairs: frozenset[str]


class _Classes(dict[str, str]):
    """Class of each word, worked out when it is first asked for."""

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
    content = yaml.safe_load(DATA.read_text(encoding="utf-8"))
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
    """How many English function words a shape holds."""
    return len(form) - sum(map(form.count, (OTHER, UNPRONOUNCEABLE, FOREIGN, SCRIPT)))


def odds(form: str) -> list[float]:
    """For each word but the last, the log odds that it and the next stand in shuffled order."""
    return list(map(_data().order.get, pairwise(form), repeat(0.0)))


def disorder(form: str) -> float:
    """Mean log odds, for each function word, that the words were shuffled."""
    return sum(odds(form)) / max(1, function_words(form))


def language_of(text: str, sure: float) -> str | None:
    """Code of another living language than English that a text is in with this probability, by py3langid; or None.

    0.2 ms a text, so it is asked only of those that have hardly an English function word.
    """
    language, probability = _identifier().classify(text)
    return None if language in {"en", "la"} or probability < sure else str(language)


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

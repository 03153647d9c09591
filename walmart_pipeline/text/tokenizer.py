"""Words and stems of a text."""

from __future__ import annotations

import re
from functools import lru_cache

# A hyphenated or apostrophed word is one word, as a person counts them, and so is 1.7 or 1,500.
WORD = re.compile(r"[^\W_]+(?:['’‑-][^\W_]+|(?<=\d)[.,]\d+)*")
PIECE = re.compile(r"[^\W_]+")
VOWELS = re.compile(r"[aeiouy]+")

# Words that say nothing about a product; the others are key words.
STOP_WORDS = frozenset(
    """
    a an and are as at be by for from has have in is it its no not of off on or our over per plus so such than that
    the their them then these this those to up use used very was we will with without you your
    """.split()
)
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_PLAIN = (("’", "'"), ("‘", "'"), ("‑", "-"), ("–", "-"), ("\u00a0", " "))


def words(text: str) -> list[str]:
    """The words of a text, normalized."""
    return WORD.findall(normalized(text))


def name_words(name: str) -> list[str]:
    """The words of a field's name in lower case, however they are joined: frameColor, frame_color, Frame Color."""
    return PIECE.findall(_CAMEL_CASE.sub(" ", name).lower())


def stems(word: str) -> list[str]:
    """Stems of the parts of a normalized text, without single letters and stop words."""
    return [stem(piece) for piece in PIECE.findall(word) if len(piece) > 1 and piece not in STOP_WORDS]


def syllables(word: str) -> int:
    """Groups of vowels, without a silent final e; at least 1."""
    count = len(VOWELS.findall(word))
    if word.endswith("e") and not word.endswith(("le", "ee")) and count > 1:
        count -= 1
    return max(1, count)


def normalized(text: str) -> str:
    """The text in lower case with plain apostrophes and hyphens, character for character: spans stay valid."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    if not lower.isascii():
        for sign, plain in _PLAIN:
            lower = lower.replace(sign, plain)
    return lower


@lru_cache(maxsize=1 << 14)
def stem(word: str) -> str:
    """A lower-case word without its plural ending, so that panels = panel, batteries = battery, dresses = dress."""
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word[:-1]


def key_stems(text: str) -> list[str]:
    """Stems of the words of a text without stop words, in order, with repeats."""
    return stems(normalized(text))

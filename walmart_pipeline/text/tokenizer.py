"""Words and stems of a text."""

from __future__ import annotations

import re
from functools import lru_cache

# Words with hyphens or apostrophes are one word, and so are 1.7 and 1,500.
WORD = re.compile(r"[^\W_]+(?:['’‑-][^\W_]+|(?<=\d)[.,]\d+)*")
PIECE = re.compile(r"[^\W_]+")
VOWELS = re.compile(r"[aeiouy]+")

# Words without content; all others are key words.
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
    """The words of a field's name in lower case: frameColor, frame_color and Frame Color are the same."""
    return PIECE.findall(_CAMEL_CASE.sub(" ", name).lower())


def stems(word: str) -> list[str]:
    """Stems of the parts of a normalized text, without single letters and stop words."""
    return [stem(piece) for piece in PIECE.findall(word) if len(piece) > 1 and piece not in STOP_WORDS]


def syllables(word: str) -> int:
    """Estimated syllables: groups of vowels without a silent final e, at least 1."""
    count = len(VOWELS.findall(word))
    if word.endswith("e") and not word.endswith(("le", "ee")) and count > 1:
        count -= 1
    return max(1, count)


def normalized(text: str) -> str:
    """The text in lower case with ASCII apostrophes and hyphens; its length stays, so spans stay valid."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    if not lower.isascii():
        for sign, plain in _PLAIN:
            lower = lower.replace(sign, plain)
    return lower


@lru_cache(maxsize=1 << 14)
def stem(word: str) -> str:
    """The singular of a lower-case word: panel for panels, battery for batteries, dress for dresses."""
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word[:-1]


def key_stems(text: str) -> list[str]:
    """Stems of the words of a text, without stop words."""
    return stems(normalized(text))


def distinct_stems(text: str) -> frozenset[str]:
    """The same stems, each once."""
    pieces = set(PIECE.findall(normalized(text))) - STOP_WORDS
    return frozenset([stem(piece) for piece in pieces if len(piece) > 1])

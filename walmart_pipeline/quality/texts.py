"""A text as the judge reads it: words, stems, sentences.

Belongs here: cutting a text up, with the same idea of a word everywhere.
Does not: what a rule or a dimension makes of the parts.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from walmart_pipeline.quality import english

# A hyphenated or apostrophed word is one word, as a person counts them, and so is 1.7 or 1,500.
WORD = re.compile(r"[^\W_]+(?:['’‑-][^\W_]+|(?<=\d)[.,]\d+)*")
PIECE = re.compile(r"[^\W_]+")
VOWELS = re.compile(r"[aeiouy]+")
# A sentence ends with one of these, whatever brackets and quotes close after it.
SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*$")

# Words that tell nothing of a product; a name's key words are the others.
STOP_WORDS = frozenset(
    """
    a an and are as at be by for from has have in is it its no not of off on or our over per plus so such than that
    the their them then these this those to up use used very was we will with without you your
    """.split()
)
# After these a full stop ends no sentence: "12 in. wide", "approx. 3 lb".
ABBREVIATIONS = frozenset(
    """
    approx. cm. dia. dr. e.g. etc. fl. ft. gal. i.e. in. incl. jr. lb. lbs. max. min. mr. mrs. no. oz. pcs. pkg. qt.
    sq. sr. st. tbsp. tsp. vol. vs. wt. yd. u.s.
    """.split()
)
_PLAIN = (("’", "'"), ("‘", "'"), ("‑", "-"), ("–", "-"), ("\u00a0", " "))
# A catalog's everyday words come again and again: of 330,000 pieces of real descriptions, 97 % are
# among the 16,384 commonest. So many with their words take 10 MB.
REMEMBERED = 1 << 14
# Longer ones are addresses or writing without blanks, and never come again.
REMEMBERED_CHARS = 40


class Cut(NamedTuple):
    """A text cut up.

    words: folded. stems: see `key_stems`. hashes: 32 bits a word, the same on every machine; 0 for a word with a digit.
    syllables: of all words. sentences: how many words each sentence or line has, without empty ones. shape: see
    `english.shape`.
    """

    words: list[str]
    stems: list[str]
    hashes: list[int]
    syllables: int
    sentences: list[int]
    shape: str


# What stands between two blanks, such as kettle, and/or (30”): words, stems, hashes, syllables and shape as in a Cut,
# and whether it ends a sentence. Python takes a named tuple apart so slowly that `cut` would take a fifth longer.
_Piece: TypeAlias = tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...], int, str, bool]


class _Pieces(dict[str, _Piece]):
    """Each piece of text that was met lately; one look-up a piece serves every measure."""

    def __missing__(self, text: str) -> _Piece:
        words = tuple(WORD.findall(text))
        piece = (
            words,
            tuple(stem for word in words for stem in _stems(word)),
            tuple(map(_hash, words)),
            sum(map(_syllables, words)),
            english.shape(words),
            SENTENCE_END.search(text) is not None and text not in ABBREVIATIONS,
        )
        if len(text) <= REMEMBERED_CHARS:
            if len(self) >= REMEMBERED:
                self.clear()
            self[text] = piece
        return piece


_PIECES = _Pieces()


def cut(text: str) -> Cut:
    """All that the judge asks of a text's words, worked out at once.

    No word reaches over a blank, so the text is divided at blanks and what stands between two is looked up: 32 µs for
    166 words. Regular expressions for words and sentences alone took 80 µs for 200.
    """
    words: list[str] = []
    stems: list[str] = []
    hashes: list[int] = []
    syllables = begun = 0
    sentences: list[int] = []
    shapes: list[str] = []
    for line in folded(text).split("\n"):
        for piece in line.split():
            found, found_stems, found_hashes, found_syllables, shape, ends = _PIECES[piece]
            words += found
            stems += found_stems
            hashes += found_hashes
            syllables += found_syllables
            shapes.append(shape)
            if ends and len(words) > begun:
                sentences.append(len(words) - begun)
                begun = len(words)
        if len(words) > begun:
            sentences.append(len(words) - begun)
            begun = len(words)
    return Cut(words, stems, hashes, syllables, sentences, "".join(shapes))


def _stems(word: str) -> list[str]:
    return [stem(piece) for piece in PIECE.findall(word) if len(piece) > 1 and piece not in STOP_WORDS]


def _hash(word: str) -> int:
    if any(character.isdigit() for character in word):
        return 0
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "little")


def _syllables(word: str) -> int:
    """Groups of vowels, without a silent final e; at least 1."""
    count = len(VOWELS.findall(word))
    if word.endswith("e") and not word.endswith(("le", "ee")) and count > 1:
        count -= 1
    return max(1, count)


def folded(text: str) -> str:
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
    """Stems of the words that tell something, in order, with repeats; single letters and stop words are left out."""
    return cut(text).stems

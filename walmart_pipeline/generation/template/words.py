"""Content words of a text, and letter case."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from walmart_pipeline.generation.template.phrases import phrases
from walmart_pipeline.text.tokenizer import STOP_WORDS, stem

_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+")
# In a model number (X200) or a table (S=US) capitals are no shouting.
_UNSHOUTABLE = frozenset("0123456789=")
_CAPITALS = re.compile(r"[^\W\d_a-z]{2}")
_EDGES = "\"'“”‘’()[]{}.,;:!?&"

# fmt: off
SMALL_WORDS = frozenset({
    "a", "an", "and", "as", "at", "but", "by", "for", "from", "in", "into", "of", "on", "or", "per", "the",
    "to", "via", "vs", "with", "w/",
})
# Words that say nothing by themselves in a sentence; "use" and "over" do.
_SAY_SOMETHING = {"off", "over", "plus", "such", "up", "use", "used", "without"}
FUNCTION_WORDS = SMALL_WORDS | (STOP_WORDS - _SAY_SOMETHING) | frozenset({
    "were", "which", "who", "had", "can", "may", "also", "they", "he", "she", "his", "her", "i", "my", "me", "us",
    "if", "all", "any", "each", "more", "most", "just", "only", "both", "t", "s",
})
# A text that ends with one of these was truncated.
UNFINISHED = SMALL_WORDS | frozenset({
    "is", "are", "that", "which", "your", "our", "their", "its", "this", "these", "has", "have", "right",
    "when",
})
# fmt: on


# Features, prose and attributes use the same sentences; a thousand entries are enough for several products.
@lru_cache(maxsize=1024)
def content_words(text: str) -> frozenset[str]:
    """Words and numbers in lower case, without function words and without a plural s."""
    return frozenset(map(stem, set(_WORD.findall(text.lower())) - FUNCTION_WORDS))


def is_plural(noun: str) -> bool:
    """Whether a lower-case noun is plural, by its ending."""
    return len(noun) > 3 and noun[-1] == "s" and noun[-2] not in "sui" and noun not in {"lens", "canvas", "gas"}


def is_left_hanging(words: list[str]) -> bool:
    """Whether the last word needs another one; "in" after a number is an inch."""
    last = words[-1].lower()
    return last in UNFINISHED and not (last == "in" and len(words) > 1 and words[-2][-1].isdigit())


def is_covered(words: frozenset[str], covered: Iterable[frozenset[str]]) -> bool:
    """Whether an earlier text has at least 80 % of these content words, since repetitions may differ by a word."""
    if not words:
        return True
    enough = 0.8 * len(words)
    return any(len(words & other) >= enough for other in covered)


def capitalised(text: str) -> str:
    """The text with a capital, unless its first word has one already (iPhone)."""
    first = text.split(" ", 1)[0]
    return text if first != first.lower() else text[:1].upper() + text[1:]


def is_shouted(word: str) -> bool:
    """Whether a word is all caps, with at least two letters; model numbers (X200) are not."""
    return word.isupper() and sum(map(str.isalpha, word)) > 1 and not any(map(_UNSHOUTABLE.__contains__, word))


def without_shouting(text: str, keep: frozenset[str] = frozenset(), *, titled: bool = False) -> str:
    """The text with runs of two or more all-caps words in lower case, if one has four letters; acronyms stay.

    keep: lower-case words to leave as they are (a brand's). titled: capitalize every word, not just sentence starts.
    """
    if not _CAPITALS.search(text):
        return text
    words = text.split(" ")
    if sum(map(is_shouted, words)) < 2:
        return text
    acronyms = phrases().acronyms
    start = 0
    while start < len(words):
        if not is_shouted(words[start]):
            start += 1
            continue
        end = start
        # numbers and signs do not end a run
        while end < len(words) and not any(letter.islower() for letter in words[end]):
            end += 1
        run = words[start:end]
        if sum(map(is_shouted, run)) > 1 and any(len(word.strip(_EDGES)) > 3 for word in run):
            for place in range(start, end):
                bare = words[place].strip(_EDGES).lower()
                shouted = is_shouted(words[place]) or bare in SMALL_WORDS
                if shouted and bare not in acronyms and bare not in keep:
                    begins = place == 0 or words[place - 1][-1:] in ".!?"
                    lowered = words[place].lower()
                    small = bare in SMALL_WORDS and place > 0
                    words[place] = _with_capital(lowered) if begins or (titled and not small) else lowered
        start = end
    return " ".join(words)


def title_cased(text: str) -> str:
    """A lower-case name in title case, with acronyms in capitals."""
    acronyms = phrases().acronyms
    words = text.split(" ")
    for place, word in enumerate(words):
        bare = word.strip(_EDGES)
        if bare in acronyms:
            words[place] = word.replace(bare, acronyms[bare])
        elif len(bare) > 1 and word.islower() and (place == 0 or bare not in SMALL_WORDS):
            if any(map(str.isdigit, word)):
                continue
            words[place] = "-".join(_with_capital(part) for part in word.split("-"))
    return " ".join(words)


def _with_capital(word: str) -> str:
    for place, letter in enumerate(word):
        if letter.isalpha():
            return word[:place] + letter.upper() + word[place + 1 :]
    return word

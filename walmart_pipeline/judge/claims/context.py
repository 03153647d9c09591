"""The sentence around a word of a text."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from walmart_pipeline.judge.claims.vocabulary import vocabulary
from walmart_pipeline.text import tokenizer

PARTS = vocabulary().parts
# Words that end the name of a thing.
STOP = tokenizer.STOP_WORDS - {"and", "or"} | {"while", "but", "when", "into", "which", "also", "can", "makes", "keeps"}
NEXT_WORD = re.compile(r"[\s-]+([a-z][a-z']*)")
_DENIED = re.compile(
    r"\b(?:not|no|non|without|never|isn't|aren't|doesn't|don't|unlike|than|instead of|rather than|neither|nor|lacks)"
    r"(?!\s+(?:only|just)\b)(?:[\s-]+[\w'-]+){0,3}[\s-]*$"
)
# What a product's name may be followed by without being of another thing: "a red towel set".
_WHOLE = frozenset(
    tokenizer.stem(word) for word in "set pack kit collection pair version model design style piece one".split()
)
# Behind these a noun ends, the second where the word may be a verb: "a teak bath mat with", "canvas work pants,".
_NOUN_ENDS = re.compile(r"\s*(?:$|[,.;:!?)]|(?:and|or|with|for|in|on|over|under|at|of)\b)")
_LISTED_ENDS = re.compile(r"\s*(?:,|(?:and|or)\b)")


def either(text: str) -> str:
    """The alternatives of a text, one or several a line, divided by bars."""
    return f"(?:{'|'.join(part.strip() for part in text.strip().split('|'))})"


def is_negated(left: str) -> bool:
    """Whether a word after this context is negated."""
    return _DENIED.search(left) is not None


def part(right: str, nouns: AbstractSet[str]) -> str | None:
    """The product's or a part's name among the three words after a word: "frame" of "oak and brass frame".

    A name in front of another noun only tells that one apart: a teak bath mat is no bath.
    """
    at, known = 0, None
    for _ in range(3):
        match = NEXT_WORD.match(right, at)
        if match is None:
            return None
        word = match[1].removesuffix("'s")
        stem = tokenizer.stem(word)
        if stem in nouns or stem in PARTS:
            if word != stem or not _is_noun(right, match.end()):
                return stem
            known = stem
        elif known and stem in _WHOLE:
            return known
        elif word in STOP:
            return None
        at = match.end()
    return None


def _is_noun(right: str, at: int) -> bool:
    """Whether another noun follows, and no verb ("buckle fastens with snaps") or adjective ("case easy to grip")."""
    following = NEXT_WORD.match(right, at)
    if following is None or following[1] in STOP or right[at] == "-":
        return False
    # "Canvas work pants," against "the frame folds."
    ends = _LISTED_ENDS if following[1].endswith("s") else _NOUN_ENDS
    return ends.match(right, following.end()) is not None

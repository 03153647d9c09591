"""Numbers that are written as words: three, twenty-four, two dozen, one and a half."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

ONES = "one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def _words() -> Iterator[tuple[str, float]]:
    yield from {"half": 0.5, "half a": 0.5, "half an": 0.5, "half dozen": 6, "half a dozen": 6, "dozen": 12}.items()
    for value, one in enumerate(ONES, start=1):
        yield one, value
        yield f"{one} and a half", value + 0.5
        yield f"{one} dozen", 12 * value
    for value, teen in enumerate(TEENS, start=10):
        yield teen, value
    for value, ten in enumerate(TENS, start=2):
        yield ten, 10 * value
        for more, one in enumerate(ONES, start=1):
            yield f"{ten}-{one}", 10 * value + more
            yield f"{ten} {one}", 10 * value + more


WORDS: dict[str, float] = dict(_words())


def _pattern() -> str:
    """The words as a regular expression: the longest at a place is meant.

    By their first two letters, since 140 alternatives in a row take three times as long.
    """
    ordered = sorted(WORDS, key=lambda word: (word[:2], -len(word)))
    return "|".join(
        f"{letters}(?:{'|'.join(re.escape(word[2:]) for word in words)})"
        for letters, words in groupby(ordered, key=lambda word: word[:2])
    )


PATTERN = _pattern()

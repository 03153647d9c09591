"""Finds sentences that lost punctuation or a line break on their way through feeds: nobody should copy them."""

from __future__ import annotations

import re

from walmart_pipeline.text import mending

# A character that no code page had.
_LOST_CHARACTER = re.compile(r"\w\?\w|\?\?|\ufffd")
_PUNCTUATION = re.compile(r"[.,;:!?]")
# A feed without punctuation and capitals. Shorter ones are phrases: "fits 10 inch tablets".
STRIPPED_WORDS = 12
# 1 % of the sentences of 895 real records are longer: tables, and lists without line breaks.
MOST_WORDS = 70


def is_damaged(sentence: str) -> bool:
    """Return whether a sentence lost something that could be restored, or could not."""
    words = sentence.count(" ") + 1
    if words > MOST_WORDS or _LOST_CHARACTER.search(sentence):
        return True
    if words >= STRIPPED_WORDS and sentence.islower() and not _PUNCTUATION.search(sentence):
        return True
    if any(mending.is_measure(match["unit"]) for match in mending.LOST_POINT.finditer(sentence)):
        return True
    return mending.mended(sentence) != sentence

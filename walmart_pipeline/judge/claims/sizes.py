"""Sizes of clothing: "size 3X", "in size Medium"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from walmart_pipeline.judge.claims.claim import Claim
from walmart_pipeline.judge.claims.listing_text import ListingText
from walmart_pipeline.judge.claims.record import Record
from walmart_pipeline.text import tokenizer

_LETTERS = r"\d?x{0,3}-?[sl]|m|\dx|(?:(?:x|extra)[- ]?)*(?:small|large)|medium"
_NAMED = re.compile(rf"\bsize:?\s+(?:women[’']?s\s+|men[’']?s\s+)?({_LETTERS})(?![\w’'-])")
_SIZE = re.compile(rf"(?<![\w’'-])(?:{_LETTERS})(?![\w’'-])")


def size_claims(listing: ListingText, record: Record) -> Iterator[Claim]:
    """Each size of clothing that the text names, where the record has one or several."""
    if " size " not in listing.flat:
        return
    told = {
        _plain(size): size
        for name, value in record.product.attributes.items()
        if name.lower().split()[-1:] == ["size"]
        for size in _SIZE.findall(tokenizer.normalized(value))
    }
    if not told:
        return
    for match in _NAMED.finditer(listing.normalized):
        start, end = match.span(1)
        if _plain(match[1]) in told:
            yield Claim("attribute", start, end, "supported")
        else:
            yield Claim("attribute", start, end, "contradicted", tuple(size.upper() for size in told.values()))


def _plain(size: str) -> str:
    """Extra large = X-Large = XL, 3XL = 3X = XXXL."""
    short = re.sub(r"extra|x", "x", size)
    for word, letter in (("small", "s"), ("medium", "m"), ("large", "l")):
        short = short.replace(word, letter)
    short = re.sub(r"[- ]", "", short)
    if match := re.fullmatch(r"(\d)x[l]?", short):
        short = "x" * int(match[1]) + "l"
    return short

"""What a text says is in the box, and the record says is not.

Belongs here: parts that a record denies. Does not: counts of what is included (numbers.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from walmart_pipeline.quality import texts
from walmart_pipeline.quality.grounding import context
from walmart_pipeline.quality.grounding.claims import Claim
from walmart_pipeline.quality.grounding.listing_text import ListingText
from walmart_pipeline.quality.grounding.record import Record

_NOT_INCLUDED = re.compile(r"\b([a-z]+) (?:is |are )?(?:not included|sold separately|excluded)\b")
_INCLUDED = re.compile(r"^(.+?)s? included\??$")
_IN_THE_BOX = re.compile(
    r"\b(?:comes? with|includ(?:es?|ed|ing)|in the (?:same )?box|comes? in|supplied|bundled|ships with|along with)\b"
)
_DENIED = re.compile(r"\b(?:not|no|without|separately|optional|add your own|need|needs|required?)\b")


def included_claims(listing: ListingText, record: Record) -> Iterator[Claim]:
    """Each part that a sentence puts into the box, though the record says that it is not included."""
    for part, told in _lacking(record).items():
        for match in re.finditer(rf"\b{re.escape(part)}(?:s|es)?\b", listing.folded):
            start, end = match.span()
            sentence = f"{context.before(listing.folded, start)} {context.after(listing.folded, end)}"
            if _IN_THE_BOX.search(sentence) and not _DENIED.search(sentence):
                yield Claim("attribute", start, end, "contradicted", (told,))


def _lacking(record: Record) -> dict[str, str]:
    """Parts that are not included, each with where the record says so."""
    lacking: dict[str, str] = {}
    if "not included" in record.flat or "sold separately" in record.flat:
        lacking = {texts.stem(match[1]): match.group() for match in _NOT_INCLUDED.finditer(record.folded)}
    for name, value in record.product.attributes.items():
        named = _INCLUDED.match(name.lower())
        if named and value.strip().lower() in {"no", "n", "false", "none"}:
            lacking[texts.stem(named[1].split()[-1])] = f"{name}: {value}"
    return lacking

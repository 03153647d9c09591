"""What a text says the product has, or comes with, though the record says that it has not.

Belongs here: what a record denies in its own words. Does not: claims that are listed (terms.py).
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
_COMES_WITH = re.compile(r"\b(?:includ(?:es?|ing)|comes? with|ships with|supplied with)\s+(?:[\w-]+\s+){0,2}$")
_IN_THE_BOX = re.compile(r"\s+(?:(?:is|are|comes?)\s+)?(?:included|supplied|in the (?:same )?box)\b(?!\s+[a-z]+s\b)")
_DENIED = re.compile(
    r"\b(?:not|no|none|without|separately|optional|your own|need|needs|required?|isn't|doesn't|instead)\b"
)
_ANSWERED = re.compile(r"\s*[:=–-]\s*(?:no|none|false)\b")
_NO = frozenset({"no", "n", "false", "none"})
# So near behind a word, what denies it does.
SHORT = 30


def denied_claims(listing: ListingText, record: Record) -> Iterator[Claim]:
    """Each part that a sentence puts into the box or gives the product, against the record."""
    yield from _had(listing, record)
    for part, told in _lacking(record).items():
        for match in re.finditer(rf"\b{re.escape(part)}(?:s|es)?\b", listing.folded):
            start, end = match.span()
            ahead, behind = context.before(listing.folded, start), context.after(listing.folded, end)
            in_the_box = _COMES_WITH.search(ahead) or _IN_THE_BOX.match(behind)
            if in_the_box and not _DENIED.search(f"{ahead} {behind}") and not record.quotes(listing.folded, start, end):
                yield Claim("attribute", start, end, "contradicted", (told,))


def _had(listing: ListingText, record: Record) -> Iterator[Claim]:
    """ "A built-in side burner", where an attribute says "Side Burner: No"."""
    for name, value in record.product.attributes.items():
        if value.strip().lower() in _NO and len(words := texts.PIECE.findall(texts.folded(name))) > 1:
            found = re.search(rf"\b{'[ -]'.join(map(re.escape, words))}(?:s|es)?\b", listing.folded)
            if (
                found
                and not listing.has_claim(*found.span())
                and not _DENIED.search(context.before(listing.folded, found.start()))
            ):
                behind = context.after(listing.folded, found.end())
                denied = _ANSWERED.match(behind) or _DENIED.search(behind[:SHORT])
                if not denied and not record.quotes(listing.folded, *found.span()):
                    yield Claim("attribute", *found.span(), "contradicted", (f"{name}: {value}",))


def _lacking(record: Record) -> dict[str, str]:
    """Parts that are not included, each with where the record says so."""
    lacking: dict[str, str] = {}
    if "not included" in record.flat or "sold separately" in record.flat:
        lacking = {texts.stem(match[1]): match.group() for match in _NOT_INCLUDED.finditer(record.folded)}
    for name, value in record.product.attributes.items():
        named = _INCLUDED.match(name.lower())
        if named and value.strip().lower() in _NO:
            lacking[texts.stem(named[1].split()[-1])] = f"{name}: {value}"
    return lacking

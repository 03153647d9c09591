"""Parts that a text gives the product although the record denies them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from walmart_pipeline.judge.claims.claim import Claim
from walmart_pipeline.judge.claims.listing_text import ListingText
from walmart_pipeline.judge.claims.record import SourceRecord
from walmart_pipeline.text import tokenizer

_NOT_INCLUDED = re.compile(r"\b([a-z]+) (?:is |are )?(?:not included|sold separately|excluded)\b")
_COMES_WITH = re.compile(r"\b(?:includ(?:es?|ing)|comes? with|ships with|supplied with)\s+(?:[\w-]+\s+){0,2}$")
_IN_THE_BOX = re.compile(r"\s+(?:(?:is|are|comes?)\s+)?(?:included|supplied|in the (?:same )?box)\b(?!\s+[a-z]+s\b)")
_DENIED = re.compile(
    r"\b(?:not|no|none|without|separately|optional|your own|need|needs|required?|isn't|doesn't|instead)\b"
)
_ANSWERED = re.compile(r"\s*[:=–-]\s*(?:no|none|false)\b")
_NO = frozenset({"no", "No", "NO", "n", "N", "false", "False", "none", "None"})
# So near behind a word, what denies it does.
SHORT = 30


class _Denial(NamedTuple):
    """A part that the record denies, in lower-case words. `in_the_box`: it may be had, but does not come with it."""

    part: str
    statement: str
    in_the_box: bool


def denied_claims(listing: ListingText, record: SourceRecord) -> Iterator[Claim]:
    """Each part that a sentence gives the product or puts into its box, against the record."""
    for denial in _denials(record):
        # Battery and batteries.
        root = denial.part.removesuffix("y")
        if root not in listing.search_text:
            continue
        for match in re.finditer(rf"\b{root.replace(' ', '[ -]')}(?:y|ies|s|es)?\b", listing.normalized):
            span = match.span()
            is_claimed = _is_boxed if denial.in_the_box else _is_had
            if is_claimed(listing, *span) and not record.quotes(listing.normalized, *span):
                yield Claim("attribute", *span, "contradicted", (denial.statement,))


def _denials(record: SourceRecord) -> Iterator[_Denial]:
    for name, value in record.product.attributes.items():
        if value in _NO:
            *words, last = tokenizer.PIECE.findall(tokenizer.normalized(name)) or [""]
            if words and last == "included":
                yield _Denial(tokenizer.stem(words[-1]), f"{name}: {value}", in_the_box=True)
            # Of one word alone ("Lid: No") a text may speak in any other sense.
            elif words:
                yield _Denial(" ".join([*words, last]), f"{name}: {value}", in_the_box=False)
    if "not included" in record.search_text or "sold separately" in record.search_text:
        for match in _NOT_INCLUDED.finditer(record.normalized):
            yield _Denial(tokenizer.stem(match[1]), match.group(), in_the_box=True)


def _is_boxed(listing: ListingText, start: int, end: int) -> bool:
    """Whether a sentence says that it comes with the product."""
    left, right = listing.around(start, end)
    boxed = _COMES_WITH.search(left) or _IN_THE_BOX.match(right)
    return boxed is not None and _DENIED.search(f"{left} {right}") is None


def _is_had(listing: ListingText, start: int, end: int) -> bool:
    """Whether a sentence says that the product has it: "a built-in side burner", against "Side Burner: No"."""
    if listing.has_claim(start, end):
        return False
    left, right = listing.around(start, end)
    return not (_DENIED.search(left) or _ANSWERED.match(right) or _DENIED.search(right[:SHORT]))

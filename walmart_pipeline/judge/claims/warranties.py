"""What a text promises by a warranty."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from walmart_pipeline.judge.claims import context
from walmart_pipeline.judge.claims.claim import Claim, Subject
from walmart_pipeline.judge.claims.listing_text import ListingText
from walmart_pipeline.judge.claims.record import SourceRecord
from walmart_pipeline.text import sentences
from walmart_pipeline.text.quantities import PATTERN, WORDS

_REACH = 60
_WORD = re.compile(r"\b(?:warrant(?:y|ies)|guarantees?)\b")
_FIGURE = rf"(?P<figure>(?<![\d.])\d+(?:\.\d+)?|{PATTERN})"
_TIME = rf"(?:(?P<life>life[- ]?time)|{_FIGURE}[\s-]*(?P<unit>year|yr|month|mo|day)(?P<many>s?))\b"
# "5-year limited manufacturer's warranty"; "warranty of 5 years", "warranty length: 5 years".
_TIME_BEFORE = re.compile(rf"\b{_TIME}[\s-]+(?:(?!(?:and the|the|is|are|with|for|by|or)\b)[\w'’()-]+\s+){{0,4}}$")
_TIME_AFTER = re.compile(rf"[^.;\n\d]{{0,30}}?\b{_TIME}")
_MONTHS = {"year": 12.0, "yr": 12.0, "month": 1.0, "mo": 1.0, "day": 1 / 30}


class Promise(NamedTuple):
    """A warranty in a text: its time in months, None where it has none, and its span."""

    months: float | None
    time: str
    start: int
    end: int


def promises(normalized: str) -> Iterator[Promise]:
    """Each warranty of a normalized text; a guarantee without a time (of satisfaction, of freshness) is none."""
    for word in _WORD.finditer(normalized):
        start, end = word.span()
        if left := _TIME_BEFORE.search(normalized, max(0, start - _REACH), start):
            yield Promise(_months(left), _shown(left), left.start(), end)
        elif right := _TIME_AFTER.match(normalized, end, end + _REACH):
            yield Promise(_months(right), _shown(right), start, right.end())
        elif word.group().startswith("warrant"):
            yield Promise(None, "", start, end)


def warranty_claims(listing: ListingText, record: SourceRecord) -> Iterator[Claim]:
    """Each warranty that the text promises: contradicted by another time, unsupported where the record has none."""
    if "warrant" not in listing.search_text and "guarantee" not in listing.search_text:
        return
    found = list(promises(listing.normalized))
    known = list(promises(record.normalized)) if found else []
    timed = {promise.months: promise.time for promise in known if promise.months is not None}
    for promise in found:
        span = promise.start, promise.end
        if promise.months in timed or (promise.months is None and known):
            yield Claim("number" if promise.months is not None else "claim", *span, "supported")
        elif not context.is_negated(sentences.left_context(listing.normalized, promise.start)):
            if promise.months is not None and timed:
                # Another time is another figure; a warranty for life is another claim.
                subject: Subject = "claim" if promise.months == inf else "number"
                yield Claim(subject, *span, "contradicted", tuple(timed.values()))
            else:
                yield Claim("claim", *span, "unsupported")


def _months(match: re.Match[str]) -> float:
    if match["life"]:
        return inf
    figure = match["figure"]
    return (WORDS[figure] if figure in WORDS else float(figure)) * _MONTHS[match["unit"]]


def _shown(match: re.Match[str]) -> str:
    return match["life"] or match.group()[match.start("figure") - match.start() : match.end("many") - match.start()]
